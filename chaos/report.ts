/**
 * How a run ended, as rows for people.
 *
 * @module
 */

import type { Screen } from "../harness/screen.ts";
import type { FaultKind } from "./fault.ts";
import type { FencingJudgement } from "./fencing.ts";
import type { Judgement } from "./judgement.ts";
import type { CacheJudgement } from "./state_cache.ts";
import { grouped } from "./words.ts";

/** A name and what belongs to it. */
export type Row = readonly [name: string, value: string];

/** Kinds of faults are listed up to this column, then on the next row. */
const LIST_WIDTH = 84;

/** Kinds of faults with how often each struck, one victim after the other. */
export function faultRows(kinds: readonly FaultKind[], counts: ReadonlyMap<FaultKind, number>): Row[] {
  return [...Map.groupBy(kinds, ({ victim }) => victim)].flatMap(([victim, ofVictim]) => {
    const lines: string[] = [];
    for (const kind of ofVictim) {
      const words = `${kind.name} × ${counts.get(kind) ?? 0}`;
      const longer = `${lines.at(-1)}   ${words}`;
      if (lines.length === 0 || longer.length > LIST_WIDTH) lines.push(words);
      else lines.splice(-1, 1, longer);
    }
    return lines.map((line, index): Row => [index === 0 ? victim : "", line]);
  });
}

/** What a judgement says, with its figures below each other. */
export function judgementRows(judgement: Judgement): Row[] {
  const { sent, delivered, inGaps, lost, outOfOrder, changed, invented, repeated } = judgement;
  const { sessionsReplaced, sessionsNamed, unfounded, needless, leftInSpool } = judgement;
  return [
    ["events sent", grouped(sent)],
    ["delivered", grouped(delivered)],
    ["in named gaps", grouped(inGaps)],
    ["lost", grouped(lost)],
    ["out of order", grouped(outOfOrder)],
    ["changed", grouped(changed + invented)],
    ["repeated", grouped(repeated)],
    ["sessions replaced", grouped(sessionsReplaced)],
    ["of them named", grouped(sessionsNamed)],
    ["named wrongly", grouped(unfounded)],
    ["given up needlessly", grouped(needless)],
    ["left in another's spool", grouped(leftInSpool)],
  ];
}

/** What a fleet adds to it. */
export function fencingRows(
  { published, withoutLease, late, interrupted, overslept, noticed, marginMs }: FencingJudgement,
  takings: number,
): Row[] {
  return [
    ["events that left a replica", grouped(published)],
    ["leases taken", grouped(takings)],
    ["published without lease", grouped(withoutLease)],
    ["of a spool, late, and told", grouped(late)],
    ["in a write that a pause interrupted", grouped(interrupted)],
    ["slept past a lease", grouped(overslept)],
    ["of them noticed", grouped(noticed)],
    ["heard late by, at most", `${marginMs.toFixed(0)} ms`],
  ];
}

/** How the state cache ended. */
export function cacheRows({ expected, missing, changed, surplus }: CacheJudgement): Row[] {
  return [
    ["keys of the state cache", grouped(expected)],
    ["of them missing", grouped(missing)],
    ["of them changed", grouped(changed)],
    ["keys too many", grouped(surplus)],
  ];
}

/** Rows with their values to the right. */
export function showFigures(screen: Screen, rows: readonly Row[]): void {
  const width = Math.max(...rows.map(([, value]) => value.length));
  screen.rows(rows.map(([name, value]) => [name, value.padStart(width)]));
}
