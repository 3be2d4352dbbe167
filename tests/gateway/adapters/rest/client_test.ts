import assert from "node:assert/strict";
import { RestClient } from "../../../../gateway/adapters/rest/client.ts";
import { DiscordRest, json, rateLimited, status } from "../../../fakes/discord_rest.ts";
import { ManualClock } from "../../../fakes/manual_clock.ts";

const TOKEN = "MTk4NjIy.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs";
const USER_AGENT = "DiscordBot (https://bot.example, 1.2.3)";
const GATEWAY_BOT = {
  url: "wss://gateway.discord.gg",
  shards: 2,
  session_start_limit: { total: 1000, remaining: 998, reset_after: 60_000, max_concurrency: 1 },
};
const MESSAGE = {
  embeds: [{ title: "[Shard 0] Ready", color: 0x00ff00, timestamp: "2026-01-01T00:00:00.000Z" }],
  nonce: "n-1",
};

/** Runs a test against a fake Discord, and sees that nothing is left ticking. */
async function withDiscord(
  test: (world: { discord: DiscordRest; clock: ManualClock; rest: RestClient }) => Promise<void>,
  options: { token?: string; slash?: string } = {},
): Promise<void> {
  const discord = new DiscordRest();
  const clock = new ManualClock();
  const rest = new RestClient({
    apiUrl: discord.apiUrl + (options.slash ?? ""),
    apiVersion: 10,
    token: options.token ?? TOKEN,
    userAgent: USER_AGENT,
    clock,
    fetch,
  });
  try {
    await test({ discord, clock, rest });
    clock.assertIdle();
  } finally {
    await discord.stop();
  }
}

Deno.test("RestClient.getGatewayBot() asks as a bot and reads the answer", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(json(GATEWAY_BOT));
    const outcome = await rest.getGatewayBot();

    assert.ok(outcome.kind === "ok");
    assert.equal(outcome.value.shards, 2);
    const [request] = discord.requests;
    assert.equal(request?.method, "GET");
    assert.equal(request.path, "/api/v10/gateway/bot");
    assert.equal(request.headers.get("authorization"), `Bot ${TOKEN}`);
    assert.equal(request.headers.get("user-agent"), USER_AGENT);
    assert.equal(request.body, null);
  }));

Deno.test("RestClient takes an API_URL that ends in slashes", () =>
  withDiscord(async ({ discord, rest }) => {
    await rest.getGatewayBot();
    assert.equal(discord.requests[0]?.path, "/api/v10/gateway/bot");
  }, { slash: "//" }));

Deno.test("RestClient.getGatewayBot() fails, to be tried again, on an answer that cannot be read", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(json({ ...GATEWAY_BOT, shards: "two" }), () => new Response("<html>"));
    assert.deepEqual(await rest.getGatewayBot(), {
      kind: "failed",
      status: 200,
      retry: true,
      message: "its answer cannot be read: shards is not an integer from 1 to 65536",
    });
    assert.deepEqual(await rest.getGatewayBot(), {
      kind: "failed",
      status: 200,
      retry: true,
      message: "its answer cannot be read: it is not an object",
    });
  }));

Deno.test("RestClient.createMessage() posts JSON that pings nobody and is posted once", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(json({ id: "1" }));
    assert.deepEqual(await rest.createMessage("123", MESSAGE), { kind: "ok", value: undefined });

    const [request] = discord.requests;
    assert.equal(request?.method, "POST");
    assert.equal(request.path, "/api/v10/channels/123/messages");
    assert.equal(request.headers.get("content-type"), "application/json");
    assert.equal(request.headers.get("authorization"), `Bot ${TOKEN}`);
    assert.deepEqual(request.body, { ...MESSAGE, enforce_nonce: true, allowed_mentions: { parse: [] } });
  }));

Deno.test("RestClient.createMessage() never sends again after a 401", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(status(401));
    assert.deepEqual(await rest.createMessage("1", MESSAGE), { kind: "token_refused" });
    assert.deepEqual(await rest.createMessage("1", MESSAGE), { kind: "token_refused" });
    assert.deepEqual(await rest.createMessage("2", MESSAGE), { kind: "token_refused" });
    assert.equal(discord.requests.length, 1);
  }));

Deno.test("RestClient.getGatewayBot() tells a refused token", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(json({ message: "401: Unauthorized", code: 0 }, { status: 401 }));
    assert.deepEqual(await rest.getGatewayBot(), { kind: "token_refused" });
  }));

Deno.test("RestClient.createMessage() holds back what would be refused, per channel", () =>
  withDiscord(async ({ discord, clock, rest }) => {
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2.5" };
    discord.next(json({ id: "1" }, { headers }));
    await rest.createMessage("1", MESSAGE);

    assert.deepEqual(await rest.createMessage("1", MESSAGE), {
      kind: "limited",
      retryAfterMs: 2_500,
      status: null,
    });
    assert.equal(discord.requests.length, 1);
    assert.equal((await rest.createMessage("2", MESSAGE)).kind, "ok");
    clock.advance(2_500);
    assert.equal((await rest.createMessage("1", MESSAGE)).kind, "ok");
    assert.equal(discord.requests.length, 3);
  }));

Deno.test("RestClient.createMessage() counts requests that are still on their way", () =>
  withDiscord(async ({ discord, rest }) => {
    discord.next(json({}, { headers: { "x-ratelimit-remaining": "1", "x-ratelimit-reset-after": "5" } }));
    await rest.createMessage("1", MESSAGE);
    const outcomes = await Promise.all([rest.createMessage("1", MESSAGE), rest.createMessage("1", MESSAGE)]);
    assert.deepEqual(outcomes, [
      { kind: "ok", value: undefined },
      { kind: "limited", retryAfterMs: 5_000, status: null },
    ]);
    assert.equal(discord.requests.length, 2);
  }));

Deno.test("RestClient.createMessage() tells Discord's refusal and then obeys it", () =>
  withDiscord(async ({ discord, clock, rest }) => {
    discord.next(rateLimited({ retryAfter: 3 }));
    assert.deepEqual(await rest.createMessage("1", MESSAGE), {
      kind: "limited",
      retryAfterMs: 3_000,
      status: 429,
    });
    clock.advance(1_000);
    assert.deepEqual(await rest.createMessage("1", MESSAGE), {
      kind: "limited",
      retryAfterMs: 2_000,
      status: null,
    });
    assert.equal(discord.requests.length, 1);
  }));

Deno.test("RestClient asks nothing at all during a global limit", () =>
  withDiscord(async ({ discord, clock, rest }) => {
    discord.next(rateLimited({ retryAfter: 1, global: true, headers: { "x-ratelimit-global": "true" } }));
    await rest.createMessage("1", MESSAGE);
    assert.deepEqual(await rest.getGatewayBot(), { kind: "limited", retryAfterMs: 1_000, status: null });
    assert.deepEqual(await rest.createMessage("2", MESSAGE), {
      kind: "limited",
      retryAfterMs: 1_000,
      status: null,
    });
    assert.equal(discord.requests.length, 1);
    clock.advance(1_000);
    assert.equal((await rest.createMessage("2", MESSAGE)).kind, "ok");
  }));

Deno.test("RestClient makes a long pause when Cloudflare refuses with a page", () =>
  withDiscord(async ({ discord, rest }) => {
    const page = () =>
      new Response("<!doctype html>", { status: 429, headers: { "content-type": "text/html" } });
    discord.next(page);
    assert.deepEqual(await rest.getGatewayBot(), { kind: "limited", retryAfterMs: 60_000, status: 429 });
    assert.deepEqual(await rest.createMessage("1", MESSAGE), {
      kind: "limited",
      retryAfterMs: 60_000,
      status: null,
    });
  }));

const FAILURES: readonly [number, BodyInit | null, boolean, string][] = [
  [
    400,
    '{"message":"Invalid Form Body","code":50035}',
    false,
    "answered 400: Invalid Form Body (code 50035)",
  ],
  [403, '{"message":"Missing Access","code":50001}', false, "answered 403: Missing Access (code 50001)"],
  [404, '{"message":"404: Not Found"}', false, "answered 404: 404: Not Found"],
  [405, "null", false, "answered 405"],
  [408, null, true, "answered 408"],
  [413, '{"message":7}', false, "answered 413"],
  [500, '"no"', true, "answered 500"],
  [502, "<html>bad gateway</html>", true, "answered 502"],
  [503, `{"message":"a\\r\\nb\\u0000${"c".repeat(500)}"}`, true, `answered 503: a b ${"c".repeat(196)}`],
];

for (const [status, body, retry, message] of FAILURES) {
  Deno.test(`RestClient fails on a ${status}, ${retry ? "to be tried again" : "for good"}`, () =>
    withDiscord(async ({ discord, rest }) => {
      discord.next(() => new Response(body, { status }));
      assert.deepEqual(await rest.createMessage("1", MESSAGE), { kind: "failed", status, retry, message });
    }));
}

Deno.test("RestClient follows no redirect, for the token is not for others", () =>
  withDiscord(async ({ discord, rest }) => {
    const elsewhere = new DiscordRest();
    discord.next(() => Response.redirect(elsewhere.apiUrl, 302));
    assert.deepEqual(await rest.getGatewayBot(), {
      kind: "failed",
      status: 302,
      retry: false,
      message: "answered 302: this is not the API, check API_URL",
    });
    assert.equal(discord.requests.length, 1);
    assert.equal(elsewhere.requests.length, 0);
    await elsewhere.stop();
  }));

Deno.test("RestClient gives up on an answer that does not come within 10 s", () =>
  withDiscord(async ({ discord, clock, rest }) => {
    discord.next(() => new Promise(() => {}));
    const outcome = rest.getGatewayBot();
    await discord.received(1);
    clock.advance(10_000);
    const message = "no answer within 10 s";
    assert.deepEqual(await outcome, { kind: "failed", status: null, retry: true, message });
  }));

Deno.test("RestClient gives up on an answer that stalls half way", () =>
  withDiscord(async ({ discord, clock, rest }) => {
    const half = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"url":')),
    });
    const begun = Promise.withResolvers<void>();
    const observed = new RestClient({
      apiUrl: discord.apiUrl,
      apiVersion: 10,
      token: TOKEN,
      userAgent: USER_AGENT,
      clock,
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        begun.resolve();
        return response;
      },
    });
    discord.next(() => new Response(half));
    const outcome = observed.getGatewayBot();
    await begun.promise;
    clock.advance(10_000);
    const message = "no answer within 10 s";
    assert.deepEqual(await outcome, { kind: "failed", status: null, retry: true, message });
    assert.equal((await rest.createMessage("1", MESSAGE)).kind, "ok");
  }));

Deno.test("RestClient gives up on an answer without end", () =>
  withDiscord(async ({ discord, rest }) => {
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    discord.next(() => new Response(endless));
    assert.deepEqual(await rest.getGatewayBot(), {
      kind: "failed",
      status: null,
      retry: true,
      message: "the answer has more than 1048576 bytes",
    });
  }));

Deno.test("RestClient gives up when its caller does", () =>
  withDiscord(async ({ discord, rest }) => {
    const caller = new AbortController();
    discord.next(() => new Promise(() => {}));
    const outcome = rest.createMessage("1", MESSAGE, caller.signal);
    await discord.received(1);
    caller.abort(new Error("the service is stopping"));
    const message = "the service is stopping";
    assert.deepEqual(await outcome, { kind: "failed", status: null, retry: true, message });
  }));

Deno.test("RestClient fails, to be tried again, while nobody listens", async () => {
  const discord = new DiscordRest();
  const clock = new ManualClock();
  const { apiUrl } = discord;
  await discord.stop();
  const rest = new RestClient({ apiUrl, apiVersion: 10, token: TOKEN, userAgent: USER_AGENT, clock, fetch });
  const outcome = await rest.getGatewayBot();
  assert.ok(outcome.kind === "failed");
  assert.equal(outcome.status, null);
  assert.equal(outcome.retry, true);
  clock.assertIdle();
});

Deno.test("RestClient keeps the token out of an answer that echoes it", () =>
  withDiscord(async ({ discord, rest }) => {
    // Once whole, and once where cutting the words short would cut the token before it is found.
    for (const padding of ["", "x".repeat(180)]) {
      discord.next(json({ message: `${padding}bad header Bot ${TOKEN}` }, { status: 400 }));
      const outcome = JSON.stringify(await rest.getGatewayBot());
      assert.ok(!outcome.includes(TOKEN.slice(0, 6)), outcome);
    }
  }));

Deno.test("RestClient keeps a token that fits no header out of the error", () =>
  withDiscord(async ({ discord, rest }) => {
    const outcome = await rest.getGatewayBot();
    assert.ok(outcome.kind === "failed");
    assert.ok(!outcome.message.includes("secret"), outcome.message);
    assert.equal(discord.requests.length, 0);
  }, { token: "secret\nsecret" }));
