import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { nextTurn } from "../../../gateway/adapters/turns.ts";

Deno.test("nextTurn() gives each who asks a turn of the event loop of its own, in their order", async () => {
  let eventLoopTurn = 0;
  let isOver = false;
  const count = () => {
    eventLoopTurn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const done: string[] = [];
  const turns = new Set<number>();
  const work = async (name: string) => {
    for (let part = 1; part <= 3; part++) {
      await nextTurn();
      done.push(`${name}${part}`);
      turns.add(eventLoopTurn);
    }
  };
  await Promise.all([work("a"), work("b"), work("c")]);
  isOver = true;
  assert.deepEqual(done, ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "b3", "c3"]);
  assert.equal(turns.size, done.length);
  await new Promise<void>((resolve) => setImmediate(resolve));
});
