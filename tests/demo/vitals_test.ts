import assert from "node:assert/strict";
import { publishDelayMs, readVitals } from "../../demo/vitals.ts";

const METRICS = `# HELP gateway_shards Shards of this process
# TYPE gateway_shards gauge
gateway_shards 16
gateway_statuses{type="Connected"} 15
gateway_statuses{type="Disconnected"} 1
gateway_unconfirmed_events 7
gateway_publish_seconds_bucket{le="0.005"} 3
gateway_publish_seconds_sum 0.5
gateway_publish_seconds_count 100
gateway_events{type="READY",shard="0"} 1
gateway_events{type="MESSAGE_CREATE",shard="0"} 40
gateway_events_dropped_total{type="none",reason="no_type"} 9
`;

Deno.test("readVitals() reads what the live line tells", () => {
  assert.deepEqual(readVitals(METRICS), {
    shards: 16,
    shardsConnected: 15,
    events: 41,
    unconfirmed: 7,
    confirmed: { count: 100, seconds: 0.5 },
  });
});

Deno.test("readVitals() counts what is not there as 0", () => {
  assert.equal(readVitals("").shards, 0);
});

Deno.test("publishDelayMs() averages over what was confirmed in between, and is null where nothing was", () => {
  const before = readVitals(METRICS);
  assert.equal(publishDelayMs(before, before), null);
  const now = { ...before, confirmed: { count: 110, seconds: 0.53 } };
  assert.equal(publishDelayMs(before, now)?.toFixed(6), "3.000000");
});
