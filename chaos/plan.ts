/**
 * Which faults come when: drawn from a seed, the same for the same seed.
 *
 * @module
 */

import { Random, streamSeed } from "../simulator/world/random.ts";
import { type FaultKind, isOfReplicas, type Particulars } from "./fault.ts";

/** What is drawn from: all of a {@link FaultKind} but how it is done. */
export type DrawnKind = Pick<FaultKind, "victim" | "name" | "lasts" | "reach">;

/** One fault of a plan. */
export interface PlannedFault<Kind extends DrawnKind = FaultKind> extends Particulars {
  readonly kind: Kind;
  /** After the beginning of its wave. */
  readonly afterMs: number;
  readonly lastsMs: number;
}

/** Faults that come together, and how long there is peace once all of them are mended. */
export interface Wave<Kind extends DrawnKind = FaultKind> {
  readonly faults: readonly PlannedFault<Kind>[];
  readonly peaceMs: number;
}

/** How many faults a wave has: most often one. */
const WAVE_SIZES = [1, 1, 1, 2, 2, 3];
/** The faults of a wave begin within this time. */
const WAVE_SPREAD_MS = 4_000;
const PEACE_MS = { least: 2_000, most: 6_000 };
/** Of the faults that may strike one shard or all. */
const ALL_SHARDS_PROBABILITY = 0.3;
/** Of the faults that may strike one replica or all. */
const ALL_REPLICAS_PROBABILITY = 0.15;

/** How many there are of whom a fault may strike one, or all. */
export interface StruckParties {
  readonly shards: number;
  readonly replicas: number;
}

/** An endless plan. Each kind comes once before any comes again; the faults of one wave strike different victims. */
export function* drawPlan<Kind extends DrawnKind>(
  seed: number,
  kinds: readonly Kind[],
  { shards, replicas }: StruckParties,
): Generator<Wave<Kind>, never> {
  const random = new Random(streamSeed(seed, 0));
  let deck: Kind[] = [];
  for (;;) {
    const faults: PlannedFault<Kind>[] = [];
    for (let left = random.pick(WAVE_SIZES); left > 0; left--) {
      if (deck.length === 0) deck = shuffled(kinds, random);
      const next = deck.findIndex(({ victim }) => !faults.some(({ kind }) => kind.victim === victim));
      const [kind] = next === -1 ? [] : deck.splice(next, 1);
      if (kind !== undefined) faults.push(drawFault(kind, { shards, replicas }, random));
    }
    faults.sort((one, other) => one.afterMs - other.afterMs);
    yield { faults, peaceMs: random.between(PEACE_MS.least, PEACE_MS.most) };
  }
}

function drawFault<Kind extends DrawnKind>(
  kind: Kind,
  { shards, replicas }: StruckParties,
  random: Random,
): PlannedFault<Kind> {
  const everywhere = random.chance(ALL_SHARDS_PROBABILITY) && kind.reach !== "one";
  return {
    kind,
    afterMs: random.below(WAVE_SPREAD_MS),
    lastsMs: kind.lasts === null ? 0 : random.between(kind.lasts[0] * 1_000, kind.lasts[1] * 1_000),
    shard: everywhere ? null : random.below(shards),
    dice: random.bits(),
    replica: drawReplica(kind, replicas, random),
  };
}

/** Nothing is drawn where there is one replica: its plans stay what they are. */
function drawReplica(kind: DrawnKind, replicas: number, random: Random): number | null {
  if (replicas === 1 || !isOfReplicas(kind) || random.chance(ALL_REPLICAS_PROBABILITY)) return null;
  return random.below(replicas);
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const deck = [...items];
  for (let left = deck.length; left > 1; left--) {
    const [item] = deck.splice(random.below(left), 1);
    if (item !== undefined) deck.push(item);
  }
  return deck;
}

/** The waves that begin within so much time, where every fault takes as long as planned and no longer. */
export function* within<Kind extends DrawnKind>(
  plan: Iterable<Wave<Kind>>,
  durationMs: number,
): Generator<{ atMs: number; wave: Wave<Kind> }> {
  let atMs = 0;
  for (const wave of plan) {
    if (atMs >= durationMs) return;
    yield { atMs, wave };
    const wavesEnd = wave.faults.map(({ afterMs, lastsMs }) => afterMs + lastsMs);
    atMs += Math.max(0, ...wavesEnd) + wave.peaceMs;
  }
}
