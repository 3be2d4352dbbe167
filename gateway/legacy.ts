/**
 * What earlier processes left of the shards, and what that means for the one that starts: which sessions go on, which
 * are lost, and why.
 *
 * @module
 */
import { NOTHING_SPOOLED, type SpoolContents } from "./delivery/spool.ts";
import type { ShardLegacy } from "./hosted_shard.ts";
import type { GapReason } from "./observation.ts";
import { type FoundShard, foundShards } from "./resume/found_shard.ts";
import type { LostSession, ResumePoint, StoredFleet, StoredShard } from "./resume/points.ts";
import type { ShardStart } from "./shard/machine.ts";

/** What this process's folder held. */
export interface LeftOnDisk {
  /** Null without a spool. */
  readonly spooled: SpoolContents | null;
  /** What was on disk could not be read. */
  readonly isSpoolDamaged: boolean;
}

/** In the store, and on disk. */
export interface Left extends LeftOnDisk {
  readonly fleet: StoredFleet;
  readonly shards: ReadonlyMap<number, FoundShard>;
  /** Number of shards that the sessions are of; null where nobody knows. */
  readonly total: number | null;
}

/**
 * Without what is on disk of how far shards had come that others may have run since: then the store knows better, and no two
 * machines' clocks tell which of two sessions began later. What waits there for the broker stays.
 */
export function withPointsOf(disk: LeftOnDisk, isOurs: (shard: number) => boolean): LeftOnDisk {
  const { spooled } = disk;
  if (spooled === null) return disk;
  const points = new Map([...spooled.points].filter(([shard]) => isOurs(shard)));
  return { ...disk, spooled: { ...spooled, points } };
}

/** Without what waited there of shards of which all has been published since, though they did not run here by then. */
export function withoutPublished(disk: LeftOnDisk, isPublished: (shard: number) => boolean): LeftOnDisk {
  const { spooled } = disk;
  if (spooled === null) return disk;
  const lanes = new Map([...spooled.lanes].filter(([shard]) => !isPublished(shard)));
  return { ...disk, spooled: { ...spooled, lanes } };
}

export function leftOf(fleet: StoredFleet, disk: LeftOnDisk): Left {
  const { spooled } = disk;
  return {
    ...disk,
    fleet,
    shards: foundShards(fleet, spooled ?? NOTHING_SPOOLED),
    total: fleet.total ?? spooled?.total ?? null,
  };
}

/** The same for shards that are taken over while the fleet runs. */
export function leftOfShards(
  total: number,
  shards: ReadonlyMap<number, StoredShard>,
  { spooled }: LeftOnDisk,
): ReadonlyMap<number, FoundShard> {
  const fleet = { total, bot: null, shards, foreign: false };
  const theirs = <Value>(of: ReadonlyMap<number, Value>, taken: ReadonlySet<number>) =>
    new Map([...of].filter(([shard]) => taken.has(shard)));
  const taken = new Set(shards.keys());
  const { points, lanes, ...rest } = spooled ?? NOTHING_SPOOLED;
  return foundShards(fleet, { ...rest, points: theirs(points, taken), lanes: theirs(lanes, taken) });
}

/** Why no session at all is resumed; null where they are. */
export function lossOfAll(
  { fleet, total: totalLeft }: Left,
  now: { readonly total: number; readonly bot: string | null; readonly mayResume: boolean },
): GapReason | null {
  if (!now.mayResume) return "resume_disabled";
  if (fleet.bot !== null && now.bot !== null && fleet.bot !== now.bot) return "bot_changed";
  return totalLeft === now.total ? null : "total_changed";
}

/** What was lost with all sessions, or with what was on disk. */
export interface CommonLoss {
  readonly ofAll: GapReason | null;
  readonly isSpoolDamaged: boolean;
  /** Of this moment. */
  readonly wallMs: number;
}

/** What a shard takes over from an earlier process, with what is found to be lost of it. Finds nothing a second time. */
export function legacyOf(found: FoundShard | undefined, loss: CommonLoss): ShardLegacy {
  if (found === undefined) return { point: null, guilds: null, lost: [] };
  const lost = [...found.lost];
  const { superseded, point, guilds } = found;
  // Given up while the store took nothing, so that only the spool knows of the one after it.
  if (superseded !== null && !lost.some(({ sessionId }) => sessionId === superseded.sessionId)) {
    // Before the later one began, whatever else is known of it.
    const sinceMs = superseded.lastEventAtMs ?? (point?.startedAtMs ?? 1) - 1;
    lost.push({ ...lostNow(superseded, "superseded", loss.wallMs), sinceMs });
  }
  const reasons: (GapReason | null)[] = [loss.isSpoolDamaged ? "spool_damaged" : null, loss.ofAll];
  for (const reason of reasons) {
    if (reason === null || point === null) continue;
    const isFound = lost.some((known) => known.sessionId === point.sessionId && known.reason === reason);
    if (!isFound) lost.push(lostNow(point, reason, loss.wallMs));
  }
  return loss.ofAll === null ? { point, guilds, lost } : { point: null, guilds: null, lost };
}

function lostNow(
  { sessionId, sequence, lastEventAtMs }: ResumePoint,
  reason: GapReason,
  wallMs: number,
): LostSession {
  return { sessionId, sequence, sinceMs: lastEventAtMs ?? wallMs, reason };
}

/** Our own settings, as far as a session keeps what it began with. */
export interface SessionSettings {
  readonly intents: number;
  /** Text of an op 3's `d`. */
  readonly presence: string;
  /** Wall clock of this process's start: a session that began later was given newer settings than ours. */
  readonly startedAtMs: number;
}

/** How a shard starts that finds this. */
export function startOf(
  found: FoundShard | undefined,
  { intents, presence, startedAtMs }: SessionSettings,
): ShardStart {
  const point = found?.point ?? null;
  const isOlder = point !== null && (point.startedAtMs ?? 0) < startedAtMs;
  return {
    session: found !== undefined && point !== null ? { ...point, sequence: found.durableSequence } : null,
    presence: found?.presence ?? null,
    // A session that another service wrote tells neither its presence nor its intents: it is left as it is.
    presenceOutdated: isOlder && point.configuredPresence !== null && point.configuredPresence !== presence,
    replace: isOlder && point.intents !== null && point.intents !== intents ? "intents_changed" : null,
  };
}
