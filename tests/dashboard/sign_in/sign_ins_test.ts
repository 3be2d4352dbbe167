import assert from "node:assert/strict";
import { RedisAwayError } from "../../../dashboard/redis.ts";
import { SignIns } from "../../../dashboard/sign_in/sign_ins.ts";
import { systemClock } from "../../../gateway/clock.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { withDashboard } from "../rig.ts";

const CLEO = { name: "cleo", role: "operator", by: "discord", discordId: "1200000000000000003" } as const;
const LISTED = { operators: [CLEO.discordId] };

Deno.test("SignIns.find() knows whoever is signed in until they sign out, or for twelve hours", async () => {
  await withDashboard(async ({ services: { signIns }, redis }) => {
    const person = { name: "operator", role: "operator", by: "password" } as const;
    const id = await signIns.begin(person);
    assert.deepEqual(await signIns.find(id), { ...person, signInId: id });
    const [key = ""] = await redis.keys("gateway:sign_ins:*");
    assert(!`${key}${await redis.get(key)}`.includes(id), "Redis must not hold what a cookie does");
    const seconds = await redis.ttl(key);
    assert(seconds > 11 * 3_600 && seconds <= 12 * 3_600, String(seconds));
    await signIns.end(id);
    assert.equal(await signIns.find(id), null);
    assert.equal(await signIns.find("never"), null);
  });
});

Deno.test("SignIns.find() gives somebody of Discord the role that the lists give them now", async () => {
  await withDashboard(async ({ services: { redis, signIns } }) => {
    const id = await signIns.begin(CLEO);
    assert.equal((await signIns.find(id))?.role, "operator");
    const roleWith = async (operators: string[], viewers: string[]) =>
      (await new SignIns({ redis, clock: systemClock, settings: { operators, viewers, password: null } })
        .find(id))?.role;
    assert.equal(await roleWith([], [CLEO.discordId]), "viewer");
    assert.equal(await roleWith([CLEO.discordId], [CLEO.discordId]), "operator");
    assert.equal(await roleWith([], []), undefined);
    assert.equal(await roleWith(["1200000000000000001"], []), undefined);
  }, LISTED);
});

Deno.test("SignIns.find() knows nobody by a password that has been changed or taken away, and others as before", async () => {
  await withDashboard(async ({ services: { redis, signIns, settings } }) => {
    const byPassword = await signIns.begin({ name: "operator", role: "operator", by: "password" });
    const byLink = await signIns.begin({ name: "operator", role: "operator", by: "link" });
    const knownWith = async (password: string | null) => {
      const later = new SignIns({ redis, clock: systemClock, settings: { ...settings, password } });
      const found = await Promise.all([later.find(byPassword), later.find(byLink)]);
      return found.flatMap((person) => person?.by ?? []);
    };
    assert.deepEqual(await knownWith(settings.password), ["password", "link"]);
    assert.deepEqual(await knownWith("correct horse, battery"), ["link"]);
    assert.deepEqual(await knownWith(null), ["link"]);
    assert.deepEqual(await knownWith(settings.password), ["password", "link"]);
  });
});

Deno.test("SignIns.begin() leaves in Redis nothing that is the same for two sign-ins by one password", async () => {
  await withDashboard(async ({ services: { signIns }, redis }) => {
    for (let count = 1; count <= 2; count++) {
      await signIns.begin({ name: "operator", role: "operator", by: "password" });
    }
    const keys = await redis.keys("gateway:sign_ins:*");
    const marks = (await redis.mget(keys)).map((text) => JSON.parse(text ?? "").passwordMark);
    assert.equal(marks.length, 2);
    assert.equal(new Set(marks).size, 2);
    assert(marks.every((mark) => /^[\w-]{43}$/.test(mark)));
  });
});

Deno.test("SignIns of two dashboards agree on a key again after Redis has lost it", async () => {
  await withDashboard(async ({ services: { redis: dashboardRedis, settings }, redis }) => {
    const clock = new ManualClock();
    const begin = () => new SignIns({ redis: dashboardRedis, clock, settings });
    const [one, other] = [begin(), begin()];
    const before = await one.cookieKey("name");
    assert.equal(await other.cookieKey("name"), before);
    await redis.flushdb();
    const after = await begin().cookieKey("name");
    assert.notEqual(after, before);
    clock.advance(5_000);
    assert.equal(await one.cookieKey("name"), after);
    assert.equal(await other.cookieKey("name"), after);
  });
});

Deno.test("SignIns.cookieKey() goes on with the key it knows while Redis is away", async () => {
  await withDashboard(async ({ services: { redis, settings } }) => {
    const clock = new ManualClock();
    const begin = () => new SignIns({ redis, clock, settings });
    const signIns = begin();
    const key = await signIns.cookieKey("name");
    redis.ask = () => Promise.reject(new RedisAwayError("Cannot reach Redis"));
    clock.advance(60_000);
    assert.equal(await signIns.cookieKey("name"), key);
    await assert.rejects(begin().cookieKey("name"), RedisAwayError);
  });
});

Deno.test("SignIns.isCsrfToken() takes the token of the very sign-in", async () => {
  await withDashboard(async ({ services: { signIns } }) => {
    const person = { name: "operator", role: "operator", by: "password" } as const;
    const [one, other] = [await signIns.begin(person), await signIns.begin(person)];
    const [first, second] = [await signIns.find(one), await signIns.find(other)];
    assert(first !== null && second !== null);
    assert(await signIns.isCsrfToken(first, await signIns.csrfToken(first)));
    assert(!await signIns.isCsrfToken(first, await signIns.csrfToken(second)));
    assert(!await signIns.isCsrfToken(first, ""));
  });
});
