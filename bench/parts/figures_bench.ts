/**
 * The figures for whoever watches: what an event costs them, and what a second does, written to a real Redis.
 *
 * @module
 */
import { RedisFiguresStore } from "../../gateway/adapters/redis/figures_store.ts";
import { systemClock } from "../../gateway/clock.ts";
import { FiguresGatherer } from "../../gateway/figures/gatherer.ts";
import type { ShardProgress } from "../../gateway/figures/watched_shard.ts";
import type { Observation } from "../../gateway/observation.ts";
import { BATCH, COMMON_SIZE, delayMs, drawnEvents, EVENTS } from "./events.ts";
import { connectedStatus, FLEET, latencyMs, shardIds, shardsText } from "./fleet.ts";
import { once } from "./once.ts";
import { redisClient } from "./servers.ts";

/** Discord's heartbeat interval is 41.25 s: so many of the fleet's are acknowledged in a second. */
const BEATS_PER_SECOND = 25;
/** Of each active shard, in a second. */
const EVENTS_PER_SHARD = 5;

const some = once(() => new WatchedFleet(16));
const observations = once(() =>
  drawnEvents(COMMON_SIZE).map(({ type, data }, index): Observation => ({
    kind: "event.received",
    shard: index % 16,
    type,
    bytes: data.length,
  }))
);

Deno.bench({
  name: `figures, an event observed, ${BATCH}`,
  group: "figures",
  baseline: true,
  fn: () => {
    const { gatherer } = some();
    for (const observation of observations()) gatherer.observe(observation);
  },
});

Deno.bench({
  name: `figures, an event confirmed, ${BATCH}`,
  group: "figures",
  fn: () => {
    const { gatherer } = some();
    for (let event = 0; event < EVENTS; event++) gatherer.confirmed(delayMs(event));
  },
});

for (const state of ["idle", "active"] as const) {
  const watched = once(() => new WatchedFleet(FLEET));
  Deno.bench({
    name: `figures, a second gathered, ${shardsText(FLEET)}, ${state}`,
    group: "figures, a second gathered",
    baseline: state === "idle",
    fn: (bench) => {
      const fleet = watched();
      fleet.secondPasses(state);
      bench.start();
      fleet.gatherer.take({ stopped: false });
      bench.end();
    },
  });
}

for (const state of ["idle", "active"] as const) {
  const watched = once(() => new WatchedFleet(FLEET));
  Deno.bench({
    name: `figures, a second gathered and written, ${shardsText(FLEET)}, ${state}`,
    group: "figures, a second gathered and written",
    baseline: state === "idle",
    fn: async (bench) => {
      const fleet = watched();
      const figures = await store();
      fleet.secondPasses(state);
      bench.start();
      await figures.write(fleet.gatherer.take({ stopped: false }));
      bench.end();
    },
  });
}

const store = once(async () => new RedisFiguresStore(await redisClient()));

/** What the figures are gathered from. */
class WatchedFleet {
  readonly gatherer: FiguresGatherer;
  readonly #progress: Progress[];
  #second = 0;

  constructor(shards: number) {
    const status = connectedStatus(systemClock, shards);
    this.#progress = shardIds(shards).map((shard) => new Progress(shard));
    this.gatherer = new FiguresGatherer({
      clock: systemClock,
      known: () => ({
        total: shards,
        recommended: shards,
        states: status.states,
        brokerConnected: true,
        unconfirmed: { events: 12, bytes: 15_000 },
        spooled: { events: 0, bytes: 0, maxBytes: 4 * 1024 ** 3 },
        fleet: null,
      }),
      progressOf: (shard) => this.#progress[shard],
      replicaName: "bench",
      version: "0.1.0",
      holdsSecret: () => false,
    });
    // All is news at first, of so many shards a second only.
    for (let second = 0; second < 5; second++) this.gatherer.take({ stopped: false });
  }

  secondPasses(state: "idle" | "active"): void {
    this.#second += 1;
    for (let beat = 0; beat < BEATS_PER_SECOND; beat++) {
      const shard = (this.#second * BEATS_PER_SECOND + beat) % this.#progress.length;
      this.gatherer.observe({ kind: "shard.acknowledged", shard, latencyMs: latencyMs(shard) });
    }
    if (state === "idle") return;
    const drawn = drawnEvents(COMMON_SIZE);
    for (const progress of this.#progress) {
      for (let event = 0; event < EVENTS_PER_SHARD; event++) {
        const { type, data } = drawn[(progress.shard + event) % EVENTS]!;
        const { shard } = progress;
        this.gatherer.observe({ kind: "event.received", shard, type, bytes: data.length });
        this.gatherer.confirmed(delayMs(event));
      }
      progress.sequence += EVENTS_PER_SHARD;
    }
  }
}

class Progress implements ShardProgress {
  sequence = 1;
  readonly guildCount = 1_000;
  readonly resumeGatewayUrl = "wss://gateway-us-east1-b.discord.gg";

  constructor(readonly shard: number) {}

  get sequenceReceived(): number {
    return this.sequence;
  }

  get sequencePublished(): number {
    return this.sequence;
  }

  get sequenceStored(): number {
    return this.sequence;
  }
}
