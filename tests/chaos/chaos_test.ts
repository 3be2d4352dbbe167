import assert from "node:assert/strict";
import { spawnDeno } from "../harness/processes.ts";

const CHAOS = new URL("../../chaos/chaos.ts", import.meta.url).pathname;
const OUTAGE = new URL("../../chaos/outage.ts", import.meta.url).pathname;

async function run(script: string, line: string): Promise<{ code: number; text: string }> {
  const { code, stdout } = await spawnDeno(script, { args: line.split(" ") }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

Deno.test("chaos.ts plays its faults, shows that every event came through and is in the cache, and ends with 0", async () => {
  const { code, text } = await run(
    CHAOS,
    "--minutes 0.1 --shards 2 --rate 50 --faults reset,doubled,9,op --seed 3 --state",
  );
  assert.equal(code, 0, text);
  assert.match(text, /^Shardline chaos: 0\.1 min, seed 3, 2 shards, 50 events\/s\n/);
  assert.match(text, /\n +Discord .*reset × \d/);
  assert.match(text, /\n +lost +0\n/);
  assert.match(text, /\n +keys of the state cache +[\d,]+\n +of them missing +0\n +of them changed +0\n/);
  assert.match(text, /\nEvery event came through, in order, unchanged\n$/);
  assert.ok(!text.includes("\x1b"), "no terminal, no control sequences");
});

Deno.test("chaos.ts --replicas says whose network it severs, what was published without a lease, and ends with 0", async () => {
  const { code, text } = await run(
    CHAOS,
    "--replicas 2 --minutes 0.1 --shards 2 --rate 50 --faults reset,cut --seed 3",
  );
  assert.equal(code, 0, text);
  assert.match(text, /^Shardline chaos: 0\.1 min, seed 3, 2 shards on 2 replicas, 50 events\/s\n/);
  assert.match(
    text,
    /\n(Each replica has a network namespace of its own|All replicas have this machine's network)/,
  );
  assert.match(text, /\n +published without lease +0\n/);
  assert.match(text, /\nEvery event came through, in order, unchanged\n$/);
});

Deno.test("chaos.ts --plan --replicas says which replica is struck, and of faults that only a fleet outlives", async () => {
  const { code, text } = await run(CHAOS, "--plan --minutes 3 --replicas 3 --faults severed,asleep --seed 5");
  assert.equal(code, 0, text);
  assert.match(text, /^( *\d+:\d\d +(gateway|line to \w+) [a-z ]+(, replica [123])? +\d+\.\d s\n)+$/);
  assert.match(text, /, replica [123] /);
  assert.equal((await run(CHAOS, "--plan --faults asleep")).code, 64);
});

Deno.test("chaos.ts --plan shows the same plan for the same seed, and only the faults asked for", async () => {
  const line = "--plan --minutes 3 --faults killed --seed 5";
  const { code, text } = await run(CHAOS, line);
  assert.equal(code, 0, text);
  assert.match(text, /^( *\d+:\d\d +(gateway|RabbitMQ|Redis) killed +\d+\.\d s\n)+$/);
  assert.equal((await run(CHAOS, line)).text, text);
});

Deno.test("chaos.ts and outage.ts say what is wrong with their arguments and start nothing", async () => {
  for (const script of [CHAOS, OUTAGE]) {
    const { code, text } = await run(script, "--minutes soon");
    assert.equal(code, 64);
    assert.match(text, /^--minutes must be a number from 0\.1 to 1440: current value is "soon"\n$/);
  }
  assert.deepEqual(await run(CHAOS, "--faults earthquake"), {
    code: 64,
    text: "No fault has earthquake in its name\n",
  });
});

Deno.test("outage.ts shows how long the drain took and how large the gateway and its spool became", async () => {
  const { code, text } = await run(OUTAGE, "--minutes 0.1 --shards 2 --rate 100");
  assert.equal(code, 0, text);
  assert.match(text, /\n +lost +0\n/);
  for (const name of ["drained in", "events/s while draining", "largest memory, away", "largest spool"]) {
    assert.match(text, new RegExp(`\n  ${name} +[\\d,.]+`));
  }
  assert.match(text, /\nEvery event came through, in order, unchanged\n$/);
});
