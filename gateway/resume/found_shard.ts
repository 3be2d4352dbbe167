/**
 * What a process that starts finds of a shard: from where its session goes on, out of what the store says and what
 * the spool on this process's disk says.
 *
 * The store knows what the broker has confirmed, and other processes write to it too. The spool knows besides what is
 * durable without being confirmed, and only of the time when this process's predecessor ran the shard.
 *
 * @module
 */
import type { ResumePoint, StoredFleet, StoredShard } from "./points.ts";

/** What the spool holds, as far as it counts here. */
export interface SpooledShards {
  /** Number of shards that the points were written for; null where there are none. */
  readonly total: number | null;
  readonly points: ReadonlyMap<number, ResumePoint>;
  /** The first event that waits for the broker, of shards where one does. */
  readonly lanes: ReadonlyMap<number, SpooledStart>;
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
  spooled: ResumePoint | undefined,
  lane: SpooledStart | undefined,
  foreign: boolean,
): FoundShard {
  const durable = furtherPoint(stored, spooled, foreign);
  return {
    ...stored,
    point: durable && { ...durable, sequence: publishedSequence(durable, stored.point, lane) },
    durableSequence: durable?.sequence ?? 0,
    superseded: durable?.sessionId === stored.point?.sessionId ? null : stored.point,
    late: lane !== undefined && isTakenOver(lane, spooled, stored.point, durable, foreign),
  };
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
  if (lost.some(({ sinceMs }) => startedAtMs <= sinceMs)) return point;
  if (point === null) return spooled;
  return (spooled.startedAtMs ?? -Infinity) > (point.startedAtMs ?? -Infinity) ? spooled : point;
}

/** Up to where the broker has confirmed everything of the session of `durable`. */
function publishedSequence(
  durable: ResumePoint,
  stored: ResumePoint | null,
  lane: SpooledStart | undefined,
): number {
  if (stored?.sessionId === durable.sessionId) return stored.sequence;
  if (lane === undefined) return durable.sequence;
  // Behind an earlier session's events nothing of this one has been published.
  if (lane.firstSession !== durable.sessionId) return 0;
  return Math.min(lane.firstSequence - 1, durable.sequence);
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
