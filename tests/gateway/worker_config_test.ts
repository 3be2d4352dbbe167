import assert from "node:assert/strict";
import fc from "fast-check";
import { type Config, parseConfig } from "../../gateway/config.ts";
import { configOfWorker, sliceOf } from "../../gateway/worker_config.ts";

function configOf(environment: Record<string, string>): Config {
  const parsed = parseConfig({ BOT_TOKEN: "token", ...environment }, {
    isTerminal: false,
    replicaName: "host-1",
    readFile: () => assert.fail("no file is named"),
  });
  assert(parsed.ok);
  return parsed.config;
}

Deno.test("sliceOf() gives every thing to one worker, in order, and as many to each as to any other but one", () => {
  fc.assert(fc.property(fc.nat(5_000), fc.integer({ min: 1, max: 64 }), (length, workers) => {
    const slices = Array.from({ length: workers }, (_, at) => sliceOf(length, at + 1, workers));
    assert.equal(slices[0]?.[0], 0);
    assert.equal(slices.at(-1)?.[1], length);
    for (const [at, [first, end]] of slices.entries()) {
      assert.equal(first, slices[at - 1]?.[1] ?? 0);
      assert([Math.floor(length / workers), Math.ceil(length / workers)].includes(end - first));
    }
  }));
});

Deno.test("configOfWorker() gives each worker its part of what the process may use, and a name and folder of its own", () => {
  const config = configOf({
    CLUSTERS: "2",
    FLEET: "true",
    REPLICA_NAME: "one",
    SHARDS_MAX: "5",
    MAX_UNCONFIRMED_BYTES: "1001",
    SPOOL_MAX_BYTES: "2000",
  });
  const workers = [1, 2].map((number) => configOfWorker(config, number));
  assert.deepEqual(
    workers.map(({ worker }) => worker),
    [1, 2].map((number) => ({
      number,
      replicaNames: ["one worker 1", "one worker 2"],
    })),
  );
  assert.deepEqual(workers.map(({ fleet }) => fleet.replicaName), ["one worker 1", "one worker 2"]);
  assert.deepEqual(workers.map(({ fleet }) => fleet.shardsMax), [2, 3]);
  assert.deepEqual(workers.map(({ events }) => events.maxUnconfirmedBytes), [500, 501]);
  assert.deepEqual(
    workers.map(({ events }) => events.spool),
    [1, 2].map((number) => ({
      folders: [`data/spool/replica-one/worker-${number}`],
      maxBytes: 1_000,
    })),
  );
  // All else is the process's own.
  const { worker: _, fleet: __, events: ___, ...rest } = workers[1] ?? assert.fail("two");
  const { worker: ____, fleet: _____, events: ______, ...whole } = config;
  assert.deepEqual(rest, whole);
});

Deno.test("configOfWorker() leaves off what is off", () => {
  const worker = configOfWorker(configOf({ CLUSTERS: "3", SPOOL_PATH: "off" }), 2);
  assert.equal(worker.events.spool, null);
  assert.equal(worker.fleet.shardsMax, null);
});
