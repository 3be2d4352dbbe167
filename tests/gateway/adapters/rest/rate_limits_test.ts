import assert from "node:assert/strict";
import { RateLimits } from "../../../../gateway/adapters/rest/rate_limits.ts";

const ROUTE = "POST /channels/1/messages";
const OTHER = "POST /channels/2/messages";

function answer(status: number, headers: Record<string, string>, body?: unknown) {
  return { status, headers: new Headers(headers), body };
}

Deno.test("RateLimits.waitMs() lets the first request of a route go at once", () => {
  assert.equal(new RateLimits().waitMs(ROUTE, 0), 0);
});

Deno.test("RateLimits.waitMs() waits for the renewal once nothing remains, on this route alone", () => {
  const limits = new RateLimits();
  limits.learn(ROUTE, answer(200, { "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "1.25" }), 100);
  assert.equal(limits.waitMs(ROUTE, 100), 1_250);
  assert.equal(limits.waitMs(ROUTE, 1_349), 1);
  assert.equal(limits.waitMs(ROUTE, 1_350), 0);
  assert.equal(limits.waitMs(OTHER, 100), 0);
});

Deno.test("RateLimits.spend() uses up what remains before the answers come", () => {
  const limits = new RateLimits();
  limits.learn(ROUTE, answer(200, { "x-ratelimit-remaining": "2", "x-ratelimit-reset-after": "5" }), 0);
  limits.spend(ROUTE);
  assert.equal(limits.waitMs(ROUTE, 0), 0);
  limits.spend(ROUTE);
  assert.equal(limits.waitMs(ROUTE, 0), 5_000);
});

Deno.test("RateLimits.learn() obeys the longer of body and header of a refusal", () => {
  for (
    const [retryAfter, header, expectedMs] of [[0.3, "1", 1_000], [2.0001, "2", 2_001], [
      1.5,
      "x",
      1_500,
    ]] as const
  ) {
    const limits = new RateLimits();
    const refusal = answer(429, { "retry-after": header }, { retry_after: retryAfter, global: false });
    assert.equal(limits.learn(ROUTE, refusal, 0), expectedMs);
    assert.equal(limits.waitMs(ROUTE, 0), expectedMs);
    assert.equal(limits.waitMs(OTHER, 0), 0);
  }
});

Deno.test("RateLimits.learn() believes a shared refusal, not its promise of remaining requests", () => {
  const limits = new RateLimits();
  const headers = {
    "retry-after": "3",
    "x-ratelimit-scope": "shared",
    "x-ratelimit-remaining": "9",
    "x-ratelimit-reset-after": "1",
  };
  limits.learn(ROUTE, answer(429, headers, { retry_after: 2.5, global: false }), 0);
  assert.equal(limits.waitMs(ROUTE, 0), 3_000);
});

const GLOBAL_SIGNS = {
  "the body": [{}, { retry_after: 2, global: true }],
  "X-RateLimit-Global": [{ "x-ratelimit-global": "true" }, { retry_after: 2 }],
  "X-RateLimit-Scope": [{ "x-ratelimit-scope": "global" }, { retry_after: 2 }],
} as const;

for (const [sign, [headers, body]] of Object.entries(GLOBAL_SIGNS)) {
  Deno.test(`RateLimits.learn() stops every route where ${sign} calls a refusal global`, () => {
    const limits = new RateLimits();
    limits.learn(ROUTE, answer(429, headers, body), 0);
    assert.equal(limits.waitMs(ROUTE, 0), 2_000);
    assert.equal(limits.waitMs(OTHER, 500), 1_500);
    assert.equal(limits.waitMs(OTHER, 2_000), 0);
  });
}

Deno.test("RateLimits.learn() stops every route on Cloudflare's refusal, for as long as it says", () => {
  const limits = new RateLimits();
  assert.equal(limits.learn(ROUTE, answer(429, { "retry-after": "120" }), 0), 120_000);
  assert.equal(limits.waitMs(OTHER, 0), 120_000);
});

Deno.test("RateLimits.learn() makes a long pause on a refusal that does not say for how long", () => {
  for (
    const body of [undefined, null, "no", { retry_after: "2" }, { retry_after: -1 }, { retry_after: 1e300 }]
  ) {
    const limits = new RateLimits();
    assert.equal(limits.learn(ROUTE, answer(429, { "retry-after": "soon" }, body), 0), 60_000);
    assert.equal(limits.waitMs(OTHER, 0), 60_000);
  }
});

Deno.test("RateLimits.learn() never shortens a global pause", () => {
  const limits = new RateLimits();
  limits.learn(ROUTE, answer(429, {}, { retry_after: 9, global: true }), 0);
  limits.learn(OTHER, answer(429, {}, { retry_after: 1, global: true }), 0);
  assert.equal(limits.waitMs(ROUTE, 0), 9_000);
});

Deno.test("RateLimits.learn() bounds any pause by an hour", () => {
  const limits = new RateLimits();
  assert.equal(limits.learn(ROUTE, answer(429, {}, { retry_after: 999_999_999 }), 0), 3_600_000);
  limits.learn(
    OTHER,
    answer(200, { "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "99999999" }),
    0,
  );
  assert.equal(limits.waitMs(OTHER, 0), 3_600_000);
});

Deno.test("RateLimits.learn() passes over garbled headers", () => {
  for (
    const [remaining, resetAfter] of [["", "1"], ["-1", "1"], ["0", "NaN"], ["0", "1e9"], [
      "zero",
      "1",
    ]] as const
  ) {
    const limits = new RateLimits();
    const headers = { "x-ratelimit-remaining": remaining, "x-ratelimit-reset-after": resetAfter };
    limits.learn(ROUTE, answer(200, headers), 0);
    assert.equal(limits.waitMs(ROUTE, 0), 0, `${remaining} ${resetAfter}`);
  }
});
