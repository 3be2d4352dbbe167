import assert from "node:assert/strict";
import { benchWorld } from "../../bench/path/events.ts";

for (const bytes of [300, 800, 3_000]) {
  Deno.test(`benchWorld() has messages whose payload is of ${bytes} bytes, on every shard in turn`, () => {
    const world = benchWorld(bytes, 16);
    const events = Array.from({ length: 2_000 }, () => world.next(Date.now()));
    const payloads = events.map(({ t, data }) => JSON.stringify({ t, s: 12_345, op: 0, d: data }));
    assert.deepEqual([...new Set(payloads.map(({ length }) => length))], [bytes]);
    const guilds = events.slice(0, 16).map(({ guildId }) => Number((guildId ?? 0n) >> 22n) % 16);
    assert.deepEqual(guilds, Array.from({ length: 16 }, (_, shard) => shard));
  });
}

for (const shards of [1, 16, 256]) {
  Deno.test(`benchWorld() sends each of ${shards} shards 600 messages of which no two are alike`, () => {
    const world = benchWorld(800, shards);
    const events = Array.from({ length: 600 * shards }, () => world.next(Date.now()));
    for (let shard = 0; shard < shards; shard += 1) {
      const contents = events.filter((_, index) => index % shards === shard).map(({ data }) => data.content);
      assert.equal(new Set(contents).size, 600);
    }
  });
}
