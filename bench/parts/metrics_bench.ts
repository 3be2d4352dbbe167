/**
 * The Prometheus metrics: what an event costs them, and what a scrape does.
 *
 * @module
 */
import { Metrics } from "../../gateway/adapters/metrics.ts";
import { systemClock } from "../../gateway/clock.ts";
import { EventCounts } from "../../gateway/figures/event_counts.ts";
import type { Observation } from "../../gateway/observation.ts";
import { EVENT_NAMES } from "../../simulator/world/events.ts";
import { BATCH, COMMON_SIZE, delayMs, EVENTS, outgoingEvents } from "./events.ts";
import { connectedStatus, FLEET, shardIds, shardsText } from "./fleet.ts";
import { once } from "./once.ts";

const TYPES = EVENT_NAMES.slice(0, 30);

const some = once(() => metricsOf(16));
const observations = once(() =>
  outgoingEvents(COMMON_SIZE, 16).map(({ shard, type, body }): Observation => ({
    kind: "event.received",
    shard,
    type,
    bytes: body.length,
  }))
);

Deno.bench({
  name: `metrics, an event observed, ${BATCH}`,
  group: "metrics",
  baseline: true,
  fn: () => {
    const metrics = some();
    for (const observation of observations()) metrics.observe(observation);
  },
});

Deno.bench({
  name: `metrics, an event confirmed, ${BATCH}`,
  group: "metrics",
  fn: () => {
    const metrics = some();
    for (let event = 0; event < EVENTS; event++) metrics.published(delayMs(event));
  },
});

for (const shards of [16, FLEET, 3_000]) {
  const metrics = once(() => metricsOf(shards));
  Deno.bench({
    name: `metrics, text, ${shardsText(shards)}, ${TYPES.length} types`,
    group: "metrics, text",
    baseline: shards === 16,
    fn: async () => {
      await metrics().text();
    },
  });
}

function metricsOf(shards: number): Metrics {
  const status = connectedStatus(systemClock, shards);
  const eventCounts = new EventCounts();
  for (const shard of shardIds(shards)) {
    for (const type of TYPES) eventCounts.add(type, shard);
  }
  return new Metrics({
    clock: systemClock,
    status: () => status.snapshot(),
    eventCounts: () => eventCounts,
    unconfirmed: () => ({ events: 12, bytes: 15_000 }),
    spool: () => ({ events: 0, bytes: 0, maxBytes: 4 * 1024 ** 3 }),
    unheldShards: () => 0,
  });
}
