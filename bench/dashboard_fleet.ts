/**
 * What a gateway of many shards leaves in Redis, for a dashboard to show: all of it made up, and moved on once a second.
 *
 * @module
 */
import { Redis } from "ioredis";

const REPLICA = "bench";
const HISTORY_SECONDS = 900;
const STARTED = JSON.stringify("2026-11-24T00:00:00.000000");

interface Entry {
  readonly shard: number;
  status: "Connected" | "Resuming";
  latency: number;
  readonly last_ack: string;
  readonly session: string;
}

export class BenchFleet {
  readonly #redis: Redis;
  readonly #entries: Entry[];
  #seconds = 0;

  /** A number of shards, all Connected, with a quarter of an hour of history behind them. */
  static async open(redisUrl: string, shards: number): Promise<BenchFleet> {
    const fleet = new BenchFleet(new Redis(redisUrl), shards);
    await fleet.#begin();
    return fleet;
  }

  private constructor(redis: Redis, shards: number) {
    this.#redis = redis;
    this.#entries = Array.from({ length: shards }, (_, shard) => ({
      shard,
      status: "Connected",
      latency: 20 + shard % 90,
      last_ack: "2026-11-24T00:00:00.000000",
      session: shard.toString(16).padStart(32, "0"),
    }));
  }

  /** One second passes: of every hundred shards another one is away, and the one before is back. */
  async move(): Promise<void> {
    this.#seconds += 1;
    this.#entries.forEach((entry, index) => {
      const place = index % 200;
      const isAway = place === this.#seconds % 200;
      entry.status = isAway ? "Resuming" : "Connected";
      // Heartbeats come every 41 s or so.
      if (index % 41 === this.#seconds % 41) entry.latency = 20 + (entry.latency + 7) % 90;
    });
    await this.#write(Date.now());
  }

  close(): Promise<unknown> {
    return this.#redis.quit();
  }

  async #begin(): Promise<void> {
    const nowMs = Date.now();
    const pipeline = this.#redis.pipeline();
    pipeline.mset({
      gateway_shards: this.#entries.length,
      gateway_started: STARTED,
      "gateway:started": STARTED,
    });
    for (let second = HISTORY_SECONDS; second > 0; second--) {
      pipeline.xadd(`gateway:history:${REPLICA}`, `${nowMs - second * 1_000}-0`, ...this.#history());
    }
    await pipeline.exec();
    await this.#write(nowMs);
  }

  async #write(nowMs: number): Promise<void> {
    const count = this.#entries.length;
    await this.#redis.pipeline()
      .set("gateway_statuses", JSON.stringify(this.#entries))
      .hset(
        "gateway:replicas",
        REPLICA,
        JSON.stringify({
          version: "0.1.0",
          started_at: nowMs - 3_600_000,
          heard_at: nowMs,
          stopped: false,
          shards: [[0, count - 1]],
          total: count,
          recommended: count,
          waiting: [],
          parked: [],
          identify: { remaining: 900, total: 1_000, resets_at: nowMs + 3_600_000 },
          broker: true,
          unconfirmed: { events: 12, bytes: 9_000 },
          spool: { events: 0, bytes: 0, max_bytes: 4 * 1024 ** 3 },
        }),
      )
      .xadd(`gateway:history:${REPLICA}`, "MAXLEN", HISTORY_SECONDS, `${nowMs}-0`, ...this.#history())
      .exec();
  }

  #history(): (string | number)[] {
    const events = 8_000 + (this.#seconds * 37) % 900;
    return [
      ...["events", events, "confirmed", events, "delay_p50", 1.2, "delay_p99", 6.5],
      ...["latency_p50", 48, "latency_p90", 90, "latency_max", 131, "unconfirmed", 12],
      ...["unconfirmed_bytes", 9_000, "spooled", 0, "spooled_bytes", 0, "connected", this.#entries.length],
    ];
  }
}
