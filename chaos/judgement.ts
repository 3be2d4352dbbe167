/**
 * What was sent held against what came, and against the gaps that were named.
 *
 * @module
 */

import type { SentSession } from "./discord_control.ts";
import type { Receipts } from "./receipts.ts";

/** What `shard.<id>.gap` says, as far as it is needed (the wire contract, News). */
export interface NamedGap {
  readonly shard: number;
  readonly old_session: string;
  readonly new_session: string | null;
  readonly last_sequence: number;
  readonly reason: string;
}

/** Everything that a judgement is made from. */
export interface Evidence {
  /** In the order in which the sessions began. */
  readonly sent: readonly SentSession[];
  readonly receipts: Receipts;
  readonly gaps: readonly NamedGap[];
  /** Session → why Discord ended it. */
  readonly endings: ReadonlyMap<string, string>;
  /** Ids of events that came late from a spool, as was said. */
  readonly lateIds?: ReadonlySet<string>;
  /** Shards of which a replica said that events of them were in its spool when another took them over. */
  readonly lateShards?: ReadonlySet<number>;
}

export interface Judgement {
  /** Dispatches that Discord delivered, or would have on a resume. */
  readonly sent: number;
  /** Of these, those that came. */
  readonly delivered: number;
  /** Of these, those that did not come, in a session whose end a gap names. */
  readonly inGaps: number;
  /** Of these, those that did not come, and that nobody names. */
  readonly lost: number;
  /** Events that came behind a later one of their shard, repeats and late ones left out. */
  readonly outOfOrder: number;
  /** Events that came late from a spool, as was said: they have no place in the order. */
  readonly late: number;
  /** Events and repeats whose bytes are not those that were sent. */
  readonly changed: number;
  /** Events that came and were never sent. */
  readonly invented: number;
  readonly repeated: number;
  /** Sessions in whose place another one stands: each must be named. */
  readonly sessionsReplaced: number;
  /** Of these, those that a gap names. */
  readonly sessionsNamed: number;
  /** Gaps that name a session which is not over, or which never was. */
  readonly unfounded: number;
  /** Named sessions that Discord had not ended: given up for nothing. */
  readonly needless: number;
  /** Named sessions that others could not resume, because their end was in the spool of a replica, as was said. */
  readonly leftInSpool: number;
  /** What is wrong, in words, for whoever looks for the cause; the first of each kind. */
  readonly findings: readonly string[];
}

/** Discord gives a session up with op 9 `false`, or with a close code that ends it. */
const ENDED_BY_DISCORD = /^(invalidated by op 9|server closed with \d+)$/;

/** Discord had been told that what whoever resumed asked for may be forgotten. */
const TOO_FAR_BACK = "resumed too far back";

/** Findings of one kind that are listed. */
const LISTED_FINDINGS = 20;

/** Whether all that was promised was kept. */
export function isFaultless(judgement: Judgement): boolean {
  const { lost, outOfOrder, changed, invented, unfounded, needless, sessionsReplaced, sessionsNamed } =
    judgement;
  return lost + outOfOrder + changed + invented + unfounded + needless === 0 &&
    sessionsNamed === sessionsReplaced;
}

export function judge(
  { sent, receipts, gaps, endings, lateIds = new Set(), lateShards = new Set() }: Evidence,
): Judgement {
  const findings = new Findings();
  const shards = Map.groupBy(sent, ({ shard }) => shard);
  const count = { sent: 0, delivered: 0, inGaps: 0, lost: 0, outOfOrder: 0, late: 0, changed: 0 };
  let sessionsReplaced = 0;
  let sessionsNamed = 0;

  for (const [shard, sessions] of shards) {
    const missingAfter = namedFrom(sessions, gaps);
    let latestArrival = -1;
    for (const [index, { session, entries }] of sessions.entries()) {
      const after = missingAfter.get(session);
      if (index < sessions.length - 1) {
        sessionsReplaced++;
        if (after !== undefined) sessionsNamed++;
        else findings.add("unnamed", `shard ${shard}: no gap names the end of session ${session}`);
      }
      const { hashes, arrivals } = receipts.of(session);
      for (const { s, t, sha256, replayable } of entries) {
        if (replayable) count.sent++;
        const hash = hashes[s];
        const arrival = arrivals[s] ?? -1;
        if (hash === undefined) {
          if (!replayable) continue;
          if (after !== undefined && s > after) count.inGaps++;
          else {
            count.lost++;
            findings.add("lost", `shard ${shard}: ${t} ${session}:${s} did not come`);
          }
          continue;
        }
        if (replayable) count.delivered++;
        if (hash !== sha256) {
          count.changed++;
          findings.add("changed", `shard ${shard}: ${t} ${session}:${s} came with other bytes`);
        }
        if (lateIds.has(`${session}:${s}`)) {
          count.late++;
          continue;
        }
        if (arrival < latestArrival) {
          count.outOfOrder++;
          findings.add("out of order", `shard ${shard}: ${t} ${session}:${s} came behind a later one`);
        }
        latestArrival = Math.max(latestArrival, arrival);
      }
    }
  }

  return {
    ...count,
    changed: count.changed + receipts.alteredRepeats,
    invented: countInvented(sent, receipts, findings),
    repeated: receipts.repeats,
    sessionsReplaced,
    sessionsNamed,
    ...judgeGaps(shards, { gaps, endings, lateShards }, findings),
    findings: findings.list,
  };
}

/**
 * Session → the sequence after which what is missing of it is named. A gap from one session to another also stands
 * for the sessions between the two: those whose READY nobody lived to hand on.
 */
function namedFrom(sessions: readonly SentSession[], gaps: readonly NamedGap[]): Map<string, number> {
  const named = new Map<string, number>();
  const places = new Map(sessions.map(({ session }, index) => [session, index]));
  const name = (session: string, after: number) =>
    named.set(session, Math.min(after, named.get(session) ?? Infinity));
  for (const { old_session, new_session, last_sequence } of gaps) {
    const from = places.get(old_session);
    const to = new_session === null ? undefined : places.get(new_session);
    if (from === undefined || to === undefined) continue;
    name(old_session, last_sequence);
    for (const { session } of sessions.slice(from + 1, to)) name(session, 0);
  }
  return named;
}

function countInvented(sent: readonly SentSession[], receipts: Receipts, findings: Findings): number {
  const sequences = new Map(
    sent.map(({ session, entries }) => [session, new Set(entries.map(({ s }) => s))]),
  );
  let invented = 0;
  for (const session of receipts.sessions) {
    const known = sequences.get(session);
    for (const [sequence, hash] of receipts.of(session).hashes.entries()) {
      if (hash === undefined || known?.has(sequence)) continue;
      invented++;
      findings.add("invented", `${session}:${sequence} came and was never sent`);
    }
  }
  return invented;
}

function judgeGaps(
  shards: ReadonlyMap<number, readonly SentSession[]>,
  { gaps, endings, lateShards }: Required<Pick<Evidence, "gaps" | "endings" | "lateShards">>,
  findings: Findings,
): { unfounded: number; needless: number; leftInSpool: number } {
  const unfounded = new Set<string>();
  const leftInSpool = new Set<string>();
  const needless = new Set<string>();
  for (const { shard, old_session, new_session, reason } of gaps) {
    const sessions = shards.get(shard) ?? [];
    const from = sessions.findIndex(({ session }) => session === old_session);
    const to = sessions.findIndex(({ session }) => session === new_session);
    const words = `shard ${shard}: gap ${old_session} → ${new_session} (${reason})`;
    if (from === -1 || to <= from) {
      if (!unfounded.has(old_session)) {
        findings.add("unfounded", `${words} names no session that was replaced`);
      }
      unfounded.add(old_session);
      continue;
    }
    const ending = endings.get(old_session);
    if (ending !== undefined && ENDED_BY_DISCORD.test(ending)) continue;
    if (ending === TOO_FAR_BACK && lateShards.has(shard)) {
      leftInSpool.add(old_session);
      continue;
    }
    if (!needless.has(old_session)) {
      findings.add("needless", `${words}: to Discord it ${ending ?? "is alive"}`);
    }
    needless.add(old_session);
  }
  return { unfounded: unfounded.size, needless: needless.size, leftInSpool: leftInSpool.size };
}

/** The first findings of each kind. */
class Findings {
  readonly #byKind = new Map<string, string[]>();

  get list(): readonly string[] {
    return [...this.#byKind.values()].flat();
  }

  add(kind: string, words: string): void {
    const known = this.#byKind.get(kind) ?? [];
    this.#byKind.set(kind, known);
    if (known.length < LISTED_FINDINGS) known.push(words);
  }
}
