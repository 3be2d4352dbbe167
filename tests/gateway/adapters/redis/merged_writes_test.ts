import assert from "node:assert/strict";
import { MergedWrites } from "../../../../gateway/adapters/redis/merged_writes.ts";

/** Writes that the test finishes by hand. */
function openWrites() {
  const started: { changes: Map<number, string>; finish: PromiseWithResolvers<void> }[] = [];
  const writes = new MergedWrites<string>(
    (earlier, later) => `${earlier}+${later}`,
    (changes) => {
      const finish = Promise.withResolvers<void>();
      started.push({ changes: new Map(changes), finish });
      return finish.promise;
    },
  );
  return { writes, started };
}

const tick = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("MergedWrites.add() writes one at a time, and merges what comes meanwhile into the next", async () => {
  const { writes, started } = openWrites();
  const first = writes.add([[0, "a"]]);
  await tick();
  const others = [writes.add([[0, "b"], [1, "b"]]), writes.add([[0, "c"]]), writes.add([[2, "d"]])];
  await tick();
  assert.deepEqual(started.map(({ changes }) => [...changes]), [[[0, "a"]]]);
  started[0]?.finish.resolve();
  await first;
  await tick();
  assert.deepEqual([...started[1]?.changes ?? []], [[0, "b+c"], [1, "b"], [2, "d"]]);
  started[1]?.finish.resolve();
  await Promise.all(others);
  assert.equal(started.length, 2);
});

Deno.test("MergedWrites.add() tells whoever added of a failure, and goes on", async () => {
  const { writes, started } = openWrites();
  const first = assert.rejects(writes.add([[0, "a"]]), /closed/);
  await tick();
  const second = writes.add([[0, "b"]]);
  started[0]?.finish.reject(new Error("closed"));
  await first;
  await tick();
  assert.deepEqual([...started[1]?.changes ?? []], [[0, "b"]]);
  started[1]?.finish.resolve();
  await second;
});
