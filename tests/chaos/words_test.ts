import assert from "node:assert/strict";
import { clock, faultWords, grouped, megabytes, seconds } from "../../chaos/words.ts";

Deno.test("Figures are written as people read them", () => {
  assert.equal(grouped(1_234_567.4), "1,234,567");
  assert.equal(megabytes(123_400_000), "123 MB");
  assert.equal(seconds(1_250), "1.3 s");
  assert.deepEqual([clock(0), clock(65_999), clock(3_600_000)], [" 0:00", " 1:05", "60:00"]);
});

Deno.test("faultWords() names whom a fault strikes", () => {
  const times = { afterMs: 0, lastsMs: 0, dice: 0, replica: null };
  const kill = { victim: "Redis", name: "killed", lasts: null } as const;
  const reconnect = { victim: "Discord", name: "op 7", lasts: null } as const;
  assert.equal(faultWords({ ...times, kind: kill, shard: 1 }), "Redis killed");
  const pause = { victim: "gateway", name: "paused", lasts: [1, 2] } as const;
  assert.equal(faultWords({ ...times, kind: pause, shard: 1 }), "gateway paused");
  assert.equal(faultWords({ ...times, kind: pause, shard: 1, replica: 1 }), "gateway paused, replica 2");
  assert.equal(faultWords({ ...times, kind: reconnect, shard: 1 }), "Discord: op 7, shard 1");
  assert.equal(faultWords({ ...times, kind: reconnect, shard: null }), "Discord: op 7, all shards");
});
