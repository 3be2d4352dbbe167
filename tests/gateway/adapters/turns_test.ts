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

Deno.test("nextTurn() lets sockets have theirs between: what has arrived is heard soon", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  using sender = await Deno.connect({ hostname: "127.0.0.1", port });
  using receiver = await listener.accept();
  let isHeard = false;
  const read = receiver.read(new Uint8Array(1)).then(() => isHeard = true);
  await sender.write(Uint8Array.of(1));
  let turns = 0;
  while (!isHeard && turns < 1_000) {
    await nextTurn();
    turns += 1;
  }
  assert(turns < 10, `${turns} turns`);
  await read;
});
