/**
 * What a process that starts finds of a shard: from where its session goes on, out of what the store says and what
 * the spool on this process's disk says.
 *
 * The store knows what the broker has confirmed, and other processes write to it too. The spool knows besides what is
 * durable without being confirmed, and only of the time when this process's predecessor ran the shard.
 *
 * @module
 */
import {
  endsSession,
  type LostSession,
  type ResumePoint,
  type StoredFleet,
  type StoredShard,
} from "./points.ts";

/** What the spool holds, as far as it counts here. */
export interface SpooledShards {
  /** Number of shards that the points were written for; null where there are none. */
  readonly total: number | null;
  readonly points: ReadonlyMap<number, SpooledPoint>;
  /** The first event that waits for the broker, of shards where one does. */
  readonly lanes: ReadonlyMap<number, SpooledStart>;
}

/** A point, and what had been lost of the shard before and was not told. */
interface SpooledPoint extends ResumePoint {
  readonly lost: readonly LostSession[];
}

interface SpooledStart {
  readonly firstSession: string;
  readonly firstSequence: number;
}

/** Its `point` is as the store is to have it: confirmed by the broker. The rest is as the store has it. */
export interface FoundShard extends StoredShard {
  /** From where the point's session is resumed: the point's sequence, or beyond it what is spooled. 0 without a point. */
  readonly durableSequence: number;
  /** The store's session, where the spool knows that a later one stands in its place. */
  readonly superseded: ResumePoint | null;
  /** What is spooled was left behind: another process has run the shard since. False where nothing is. */
  readonly late: boolean;
}

const NOTHING_STORED: StoredShard = { point: null, lost: [], presence: null, guilds: null };

/** Every shard of which the store or the spool knows anything. */
export function foundShards(stored: StoredFleet, spooled: SpooledShards): Map<number, FoundShard> {
  const isOfOtherTotal = stored.total !== null && spooled.total !== null && stored.total !== spooled.total;
  const points: SpooledShards["points"] = isOfOtherTotal ? new Map() : spooled.points;
  const shards = [stored.shards, points, spooled.lanes].flatMap((found) => [...found.keys()]);
  return new Map(shards.map((shard) => {
    const left = stored.shards.get(shard) ?? NOTHING_STORED;
    return [shard, foundShard(left, points.get(shard), spooled.lanes.get(shard), stored.foreign)];
  }));
}

function foundShard(
  stored: StoredShard,
  spooledPoint: SpooledPoint | undefined,
  lane: SpooledStart | undefined,
  foreign: boolean,
): FoundShard {
  let spooled: ResumePoint | undefined;
  let spooledLost: readonly LostSession[] = [];
  if (spooledPoint !== undefined) ({ lost: spooledLost, ...spooled } = spooledPoint);
  const durable = furtherPoint(stored, spooled, foreign);
  return {
    ...stored,
    // Where the store took less than the spool it does not know all that was lost either.
    lost: durable === spooled ? allLost(stored.lost, spooledLost) : stored.lost,
    point: durable && { ...durable, sequence: publishedSequence(durable, stored.point, lane) },
    durableSequence: durable?.sequence ?? 0,
    superseded: durable?.sessionId === stored.point?.sessionId ? null : stored.point,
    late: lane !== undefined && isTakenOver(lane, spooled, stored.point, durable, foreign),
  };
}

function allLost(stored: readonly LostSession[], spooled: readonly LostSession[]): LostSession[] {
  const isSame = (one: LostSession, other: LostSession) =>
    one.sessionId === other.sessionId && one.reason === other.reason &&
    (one.type === undefined || one.sequence === other.sequence);
  return [...stored.filter((one) => !spooled.some((other) => isSame(one, other))), ...spooled];
}

/** Of the same session the point that is further; of two sessions the one that began later. */
function furtherPoint(
  { point, lost }: StoredShard,
  spooled: ResumePoint | undefined,
  foreign: boolean,
): ResumePoint | null {
  if (spooled === undefined) return point;
  if (point?.sessionId === spooled.sessionId) return spooled.sequence > point.sequence ? spooled : point;
  // Another service's word on which sessions there are is the last one.
  if (foreign) return point;
  // What is given up is not taken up again, nor is any session before it.
  const startedAtMs = spooled.startedAtMs ?? -Infinity;
  const isLost = (loss: LostSession) => loss.sessionId === spooled.sessionId && endsSession(loss);
  // By its name too: a clock may have been set back since it began.
  if (lost.some((loss) => startedAtMs <= loss.sinceMs || isLost(loss))) return point;
  if (point === null) return spooled;
  return (spooled.startedAtMs ?? -Infinity) > (point.startedAtMs ?? -Infinity) ? spooled : point;
}

/** Up to where the broker has confirmed everything of the session of `durable`. */
function publishedSequence(
  durable: ResumePoint,
  stored: ResumePoint | null,
  lane: SpooledStart | undefined,
): number {
  const known = stored?.sessionId === durable.sessionId ? stored.sequence : 0;
  if (lane === undefined) return durable.sequence;
  // Behind an earlier session's events nothing of this one has been published that the store does not know.
  if (lane.firstSession !== durable.sessionId) return known;
  return Math.max(known, Math.min(lane.firstSequence - 1, durable.sequence));
}

/** Whether the store shows that another process has run the shard since the spool was written. */
function isTakenOver(
  lane: SpooledStart,
  spooled: ResumePoint | undefined,
  stored: ResumePoint | null,
  durable: ResumePoint | null,
  foreign: boolean,
): boolean {
  const sessionSpooled = spooled?.sessionId ?? lane.firstSession;
  if (durable?.sessionId !== sessionSpooled) return stored !== null || foreign;
  return stored?.sessionId === sessionSpooled && spooled !== undefined && stored.sequence > spooled.sequence;
}
