/**
 * The state of this process's shards and of its neighbours, folded from observations into one snapshot that
 * the board, the metrics and the readiness probe read.
 *
 * @module
 */
import type { Clock } from "./clock.ts";
import type { ShardState } from "./figures/watched_shard.ts";
import type { Observer, ShardStatus } from "./observation.ts";
import type { ShardEntry } from "./resume/board.ts";

/** What is known of one shard at the moment of the snapshot. */
export interface ShardSnapshot extends ShardEntry {
  /** Since when it has this status, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Disconnected only because it is not its turn to identify yet. */
  readonly waitingForTurn: boolean;
  /** Away until the broker has caught up; comes back by itself. */
  readonly parked: boolean;
  /** For how long it has been anything but Connected, in milliseconds; 0 while it waits for its turn. */
  readonly awayMs: number;
}

/** Everything at one moment. Frozen, and plain data throughout. */
export interface StatusSnapshot {
  /** By shard id. */
  readonly shards: readonly ShardSnapshot[];
  readonly counts: Readonly<Record<ShardStatus, number>>;
  /** Both connections, the publishing one as well as the consuming one. */
  readonly brokerConnected: boolean;
  readonly redisConnected: boolean;
}

/** A shard may be away for this long before the service counts as not ready (wire contract, HTTP). */
const AWAY_MAX_MS = 60_000;

interface ShardRecord extends ShardState {
  status: ShardStatus;
  sinceMs: number;
  waitingForTurn: boolean;
  parked: boolean;
  acknowledged: boolean;
  latencyMs: number;
  lastAckAtMs: number;
  session: string;
  /** Of the monotonic clock; null while Connected or waiting for its turn. */
  awaySinceMs: number | null;
}

export class Status {
  readonly #clock: Clock;
  readonly #shards = new Map<number, ShardRecord>();
  readonly #changed = new Set<number>();
  readonly #brokerConnections = { publishing: false, consuming: false };
  #redisConnected = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Names the shards that this process runs. New ones begin Disconnected, those no longer named are forgotten,
   * and what is observed of any other shard is passed over.
   */
  assign(shards: Iterable<number>): void {
    const assigned = new Set(shards);
    for (const shard of this.#shards.keys()) {
      if (!assigned.has(shard)) this.#shards.delete(shard);
    }
    for (const shard of assigned) {
      if (this.#shards.has(shard)) continue;
      this.#shards.set(shard, {
        status: "Disconnected",
        sinceMs: this.#clock.wallMs(),
        waitingForTurn: false,
        parked: false,
        acknowledged: false,
        latencyMs: 0,
        lastAckAtMs: this.#clock.wallMs(),
        session: "",
        awaySinceMs: this.#clock.nowMs(),
      });
      this.#changed.add(shard);
    }
    const inOrder = [...this.#shards].sort(([one], [other]) => one - other);
    this.#shards.clear();
    for (const [shard, record] of inOrder) this.#shards.set(shard, record);
  }

  readonly observe: Observer = (observation) => {
    switch (observation.kind) {
      case "event.received": // By far the most frequent, and nothing to this fold.
        return;
      case "shard.status":
        return this.#turn(observation.shard, observation.status, observation.waitingForTurn);
      case "shard.connecting":
        return this.#change(observation.shard, {
          acknowledged: false,
          latencyMs: 0,
          lastAckAtMs: this.#clock.wallMs(),
        });
      case "shard.acknowledged":
        return this.#change(observation.shard, {
          acknowledged: true,
          // 0 says that there was none yet (wire contract, Redis).
          latencyMs: Math.max(1, Math.round(observation.latencyMs)),
          lastAckAtMs: this.#clock.wallMs(),
        });
      case "shard.identifying":
        return this.#change(observation.shard, { session: "" });
      case "shard.resuming":
      case "shard.ready":
        return this.#change(observation.shard, { session: observation.session });
      case "shard.parked":
        return this.#change(observation.shard, { parked: true });
      case "shard.unparked":
        return this.#change(observation.shard, { parked: false });
      case "broker.connected":
        this.#brokerConnections[observation.purpose] = true;
        return;
      case "broker.lost":
        this.#brokerConnections[observation.purpose] = false;
        return;
      case "redis.connected":
      case "redis.accepting":
        this.#redisConnected = true;
        return;
      case "redis.lost":
      case "redis.refusing":
        this.#redisConnected = false;
        return;
    }
  };

  /** Both connections, the publishing one as well as the consuming one. */
  get brokerConnected(): boolean {
    return this.#brokerConnections.publishing && this.#brokerConnections.consuming;
  }

  /** False also while it refuses to write. */
  get redisConnected(): boolean {
    return this.#redisConnected;
  }

  /** What each shard is doing now, by shard id. Not a copy: for whoever asks often and keeps nothing. */
  get states(): ReadonlyMap<number, ShardState> {
    return this.#shards;
  }

  /** How many shards are Connected. */
  get connected(): number {
    let count = 0;
    for (const { status } of this.#shards.values()) count += Number(status === "Connected");
    return count;
  }

  /** How many shards are anything but Connected, but for those that wait for their turn. */
  get away(): number {
    let count = 0;
    for (const { awaySinceMs } of this.#shards.values()) count += Number(awaySinceMs !== null);
    return count;
  }

  snapshot(): StatusSnapshot {
    const nowMs = this.#clock.nowMs();
    const counts = { Connected: 0, Disconnected: 0, Handshaking: 0, Identifying: 0, Resuming: 0 };
    const shards = [...this.#shards].map(([shard, record]) => {
      counts[record.status] += 1;
      const { awaySinceMs, acknowledged: _, ...rest } = record;
      return Object.freeze({ shard, ...rest, awayMs: awaySinceMs === null ? 0 : nowMs - awaySinceMs });
    });
    return Object.freeze({
      shards: Object.freeze(shards),
      counts: Object.freeze(counts),
      brokerConnected: this.brokerConnected,
      redisConnected: this.redisConnected,
    });
  }

  /** The shards whose entry has moved since this was last called, as they are now. */
  takeChanged(): ShardEntry[] {
    const entries: ShardEntry[] = [];
    for (const shard of this.#changed) {
      const record = this.#shards.get(shard);
      if (record === undefined) continue; // It has left this process meanwhile.
      const { status, latencyMs, lastAckAtMs, session } = record;
      entries.push({ shard, status, latencyMs, lastAckAtMs, session });
    }
    this.#changed.clear();
    return entries;
  }

  /** Counts entries as moved again, because writing what {@link takeChanged} gave has failed. */
  putBack(entries: Iterable<ShardEntry>): void {
    for (const { shard } of entries) this.#changed.add(shard);
  }

  #turn(shard: number, status: ShardStatus, waitingForTurn: boolean): void {
    const record = this.#shards.get(shard);
    if (record === undefined) return;
    record.waitingForTurn = waitingForTurn;
    if (status === "Connected" || waitingForTurn) record.awaySinceMs = null;
    else record.awaySinceMs ??= this.#clock.nowMs();
    if (status !== record.status) this.#change(shard, { status, sinceMs: this.#clock.wallMs() });
  }

  #change(shard: number, fields: Partial<ShardRecord>): void {
    const record = this.#shards.get(shard);
    if (record === undefined) return;
    Object.assign(record, fields);
    this.#changed.add(shard);
  }
}

/** What keeps the service from being ready: `broker`, `redis`, `shard 3`. Empty: it is ready. */
export function missingForReadiness(snapshot: StatusSnapshot): string[] {
  const missing: string[] = [];
  if (!snapshot.brokerConnected) missing.push("broker");
  if (!snapshot.redisConnected) missing.push("redis");
  for (const { shard, awayMs } of snapshot.shards) {
    if (awayMs > AWAY_MAX_MS) missing.push(`shard ${shard}`);
  }
  return missing;
}
