import assert from "node:assert/strict";
import type { Attempts } from "../../../dashboard/sign_in/attempts.ts";
import { withDashboard } from "../rig.ts";

/** Tries a wrong secret so many times; how many were heeded. */
async function heeded(attempts: Attempts, address: string, tries: number): Promise<number> {
  const judgements = await Promise.all(
    Array.from({ length: tries }, () => attempts.judge("password", address, false)),
  );
  return judgements.filter(({ kind }) => kind === "wrong").length;
}

Deno.test("Attempts.judge() heeds five wrong tries of an address, however many come at once", async () => {
  await withDashboard(async ({ services: { attempts } }) => {
    assert.equal(await heeded(attempts, "192.0.2.1", 100), 5);
    const judgement = await attempts.judge("password", "192.0.2.1", true);
    assert(judgement.kind === "refused", judgement.kind);
    assert(judgement.forMs > 14 * 60_000 && judgement.forMs <= 15 * 60_000, String(judgement.forMs));
    assert.deepEqual(await attempts.judge("password", "192.0.2.2", true), { kind: "right" });
  });
});

Deno.test("Attempts.judge() heeds an address again when its time is over", async () => {
  await withDashboard(async ({ services: { attempts }, redis }) => {
    await heeded(attempts, "192.0.2.1", 5);
    const key = "gateway:sign_in_attempts:password:192.0.2.1";
    assert(await redis.pttl(key) > 0, "the count must end by itself");
    await redis.pexpire(key, 0);
    assert.equal(await heeded(attempts, "192.0.2.1", 6), 5);
  });
});

Deno.test("Attempts.judge() does not begin the time anew with each wrong try", async () => {
  await withDashboard(async ({ services: { attempts }, redis }) => {
    await heeded(attempts, "192.0.2.1", 4);
    const key = "gateway:sign_in_attempts:password:192.0.2.1";
    await redis.pexpire(key, 60_000);
    await heeded(attempts, "192.0.2.1", 2);
    assert(await redis.pttl(key) <= 60_000);
  });
});

Deno.test("Attempts.judge() counts all of an IPv6 line as one, and each kind of secret for itself", async () => {
  await withDashboard(async ({ services: { attempts } }) => {
    for (let host = 1; host <= 5; host++) {
      assert.equal((await attempts.judge("password", `2001:db8::${host}`, false)).kind, "wrong");
    }
    assert.equal((await attempts.judge("password", "2001:db8::6", true)).kind, "refused");
    assert.equal((await attempts.judge("password", "2001:db8:0:1::6", true)).kind, "right");
    assert.equal((await attempts.judge("api_token", "2001:db8::1", true)).kind, "right");
  });
});

Deno.test("Attempts.judge() refuses all addresses after fifty wrong tries, save those that have signed in", async () => {
  await withDashboard(async ({ services: { attempts }, redis }) => {
    assert.equal((await attempts.judge("password", "203.0.113.1", true)).kind, "right");
    let wrong = 0;
    for (let host = 1; host <= 20; host++) wrong += await heeded(attempts, `192.0.2.${host}`, 5);
    assert.equal(wrong, 50);
    const stranger = await attempts.judge("password", "198.51.100.1", true);
    assert(stranger.kind === "refused" && stranger.forMs > 59 * 60_000, JSON.stringify(stranger));
    assert.equal((await attempts.judge("password", "203.0.113.1", true)).kind, "right");
    assert.equal(await heeded(attempts, "203.0.113.1", 10), 5);

    const known = await redis.ttl("gateway:sign_in_known:203.0.113.1");
    assert(known > 30 * 86_400 && known <= 31 * 86_400, String(known));
    assert(await redis.pttl("gateway:sign_in_attempts:password") > 0, "the count must end by itself");
    await redis.del("gateway:sign_in_attempts:password");
    assert.equal((await attempts.judge("password", "198.51.100.1", true)).kind, "right");
  });
});

Deno.test("Attempts.judge() keeps no counts for addresses that it does not heed", async () => {
  await withDashboard(async ({ services: { attempts }, redis }) => {
    for (let host = 1; host <= 30; host++) await heeded(attempts, `192.0.2.${host}`, 5);
    assert.equal((await redis.keys("gateway:sign_in_attempts:password:*")).length, 10);
  });
});

Deno.test("Attempts.refusedForMs() looks and does not count", async () => {
  await withDashboard(async ({ services: { attempts } }) => {
    for (let look = 0; look < 20; look++) {
      assert.equal(await attempts.refusedForMs("password", "192.0.2.1"), null);
    }
    assert.equal(await heeded(attempts, "192.0.2.1", 6), 5);
    assert(await attempts.refusedForMs("password", "192.0.2.1") !== null);
  });
});
