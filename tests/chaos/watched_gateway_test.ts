import assert from "node:assert/strict";
import { parseVitals, WatchedGateway } from "../../chaos/watched_gateway.ts";
import { beforeDeadline } from "../deadline.ts";
import { shell } from "../harness/processes.ts";

/** Nobody is there: the service waits for them, and answers all the same. */
const SETTINGS = {
  BOT_TOKEN: "MTE4OTk1NTA3NTAxNjcwODIwOA.nobody.knows",
  API_URL: "http://127.0.0.1:1/api",
  RABBIT_URL: "amqp://127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1:1",
};

Deno.test("WatchedGateway starts a gateway again that ended by itself, counts it, and counts no end on purpose", async () => {
  const seen = Promise.withResolvers<void>();
  const gateway = await WatchedGateway.start(SETTINGS, () => {
    if (gateway.crashes.length > 0) seen.resolve();
  });
  try {
    await gateway.kill();
    await gateway.start();
    await gateway.stop();
    await gateway.start();
    assert.deepEqual([gateway.crashes, gateway.lateStops], [[], 0]);
    await shell('kill -s KILL "$1"', [String(gateway.processId)]);
    await beforeDeadline(seen.promise, () => "it was not started again");
    assert.deepEqual(gateway.crashes, ["SIGKILL"]);
  } finally {
    await gateway.end();
  }
});

Deno.test("parseVitals() reads what a run watches, and counts what is not there as 0", () => {
  const metrics = `# HELP process_resident_memory_bytes Resident memory
process_resident_memory_bytes 123456789
process_event_loop_lag_seconds 0.004
gateway_statuses{type="Connected"} 15
`;
  assert.deepEqual(parseVitals(metrics), {
    memoryBytes: 123_456_789,
    lagSeconds: 0.004,
  });
  assert.deepEqual(parseVitals(""), { memoryBytes: 0, lagSeconds: 0 });
});
