/**
 * Resume points: from where Discord is asked to continue each shard's session, and the port that keeps them.
 *
 * @module
 */
import type { GapReason } from "../observation.ts";

/** What is kept of one shard, enough to resume it in another process. */
export interface ResumePoint {
  readonly sessionId: string;
  /** Highest sequence up to which everything is confirmed by the broker; 0 before the first confirmation. */
  readonly sequence: number;
  /** As READY gave it; null where it gave none, or where another service wrote the session. */
  readonly resumeGatewayUrl: string | null;
  /** The intents of the IDENTIFY; a resume keeps them. Null where another service wrote the session. */
  readonly intents: number | null;
  /** The presence that our own settings gave at the last IDENTIFY or op 3, as JSON text; null = unknown. */
  readonly configuredPresence: string | null;
  /** Wall clock of its READY, milliseconds since the epoch; null where another service wrote the session. */
  readonly startedAtMs: number | null;
  /** Wall clock of the receipt of the event at {@link sequence}, or of READY before it; null where not known. */
  readonly lastEventAtMs: number | null;
}

/** What was lost of a session, or with it: kept until its gap has been told. */
export interface LostSession {
  readonly sessionId: string;
  /** Everything up to here was confirmed by the broker when this was written. */
  readonly sequence: number;
  /** Wall clock of its last dispatch, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly reason: GapReason;
  /** Name of the one event that is missing, the next after {@link sequence}; only with `event_refused`. */
  readonly type?: string;
}

/** Whether the session is over: a damaged spool, or an event that the broker refuses, leave it as it is. */
export function endsSession({ reason }: Pick<LostSession, "reason">): boolean {
  return reason !== "spool_damaged" && reason !== "event_refused";
}

/** What changed for one shard since the last write. An absent field stays as it is. */
export interface PointChange {
  /** null: the session is gone. */
  readonly point?: ResumePoint | null;
  /** What was lost and has not been told, the oldest first. */
  readonly lost?: readonly LostSession[];
  /** The last op 3 a bot sent on this shard, its `d` as JSON text, sent again after a fresh IDENTIFY. */
  readonly presence?: string | null;
  /** Ids of the guilds of this shard. */
  readonly guilds?: readonly bigint[];
}

/** What an earlier process left. */
export interface StoredFleet {
  /** `gateway_shards`; null where nothing (readable) is stored. */
  readonly total: number | null;
  /** Id of the bot that the sessions belong to; null where that is not known. */
  readonly bot: string | null;
  readonly shards: ReadonlyMap<number, StoredShard>;
  /** True where another service wrote last, so that its `gateway_sessions` was taken as the truth. */
  readonly foreign: boolean;
}

export interface StoredShard {
  readonly point: ResumePoint | null;
  readonly lost: readonly LostSession[];
  readonly presence: string | null;
  readonly guilds: readonly bigint[] | null;
}

export interface Reign {
  readonly total: number;
  /** Id of the bot; null where the token does not tell. */
  readonly bot: string | null;
  readonly startedAtMs: number;
  readonly keepSessions: boolean;
  /** Shard → what is found to be lost with this start: stored with the rest, so that no gap remains untold. */
  readonly lost: ReadonlyMap<number, readonly LostSession[]>;
  readonly imported: StoredFleet;
}

/** Keeps resume points, durably enough that the next process finds them. */
export interface ResumePoints {
  /** Reads what is there. Waits for the store as long as it takes; garbage is skipped and observed. */
  load(): Promise<StoredFleet>;
  /** Reads what is there of these shards, like {@link load}; one of which nothing is there is absent. */
  read(shards: readonly number[]): Promise<ReadonlyMap<number, StoredShard>>;
  /**
   * Begins this process's reign, in one transaction: takes over what {@link load} returned where another
   * service wrote it, removes every session if `keepSessions` is false, and sets total, bot and start time. What is
   * stored of shards is otherwise left as it is; so is the bot where `bot` is null, as long as its sessions stay. Resolves
   * with whether it is begun: not where another leads by now.
   */
  begin(reign: Reign): Promise<boolean>;
  /**
   * Writes what moved, in one round trip; one call at a time. Resolves when the store has acknowledged it, with the shards
   * of which it has taken nothing: their leases are no longer ours.
   */
  write(changes: ReadonlyMap<number, PointChange>): Promise<ReadonlySet<number>>;
  /** Another process runs this shard now: a store that comes back empty is not to get it from here. */
  forget(shard: number): void;
}
