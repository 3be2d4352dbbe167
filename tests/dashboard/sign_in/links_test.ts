import assert from "node:assert/strict";
import { baseUrl, linkUrl } from "../../../dashboard/sign_in/links.ts";
import { withDashboard } from "../rig.ts";

Deno.test("OneTimeLinks.take() takes a token once, of however many that come at once", async () => {
  await withDashboard(async ({ services: { links } }) => {
    const token = await links.issue();
    assert(await links.isGood(token));
    assert(await links.isGood(token), "looking takes nothing");
    const taken = await Promise.all(Array.from({ length: 20 }, () => links.take(token)));
    assert.deepEqual(taken.filter((isTaken) => isTaken), [true]);
    assert(!await links.isGood(token));
  });
});

Deno.test("OneTimeLinks.issue() leaves in Redis what nobody can sign in with, for ten minutes", async () => {
  await withDashboard(async ({ services: { links }, redis }) => {
    const token = await links.issue();
    const [key = ""] = await redis.keys("gateway:sign_in_links:*");
    assert(!`${key}${await redis.get(key)}`.includes(token));
    const seconds = await redis.ttl(key);
    assert(seconds > 9 * 60 && seconds <= 10 * 60, String(seconds));
    await redis.pexpire(key, 0);
    assert(!await links.take(token));
  });
});

Deno.test("OneTimeLinks knows no token that it has not issued", async () => {
  await withDashboard(async ({ services: { links } }) => {
    const token = await links.issue();
    for (const other of ["", "*", token.slice(1), `${token}A`, "A".repeat(43), "x".repeat(100_000)]) {
      assert(!await links.isGood(other));
      assert(!await links.take(other));
    }
    assert(await links.take(token));
  });
});

Deno.test("linkUrl() leads to the public URL, else to host and port", () => {
  const at = (publicUrl: string | null, host: string) => linkUrl({ publicUrl, host, port: 8000 }, "T");
  assert.equal(at("https://shards.example", "0.0.0.0"), "https://shards.example/sign_in/link/T");
  assert.equal(at(null, "127.0.0.1"), "http://127.0.0.1:8000/sign_in/link/T");
  assert.equal(at(null, "::1"), "http://[::1]:8000/sign_in/link/T");
  assert.equal(at(null, "0.0.0.0"), "http://localhost:8000/sign_in/link/T");
  assert.equal(at(null, "::"), "http://localhost:8000/sign_in/link/T");
  assert.equal(baseUrl({ publicUrl: null, host: "127.0.0.1", port: 1 }), "http://127.0.0.1:1");
});
