import assert from "node:assert/strict";
import { RedisAwayError } from "../../../dashboard/redis.ts";
import { becomeForeign } from "../../dashboard/shard/shard_fixture.ts";
import {
  replicaEntry,
  secondFields,
  SESSION,
  statusEntries,
  writeFleet,
} from "../../dashboard/fleet/written_fleet.ts";
import { withProgram } from "./program.ts";

Deno.test("/api/fleet has the figures of the fleet, and no secret", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(4, { 2: "Resuming", 3: "Disconnected" }), { waiting: [[3, 3]] });
    const second = Math.floor(Date.now() / 1_000) - 2;
    await redis.xadd("gateway:history:alpha", `${second * 1_000}-0`, ...secondFields({ events: "512" }));
    const { status, body } = await get("/api/fleet");
    assert.equal(status, 200);
    assert.equal(body.source, "shardline");
    assert.equal(body.total, 4);
    assert.equal(body.recommended, 6);
    assert.equal(body.away, false);
    assert.equal(body.started_at, Date.UTC(2026, 0, 1, 10));
    assert.deepEqual(body.counts, {
      connected: 2,
      resuming: 1,
      identifying: 0,
      handshaking: 0,
      waiting: 1,
      parked: 0,
      disconnected: 0,
      unknown: 0,
    });
    assert.deepEqual([body.second.at, body.second.events, body.second.delay_p99_ms], [
      second * 1_000,
      512,
      8,
    ]);
    assert.deepEqual(body.latency, { p50_ms: 41, p90_ms: 41, max_ms: 41 });
    assert.deepEqual(body.unconfirmed, { events: 12, bytes: 9_000 });
    assert.deepEqual(body.spool, { events: 3, bytes: 4_000, max_bytes: 4_294_967_296 });
    assert.deepEqual([body.identify.remaining, body.identify.total], [987, 1_000]);
    const [replica] = body.replicas;
    assert.deepEqual([replica.name, replica.shards, replica.shard_count, replica.broker, replica.current], [
      "alpha",
      [[0, 3]],
      4,
      true,
      true,
    ]);
    assert(!JSON.stringify(body).includes(SESSION));
  });
});

Deno.test("/api/fleet says where nobody, or another service, has written", async () => {
  await withProgram(async ({ redis, get }) => {
    const nobody = (await get("/api/fleet")).body;
    assert.deepEqual(
      [nobody.source, nobody.total, nobody.second, nobody.latency, nobody.identify, nobody.heard_ago_ms],
      ["none", 0, null, null, null, null],
    );
    await writeFleet(redis, statusEntries(2));
    await becomeForeign(redis);
    assert.equal((await get("/api/fleet")).body.source, "other");
  });
});

Deno.test("/api/history has the last seconds, the oldest first", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    const second = Math.floor(Date.now() / 1_000) - 5;
    for (const [index, events] of ["7", "9"].entries()) {
      const fields = secondFields({ events, returned: "3" });
      await redis.xadd("gateway:history:alpha", `${(second + index) * 1_000}-0`, ...fields);
    }
    const { seconds } = (await get("/api/history")).body;
    assert.deepEqual(
      seconds.map(({ at, events, latency_max_ms, returned }: Record<string, number>) => {
        return [at, events, latency_max_ms, returned];
      }),
      [[second * 1_000, 7, 120, 3], [(second + 1) * 1_000, 9, 120, 3]],
    );
  });
});

Deno.test("/api/history knows what was before the gateway was started anew, under another name", async () => {
  await withProgram(async ({ redis, get }) => {
    await writeFleet(redis, statusEntries(2));
    const second = Math.floor(Date.now() / 1_000) - 5;
    const before = replicaEntry(2, { stopped: true, heard_at: second * 1_000 });
    await redis.hset("gateway:replicas", "before", before);
    await redis.xadd("gateway:history:before", `${second * 1_000}-0`, ...secondFields({ events: "7" }));
    await redis.xadd("gateway:history:alpha", `${(second + 2) * 1_000}-0`, ...secondFields({ events: "9" }));
    const told = async () => {
      const { seconds } = (await get("/api/history")).body;
      return seconds.map(({ at, events }: Record<string, number>) => [at, events]);
    };
    assert.deepEqual(await told(), [[second * 1_000, 7], [(second + 2) * 1_000, 9]]);
    // Then another service runs the shards.
    await becomeForeign(redis);
    assert.deepEqual(await told(), []);
  });
});

Deno.test("Endpoints say in JSON that Redis is away", async () => {
  await withProgram(async ({ services, get }) => {
    services.redis.ask = () => Promise.reject(new RedisAwayError("Cannot reach Redis"));
    const { status, body } = await get("/api/fleet");
    assert.deepEqual([status, body], [503, { error: "away", message: "Redis is away" }]);
  });
});
