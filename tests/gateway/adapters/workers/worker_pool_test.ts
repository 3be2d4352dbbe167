import assert from "node:assert/strict";
import type { WorkerFigures } from "../../../../gateway/adapters/workers/messages.ts";
import { WorkerPool } from "../../../../gateway/adapters/workers/worker_pool.ts";
import { turnTimes } from "../../../../gateway/identify/shared_turns.ts";
import type { Observation } from "../../../../gateway/observation.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";
import { microtasksDone } from "../../../fakes/microtasks.ts";

const PROGRAM = new URL("../../../fixtures/workers/scripted_worker.ts", import.meta.url);

/** Workers that do each what is said of it, and what is heard of them. */
function poolOf(...does: string[]) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const asked: ReadonlyMap<number, WorkerFigures>[] = [];
  const ended: number[] = [];
  let heard = Promise.withResolvers<void>();
  const say = (line: string) => {
    lines.push(line);
    heard.resolve();
  };
  const textOf = (observation: Observation) => {
    if (observation.kind === "service.notice") return observation.message;
    assert(observation.kind === "worker.ended");
    const { worker, error, startsInMs } = observation;
    return `worker ${worker} ended, starts in ${startsInMs}: ${error}`;
  };
  const pool = new WorkerPool({
    program: PROGRAM,
    workers: does.length,
    start: {
      environment: Object.fromEntries(does.map((what, at) => [at + 1, what])),
      files: {},
      replicaName: "replica",
    },
    turnTimes: turnTimes(5_000),
    heapMostMb: 100,
    clock,
    metrics: {
      text: (figures) => {
        asked.push(figures);
        return Promise.resolve("metrics");
      },
      ended: (number) => ended.push(number),
    },
    observe: (observation) => say(textOf(observation)),
    heard: (worker, observation) => say(`${worker}: ${textOf(observation)}`),
  });
  return {
    clock,
    pool,
    asked,
    ended,
    /** The next line that begins so; those before it are passed over. */
    next: async (opening: string): Promise<string> => {
      for (;;) {
        const line = lines.shift();
        if (line?.startsWith(opening)) return line;
        if (line !== undefined) continue;
        await heard.promise;
        heard = Promise.withResolvers();
      }
    },
    /** Resolves once the condition holds, which is asked at each message of a thread. */
    until: async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

Deno.test("WorkerPool.missing has what each worker misses, and the workers that have not said anything", async () => {
  const { pool, until } = poolOf("nothing", "miss", "miss");
  assert.deepEqual(pool.missing, ["worker 1", "worker 2", "worker 3"]);
  assert(!pool.isWhole);
  pool.start();
  await until(() => pool.isWhole);
  assert.deepEqual(pool.missing, ["broker"]);
  await pool.stop();
});

Deno.test("WorkerPool starts a worker again that has died, under the same name, and gives its turns to others", async () => {
  const { clock, pool, ended, next, until } = poolOf("take, then throw", "nothing");
  pool.start();
  const name = (await next("1: started")).slice("1: started ".length);
  assert.match(await next("1: answer 7"), /"outcomes":\[{"kind":"taken"}\]/);
  assert.match(await next("worker 1"), /^worker 1 ended, starts in 1000: .*a fault too many/);
  await until(() => !pool.missing.includes("worker 2"));
  assert.deepEqual([pool.missing, ended], [["worker 1"], [1]]);
  clock.advance(1_000);
  assert.equal(await next("1: started"), `1: started ${name}`);
  assert.match(await next("1: answer 7"), /"outcomes":\[{"kind":"taken"}\]/, "the turn came back");
  assert.match(await next("worker 1"), /starts in 2000/);
  await pool.stop();
  clock.assertIdle();
});

Deno.test("WorkerPool gives a turn to one of its workers", async () => {
  const { pool, next } = poolOf("take", "take");
  pool.start();
  const answers = [await next(""), await next(""), await next(""), await next("")]
    .filter((line) => line.includes("answer")).map((line) => /"kind":"(taken|busy)"/.exec(line)?.[1]);
  assert.deepEqual(answers.toSorted(), ["busy", "taken"]);
  await pool.stop();
});

Deno.test("WorkerPool replaces a worker that says itself that it has a fault", async () => {
  const { pool, next } = poolOf("fault");
  pool.start();
  assert.equal(await next("worker 1"), "worker 1 ended, starts in 1000: a fault that it has caught");
  await pool.stop();
});

Deno.test("WorkerPool tells its workers what the first of them has begun", async () => {
  const { pool, next } = poolOf("begin");
  pool.start();
  assert.equal(await next("1: answer"), '1: answer 8: {"total":16}');
  await pool.stop();
});

Deno.test("WorkerPool.failed resolves where a worker cannot go on", async () => {
  const { pool } = poolOf("nothing", "fail");
  pool.start();
  assert.deepEqual(await pool.failed, { status: 77, message: "refused" });
  await pool.stop();
});

Deno.test("WorkerPool.failed resolves where a worker does not answer any more, and its stop does not wait for it", async () => {
  const { clock, pool, until } = poolOf("deaf");
  pool.start();
  await until(() => pool.isWhole);
  for (let second = 0; second < 11; second++) clock.advance(1_000);
  const { status, message } = await pool.failed;
  assert.equal(status, 70);
  assert.match(message, /worker 1 does not answer any more/);
  assert.deepEqual(pool.missing, ["worker 1"]);
  await pool.stop();
  clock.assertIdle();
});

Deno.test("WorkerPool.metricsText() waits a second for a worker that does not answer, and goes without it", async () => {
  const { clock, pool, asked, next, until } = poolOf("nothing", "mute");
  pool.start();
  await until(() => pool.isWhole);
  const text = pool.metricsText();
  await next("1: has answered");
  clock.advance(999);
  await microtasksDone();
  assert.equal(asked.length, 0);
  clock.advance(1);
  assert.equal(await text, "metrics");
  assert.deepEqual(asked.map((figures) => [...figures.keys()]), [[1]]);
  assert.equal(asked[0]?.get(1)?.counts.numbers[0], 1);
  await pool.stop();
});

Deno.test("WorkerPool.stop() lets each worker stop in order, ends one that does not, and is safe twice and before start", async () => {
  await poolOf("nothing").pool.stop();
  const { clock, pool, next, until } = poolOf("nothing", "deaf");
  pool.start();
  await until(() => pool.isWhole);
  const stopped = pool.stop();
  await next("2: stopping");
  clock.advance(9_300);
  await stopped;
  await pool.stop();
  clock.assertIdle();
});
