import assert from "node:assert/strict";
import fc from "fast-check";
import { readGatewayBot } from "../../../../gateway/adapters/rest/gateway_bot.ts";

const GOOD = {
  url: "wss://gateway.discord.gg",
  shards: 9,
  session_start_limit: { total: 1000, remaining: 999, reset_after: 14_400_000, max_concurrency: 1 },
};

Deno.test("readGatewayBot() reads what Discord answers", () => {
  assert.deepEqual(readGatewayBot(GOOD), {
    url: "wss://gateway.discord.gg",
    shards: 9,
    sessionStartLimit: { total: 1000, remaining: 999, resetAfterMs: 14_400_000, maxConcurrency: 1 },
  });
});

Deno.test("readGatewayBot() takes a budget that is used up and is renewed now", () => {
  const limit = { ...GOOD.session_start_limit, remaining: 0, reset_after: 0 };
  const gateway = readGatewayBot({ ...GOOD, session_start_limit: limit });
  assert.ok(typeof gateway !== "string");
  assert.equal(gateway.sessionStartLimit.remaining, 0);
  assert.equal(gateway.sessionStartLimit.resetAfterMs, 0);
});

Deno.test("readGatewayBot() bounds the renewal of the daily budget by a day", () => {
  const limit = { ...GOOD.session_start_limit, reset_after: 9_000_000_000 };
  const gateway = readGatewayBot({ ...GOOD, session_start_limit: limit });
  assert.ok(typeof gateway !== "string");
  assert.equal(gateway.sessionStartLimit.resetAfterMs, 86_400_000);
});

const WRONG_NUMBERS = [undefined, null, "1", 1.5, -1, NaN, Infinity, 2 ** 53, [], {}, true];

function assertProblem(body: unknown, field: string): void {
  const problem = readGatewayBot(body);
  assert.ok(typeof problem === "string" && problem.startsWith(field), JSON.stringify([body, problem]));
}

Deno.test("readGatewayBot() says that the url is wrong", () => {
  const wrong = [
    undefined,
    null,
    7,
    "",
    "gateway.discord.gg",
    "https://discord.com",
    "javascript:x",
    "wss://a:b@c",
  ];
  for (const url of wrong) assertProblem({ ...GOOD, url }, "url");
});

Deno.test("readGatewayBot() says that the shards are wrong", () => {
  for (const shards of [...WRONG_NUMBERS, 0, 65_537]) assertProblem({ ...GOOD, shards }, "shards");
});

Deno.test("readGatewayBot() says that there is no session_start_limit", () => {
  for (const limit of WRONG_NUMBERS.filter((value) => typeof value !== "object" || value === null)) {
    assertProblem({ ...GOOD, session_start_limit: limit }, "session_start_limit is");
  }
});

const LIMIT_FIELDS = { total: [0], remaining: [], reset_after: [], max_concurrency: [0, 65_537] };

for (const [name, wrongValues] of Object.entries(LIMIT_FIELDS)) {
  Deno.test(`readGatewayBot() says that session_start_limit.${name} is wrong`, () => {
    for (const value of [...WRONG_NUMBERS, ...wrongValues]) {
      const limit = { ...GOOD.session_start_limit, [name]: value };
      assertProblem({ ...GOOD, session_start_limit: limit }, `session_start_limit.${name}`);
    }
  });
}

Deno.test("readGatewayBot() takes any JSON without a throw, and only whole answers as good", () => {
  const maybe = <Value>(good: Value) => fc.oneof(fc.constant(good), fc.jsonValue());
  const limit = fc.record({
    total: maybe(1000),
    remaining: maybe(5),
    reset_after: maybe(0),
    max_concurrency: maybe(16),
  }, { requiredKeys: [] });
  const answer = fc.oneof(
    fc.jsonValue(),
    fc.record({ url: maybe(GOOD.url), shards: maybe(1), session_start_limit: limit }, { requiredKeys: [] }),
  );
  fc.assert(fc.property(answer, (body) => {
    const gateway = readGatewayBot(body);
    if (typeof gateway === "string") return;
    const { total, remaining, resetAfterMs, maxConcurrency } = gateway.sessionStartLimit;
    for (const number of [gateway.shards, total, remaining, resetAfterMs, maxConcurrency]) {
      assert.ok(Number.isSafeInteger(number) && number >= 0);
    }
    assert.match(gateway.url, /^wss?:/);
  }));
});
