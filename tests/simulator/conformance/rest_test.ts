import assert from "node:assert/strict";
import { Bench, FREE_INTENTS, GUILDS, names, TOKEN } from "../bench.ts";

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

async function call(bench: Bench, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${bench.simulator.restUrl}${path}`, {
    ...init,
    headers: { authorization: `Bot ${TOKEN}`, ...init.headers },
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

function post(
  bench: Bench,
  channel: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call(bench, `/v10/channels/${channel}/messages`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
}

function aChannel(bench: Bench, guild = bench.control.world.guildIds[0] as bigint): string {
  return String(bench.control.world.channels(guild)[0]?.id);
}

/** No limit gets in the way of a test about something else. */
const UNLIMITED = { messageLimit: 1_000, globalRestLimit: 0 };

Deno.test("§22.1 GET /gateway needs no authorization", async () => {
  await Bench.run({}, async (bench) => {
    for (const version of ["", "/v10", "/v9"]) {
      const response = await fetch(`${bench.simulator.restUrl}${version}/gateway`);
      assert.equal(response.status, 200);
      assert.deepEqual(await response.json(), { url: bench.simulator.gatewayUrl });
    }
  });
});

Deno.test("§22.1 GET /gateway/bot without a valid Bot token answers 401 and does not touch the quota", async () => {
  await Bench.run({}, async (bench) => {
    for (const authorization of ["", TOKEN, "Bot wrong", `Bearer ${TOKEN}`, "Bot "]) {
      const answer = await call(bench, "/v10/gateway/bot", { headers: { authorization } });
      assert.deepEqual([answer.status, answer.body], [401, { message: "401: Unauthorized", code: 0 }]);
    }
    assert.equal(bench.control.state().accounts[0]?.sessionStartLimit.remaining, 1_000);
    assert.equal(bench.control.statistics.invalidRestResponses, 5);
  });
});

Deno.test("§22.2 GET /gateway/bot tells url, shards and quota; remaining falls with IDENTIFY only; reset_after is in ms", async () => {
  await Bench.run({ recommendedShards: 7, maxConcurrency: 3 }, async (bench) => {
    const limit = async () =>
      (await call(bench, "/v10/gateway/bot")).body.session_start_limit as Record<string, number>;
    const { body } = await call(bench, "/v10/gateway/bot");
    const quota = { total: 1_000, remaining: 1_000, reset_after: 86_400_000, max_concurrency: 3 };
    assert.deepEqual(body, { url: bench.simulator.gatewayUrl, shards: 7, session_start_limit: quota });
    const { client, sessionId } = await bench.ready();
    bench.clock.advance(1_234);
    assert.deepEqual(await limit(), { ...quota, remaining: 999, reset_after: 86_398_766 });
    await client.close(4000);
    await bench.detached(sessionId);
    await (await bench.resuming(sessionId, 1)).dispatch("RESUMED");
    assert.equal((await limit()).remaining, 999);
    bench.clock.advance(86_400_000);
    assert.equal((await limit()).remaining, 1_000);
  });
});

Deno.test("§22.2 an IDENTIFY that is turned away with op 9 costs nothing", async () => {
  await Bench.run({ identifyWindowMs: 5_000 }, async (bench) => {
    await bench.ready();
    const second = await bench.greeted();
    second.send(2, { token: TOKEN, intents: 0 });
    await second.expect(9);
    assert.equal(bench.control.state().accounts[0]?.sessionStartLimit.remaining, 999);
  });
});

Deno.test("§22.39 a message is answered with itself and dispatched with the same id, on the owning shard only", async () => {
  await Bench.run({ guilds: 2, ...UNLIMITED }, async (bench) => {
    const guild = bench.control.world.guildIds[0] as bigint;
    const owner = Number((guild >> 22n) % 2n);
    const intents = FREE_INTENTS & ~GUILDS; // MESSAGE_CONTENT is not needed for what the bot said itself
    const own = await bench.ready({ intents, shard: [owner, 2] });
    const other = await bench.ready({ intents, shard: [1 - owner, 2] });
    const channel = aChannel(bench, guild);
    const { status, body } = await post(bench, channel, {
      content: "hello",
      embeds: [{ title: "one" }],
      nonce: "n1",
    });
    assert.equal(status, 200);
    assert.deepEqual([body.content, body.channel_id, body.author, body.nonce], [
      "hello",
      channel,
      bench.control.world.user,
      "n1",
    ]);
    assert.deepEqual(body.embeds, [{ title: "one", type: "rich" }]);
    assert.equal(Number((BigInt(String(body.id)) >> 22n) + 1_420_070_400_000n), bench.clock.nowMs());
    const [event] = await own.client.settle();
    assert.equal(event?.t, "MESSAGE_CREATE");
    assert.deepEqual(event?.d, { ...body, guild_id: String(guild) });
    assert.deepEqual(await other.client.settle(), []);
    assert.deepEqual(bench.control.statistics.messages(), [
      {
        atMs: bench.clock.nowMs(),
        channelId: channel,
        body: { content: "hello", embeds: [{ title: "one" }], nonce: "n1" },
      },
    ]);
  });
});

Deno.test("§22.39 a form at the limits is taken, one beyond any of them is 400 with 50035 at the right path", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const channel = aChannel(bench);
    const text = (length: number) => "x".repeat(length);
    const embed = (fields: Record<string, unknown>) => ({ embeds: [{ description: "d", ...fields }] });
    const field = (more: Record<string, unknown> = {}) => ({ name: "n", value: "v", ...more });
    const pairs: [good: Record<string, unknown>, bad: Record<string, unknown>, path: string][] = [
      [{ content: text(2_000) }, { content: text(2_001) }, "content"],
      [{ content: "a", nonce: text(25) }, { content: "a", nonce: text(26) }, "nonce"],
      [{ content: "a", flags: 1 << 2 | 1 << 12 }, { content: "a", flags: 1 }, "flags"],
      [
        { content: "a", sticker_ids: ["1", "2", "3"] },
        { content: "a", sticker_ids: ["1", "2", "3", "4"] },
        "sticker_ids",
      ],
      [{ embeds: Array(10).fill({ title: "t" }) }, { embeds: Array(11).fill({ title: "t" }) }, "embeds"],
      [embed({ title: text(256) }), embed({ title: text(257) }), "embeds.0.title"],
      [embed({ description: text(4_096) }), embed({ description: text(4_097) }), "embeds.0.description"],
      [
        embed({ fields: Array(25).fill(field()) }),
        embed({ fields: Array(26).fill(field()) }),
        "embeds.0.fields",
      ],
      [
        embed({ fields: [field({ name: text(256) })] }),
        embed({ fields: [field({ name: text(257) })] }),
        "embeds.0.fields.0.name",
      ],
      [
        embed({ fields: [field({ value: text(1_024) })] }),
        embed({ fields: [field(), field({ value: text(1_025) })] }),
        "embeds.0.fields.1.value",
      ],
      [embed({ fields: [field()] }), embed({ fields: [field({ value: " " })] }), "embeds.0.fields.0.value"],
      [
        embed({ footer: { text: text(2_048) } }),
        embed({ footer: { text: text(2_049) } }),
        "embeds.0.footer.text",
      ],
      [
        embed({ author: { name: text(256) } }),
        embed({ author: { name: text(257) } }),
        "embeds.0.author.name",
      ],
      [embed({ title: ` ${text(256)} ` }), embed({ title: 5 }), "embeds.0.title"],
      [
        { embeds: [{ description: text(4_000) }, { description: text(2_000) }] },
        { embeds: [{ description: text(4_000) }, { description: text(2_001) }] },
        "embeds",
      ],
    ];
    for (const [good, bad, path] of pairs) {
      assert.equal((await post(bench, channel, good)).status, 200, path);
      const { status, body } = await post(bench, channel, bad);
      assert.deepEqual([status, body.code, body.message], [400, 50035, "Invalid Form Body"], path);
      const place = path.split(".").reduce<unknown>(
        (errors, step) => (errors as Record<string, unknown>)[step],
        body.errors,
      );
      const [leaf] = (place as { _errors: { code: string; message: string }[] })._errors;
      assert.ok(leaf && leaf.code !== "" && leaf.message !== "", path);
    }
    assert.equal((await post(bench, channel, { content: text(2_001) })).body.errors !== undefined, true);
  });
});

Deno.test("§22.39 an empty message is 400 with 50006, and a body that is no form 400 with 50035", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const channel = aChannel(bench);
    for (const form of [{}, { content: "" }, { content: "  " }, { embeds: [] }]) {
      const { status, body } = await post(bench, channel, form);
      assert.deepEqual([status, body.code], [400, 50006], JSON.stringify(form));
    }
    for (const form of ["nonsense", "[]", "1", ""]) {
      const { status, body } = await post(bench, channel, form);
      assert.deepEqual([status, body.code], [400, 50035], form);
    }
    const { status, body } = await post(bench, channel, { content: "a" }, { "content-type": "text/plain" });
    assert.deepEqual([status, body.code], [400, 50035]);
  });
});

Deno.test("§22.39 a form with a file is read from payload_json", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const form = new FormData();
    form.set("payload_json", JSON.stringify({ content: "with a file" }));
    form.set("files[0]", new Blob(["data"]), "a.txt");
    const { status, body } = await call(bench, `/v10/channels/${aChannel(bench)}/messages`, {
      method: "POST",
      body: form,
    });
    assert.deepEqual([status, body.content], [200, "with a file"]);
  });
});

Deno.test("§22.39 401, 403, 404, 405 and 413 come with their codes", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const channel = aChannel(bench);
    const said = async (answer: Promise<Answer>) => [(await answer).status, (await answer).body.code];
    assert.deepEqual(await said(post(bench, channel, { content: "a" }, { authorization: "Bot wrong" })), [
      401,
      0,
    ]);
    for (const code of [50001, 50013, 50007] as const) {
      bench.control.refuseChannel(channel, code);
      assert.deepEqual(await said(post(bench, channel, { content: "a" })), [403, code]);
    }
    bench.control.refuseChannel(channel, null);
    assert.deepEqual(await said(post(bench, channel, { content: "a" })), [200, undefined]);
    assert.deepEqual(await said(post(bench, "12345", { content: "a" })), [404, 10003]);
    assert.deepEqual(await said(call(bench, "/v10/nothing")), [404, 0]);
    assert.deepEqual(await said(call(bench, "/v5/gateway")), [400, 50041]);
    assert.deepEqual(await said(call(bench, "/v10/gateway", { method: "POST" })), [405, 0]);
    assert.deepEqual(await said(post(bench, channel, "x".repeat(25 * 1024 * 1024 + 1))), [413, 40005]);
  });
});

Deno.test("§22.39 enforce_nonce returns the earlier message and dispatches nothing", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const { client } = await bench.ready({ intents: 512 });
    const channel = aChannel(bench);
    const form = { content: "once", nonce: "same", enforce_nonce: true };
    const first = await post(bench, channel, form);
    const second = await post(bench, channel, { ...form, content: "twice" });
    assert.deepEqual(second.body, first.body);
    assert.deepEqual(names(await client.settle()), ["MESSAGE_CREATE"]);
  });
});

Deno.test("§22.39 enforce_nonce knows the newest thousand nonces: one more, and only the oldest is forgotten", async () => {
  await Bench.run({ messageLimit: 1, messageWindowMs: 1, globalRestLimit: 0 }, async (bench) => {
    const channel = aChannel(bench);
    const idOf = async (nonce: number) => {
      bench.clock.advance(1);
      const { status, body } = await post(bench, channel, { content: "once", nonce, enforce_nonce: true });
      assert.equal(status, 200);
      return body.id;
    };
    const ids: unknown[] = [];
    for (let nonce = 0; nonce <= 1_000; nonce++) ids.push(await idOf(nonce));
    assert.equal(new Set(ids).size, 1_001);
    for (const nonce of [1_000, 500, 1]) assert.equal(await idOf(nonce), ids[nonce]);
    assert.notEqual(await idOf(0), ids[0]);
  });
});

Deno.test("§22.40 each channel has its own counter, with all headers, and a refusal says how long to wait", async () => {
  await Bench.run({}, async (bench) => {
    const [one, other] = bench.control.world.channels(bench.control.world.guildIds[0] as bigint).map((
      { id },
    ) => String(id));
    const header = (answer: Answer, name: string) => answer.headers.get(`x-ratelimit-${name}`);
    let bucket: string | null = null;
    for (let remaining = 4; remaining >= 0; remaining--) {
      const answer = await post(bench, one as string, { content: "a" });
      assert.equal(answer.status, 200);
      assert.deepEqual([header(answer, "limit"), header(answer, "remaining")], ["5", String(remaining)]);
      assert.equal(header(answer, "reset-after"), "5.000");
      assert.equal(header(answer, "reset"), ((bench.clock.nowMs() + 5_000) / 1_000).toFixed(3));
      bucket = header(answer, "bucket");
    }
    bench.clock.advance(1_400);
    const refused = await post(bench, one as string, { content: "a" });
    assert.equal(refused.status, 429);
    assert.deepEqual(refused.body, {
      message: "You are being rate limited.",
      retry_after: 3.6,
      global: false,
    });
    assert.equal(refused.headers.get("retry-after"), "4");
    assert.deepEqual([header(refused, "scope"), header(refused, "remaining"), header(refused, "global")], [
      "user",
      "0",
      null,
    ]);
    assert.equal(header(refused, "bucket"), bucket);
    const elsewhere = await post(bench, other as string, { content: "a" });
    assert.deepEqual([elsewhere.status, header(elsewhere, "bucket")], [200, bucket]);
    bench.clock.advance(3_600);
    assert.equal((await post(bench, one as string, { content: "a" })).status, 200);
  });
});

Deno.test("§22.40 more than 50 requests a second are refused globally, unless that is switched off", async () => {
  await Bench.run({}, async (bench) => {
    for (let index = 0; index < 50; index++) assert.equal((await call(bench, "/v10/users/@me")).status, 200);
    bench.clock.advance(250);
    const refused = await call(bench, "/v10/users/@me");
    assert.equal(refused.status, 429);
    assert.deepEqual(refused.body, {
      message: "You are being rate limited.",
      retry_after: 0.75,
      global: true,
    });
    assert.equal(refused.headers.get("x-ratelimit-global"), "true");
    assert.equal(refused.headers.get("x-ratelimit-scope"), "global");
    assert.equal(refused.headers.get("retry-after"), "1");
    bench.clock.advance(750);
    assert.equal((await call(bench, "/v10/users/@me")).status, 200);
    bench.control.set({ globalRestLimit: 0 });
    for (let index = 0; index < 60; index++) assert.equal((await call(bench, "/v10/users/@me")).status, 200);
  });
});

Deno.test("§22.40 injected refusals and failures come as asked, and 401, 403 and 429 are tallied except where shared", async () => {
  await Bench.run(UNLIMITED, async (bench) => {
    const channel = aChannel(bench);
    bench.control.injectRest({
      status: 429,
      count: 1,
      path: "/messages",
      retryAfterMs: 1_500,
      scope: "shared",
    });
    bench.control.injectRest({ status: 502, count: 1, path: "/gateway/bot", html: true });
    const response = await fetch(`${bench.simulator.restUrl}/v10/gateway/bot`);
    assert.deepEqual([response.status, response.headers.get("content-type")], [502, "text/html"]);
    assert.match(await response.text(), /^<!DOCTYPE html>/);
    const shared = await post(bench, channel, { content: "a" });
    assert.deepEqual([shared.status, shared.body.retry_after, shared.headers.get("retry-after")], [
      429,
      1.5,
      "2",
    ]);
    assert.equal(shared.headers.get("x-ratelimit-scope"), "shared");
    assert.equal(bench.control.statistics.invalidRestResponses, 0);
    bench.control.injectRest({ status: 429, count: 2, scope: "global" });
    assert.equal((await call(bench, "/v10/users/@me")).body.global, true);
    assert.equal((await post(bench, channel, { content: "a" })).status, 429);
    assert.equal((await post(bench, channel, { content: "a" })).status, 200);
    assert.equal(bench.control.statistics.invalidRestResponses, 2);
    assert.deepEqual(bench.control.state().statistics.restResponses, { 200: 1, 429: 3, 502: 1 });
  });
});

Deno.test("§22.1 GET /users/@me tells who the token belongs to", async () => {
  await Bench.run({}, async (bench) => {
    const { status, body } = await call(bench, "/v10/users/@me");
    assert.deepEqual([status, body], [200, bench.control.world.user]);
  });
});

Deno.test("GET /applications/@me, and by its older path, tells of the bot's application and who owns it", async () => {
  await Bench.run({}, async (bench) => {
    for (const path of ["/v10/applications/@me", "/v10/oauth2/applications/@me"]) {
      const { status, body } = await call(bench, path);
      assert.equal(status, 200, path);
      const { id, flags } = bench.control.world.application;
      assert.deepEqual([body.id, body.flags, body.name], [id, flags, bench.control.world.user.username]);
      assert.equal((body.owner as { username: string }).username, "ada");
      assert.equal((await call(bench, path, { headers: { authorization: "Bot wrong" } })).status, 401);
    }
  });
  await Bench.run({ people: [] }, async (bench) => {
    assert.equal("owner" in (await call(bench, "/v10/applications/@me")).body, false);
  });
});
