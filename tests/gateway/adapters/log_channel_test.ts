import assert from "node:assert/strict";
import fc from "fast-check";
import { LogChannels } from "../../../gateway/adapters/log_channel.ts";
import { type Embed, RestClient } from "../../../gateway/adapters/rest/client.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { DiscordRest, json, rateLimited, status } from "../../fakes/discord_rest.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";

interface World {
  readonly discord: DiscordRest;
  readonly clock: ManualClock;
  readonly log: LogChannels;
  /** What the log channels observed themselves. */
  readonly observed: Observation[];
  /** Resolves when the log channels have observed something of the kind. */
  until(kind: Observation["kind"]): Promise<void>;
  /** Channel and embeds of each message that Discord got, refused ones included. */
  messages(): { channel: string; embeds: Embed[] }[];
  /** Sends everything that is left. */
  flush(): Promise<void>;
}

async function withLog(
  test: (world: World) => Promise<void>,
  channels: { shardChannelId?: string | null; guildChannelId?: string | null } = {},
): Promise<void> {
  const discord = new DiscordRest();
  const clock = new ManualClock();
  const observed: Observation[] = [];
  let wake = Promise.withResolvers<void>();
  const observe = (observation: Observation) => {
    observed.push(observation);
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const until = async (kind: Observation["kind"]) => {
    while (!observed.some((observation) => observation.kind === kind)) await wake.promise;
  };
  const rest = new RestClient({
    apiUrl: discord.apiUrl,
    apiVersion: 10,
    token: "token",
    userAgent: "DiscordBot (https://bot.example, 1.0.0)",
    clock,
    fetch,
  });
  const log = new LogChannels({
    shardChannelId: "1",
    guildChannelId: "2",
    ...channels,
    rest,
    clock,
    observe,
  });
  const messages = () =>
    discord.requests.map(({ path, body }) => ({
      channel: path.split("/")[4] ?? "",
      embeds: (body as { embeds: Embed[] }).embeds,
    }));
  try {
    await test({
      discord,
      clock,
      log,
      observed,
      until,
      messages,
      flush: () => log.flush(new AbortController().signal),
    });
    clock.assertIdle();
  } finally {
    await discord.stop();
  }
}

function ready(shard: number): Observation {
  return { kind: "shard.ready", shard, session: "a", guilds: 1, resumable: true };
}

function joined(name: string | null, guild = "41771983423143937"): Observation {
  return { kind: "guild.joined", shard: 0, guild, name };
}

function titles({ embeds }: { embeds: Embed[] }): string[] {
  return embeds.map(({ title }) => title);
}

function hung(): { answer: () => Promise<Response>; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<Response>();
  return { answer: () => promise, release: () => resolve(new Response(null, { status: 204 })) };
}

const EMBEDS: readonly [
  Observation,
  { channel: string; title: string; color: number; description?: string },
][] = [
  [
    { kind: "shard.connected", shard: 3, heartbeatIntervalMs: 41_250 },
    { channel: "1", title: "[Shard 3] Connected", color: 0x00ff00 },
  ],
  [ready(0), { channel: "1", title: "[Shard 0] Ready", color: 0x00ff00 }],
  [
    { kind: "shard.resumed", shard: 0, replayed: 4 },
    { channel: "1", title: "[Shard 0] Resumed", color: 0x1e90ff },
  ],
  [
    { kind: "shard.disconnected", shard: 0, code: 4000, reason: "", by: "discord" },
    { channel: "1", title: "[Shard 0] Disconnected", color: 0xff0000 },
  ],
  [
    joined("Tea & Biscuits"),
    { channel: "2", title: "Guild Join", color: 0x00ff00, description: "Tea & Biscuits (41771983423143937)" },
  ],
  [
    { kind: "guild.left", shard: 0, guild: "7", name: "茶室" },
    { channel: "2", title: "Guild Leave", color: 0xff0000, description: "茶室 (7)" },
  ],
  [
    { kind: "guild.left", shard: 0, guild: "7", name: null },
    { channel: "2", title: "Guild Leave", color: 0xff0000, description: "Unknown (7)" },
  ],
];

for (const [observation, { channel, ...embed }] of EMBEDS) {
  const words = embed.description === undefined ? embed.title : `${embed.title} ${embed.description}`;
  Deno.test(`LogChannels.observe() writes ${words} on ${observation.kind}`, () =>
    withLog(async ({ clock, log, messages, flush }) => {
      log.observe(observation);
      clock.advance(5_000); // The embed tells when it happened, not when it was sent.
      await flush();
      const timestamp = new Date(clock.epochMs).toISOString();
      assert.deepEqual(messages(), [{ channel, embeds: [{ ...embed, timestamp }] }]);
    }));
}

Deno.test("LogChannels.observe() writes nothing of anything else", () =>
  withLog(async ({ log, messages, flush }) => {
    log.observe({ kind: "event.received", shard: 0, type: "MESSAGE_CREATE", bytes: 9 });
    log.observe({ kind: "shard.status", shard: 0, status: "Connected", waitingForTurn: false });
    log.observe({ kind: "service.notice", message: "hello" });
    await flush();
    assert.deepEqual(messages(), []);
  }));

Deno.test("LogChannels.observe() writes nothing where no channel is named", () =>
  withLog(async ({ log, messages, flush }) => {
    log.observe(ready(0));
    log.observe(joined("a"));
    await flush();
    assert.deepEqual(messages(), []);
  }, { shardChannelId: null, guildChannelId: null }));

Deno.test("LogChannels writes both kinds in one message where both channels are the same", () =>
  withLog(async ({ log, messages, flush }) => {
    log.observe(ready(0));
    log.observe(joined("a"));
    await flush();
    assert.deepEqual(messages().map(titles), [["[Shard 0] Ready", "Guild Join"]]);
  }, { guildChannelId: "1" }));

Deno.test("LogChannels puts what comes at once into messages of 10 embeds, in order", () =>
  withLog(async ({ log, messages, flush }) => {
    for (let shard = 0; shard < 25; shard += 1) log.observe(ready(shard));
    await flush();
    assert.deepEqual(messages().map(({ embeds }) => embeds.length), [10, 10, 5]);
    assert.deepEqual(
      messages().flatMap(titles),
      Array.from({ length: 25 }, (_, shard) => `[Shard ${shard}] Ready`),
    );
  }));

Deno.test("LogChannels has one message on its way per channel and gathers what comes meanwhile", () =>
  withLog(async ({ discord, log, messages, flush }) => {
    const { answer, release } = hung();
    discord.next(answer);
    log.observe(ready(0));
    await discord.received(1);
    for (const shard of [1, 2, 3]) log.observe(ready(shard));
    log.observe(joined("a")); // The other channel does not wait for this one.
    await discord.received(2);
    assert.deepEqual(messages().map(({ channel }) => channel), ["1", "2"]);
    release();
    await flush();
    assert.deepEqual(messages().map(titles), [
      ["[Shard 0] Ready"],
      ["Guild Join"],
      ["[Shard 1] Ready", "[Shard 2] Ready", "[Shard 3] Ready"],
    ]);
  }));

Deno.test("LogChannels keeps every message within Discord's limits and loses no embed", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.nat(100), fc.nat(5_000)), { minLength: 1, maxLength: 30 }),
      (lengths) =>
        withLog(async ({ log, messages, flush }) => {
          lengths.forEach((length, index) => log.observe(joined("x".repeat(length), `${1_000 + index}`)));
          await flush();
          for (const { embeds } of messages()) {
            assert.ok(embeds.length >= 1 && embeds.length <= 10);
            const lengths = embeds.map(({ title, description = "" }) =>
              [title.length, description.length] as const
            );
            assert.ok(lengths.every(([, description]) => description <= 4_096));
            assert.ok(lengths.flat().reduce((sum, length) => sum + length, 0) <= 6_000);
          }
          const ids = messages().flatMap(({ embeds }) =>
            embeds.map(({ description }) => description?.slice(-6))
          );
          assert.deepEqual(ids, lengths.map((_, index) => `(${1_000 + index})`));
        }),
    ),
    { numRuns: 20 },
  ));

Deno.test("LogChannels fills a message up to exactly 6,000 characters", () =>
  withLog(async ({ log, messages, flush }) => {
    const sides = "Guild Join".length + " (1)".length;
    log.observe(joined("x".repeat(4_000 - sides), "1"));
    log.observe(joined("x".repeat(2_000 - sides), "1"));
    log.observe(joined("", "1"));
    await flush();
    assert.deepEqual(messages().map(({ embeds }) => embeds.length), [2, 1]);
  }));

Deno.test("LogChannels makes text of a name that is none", () =>
  withLog(async ({ log, messages, flush }) => {
    log.observe(joined("a\ud800b", "7"));
    await flush();
    assert.equal(messages()[0]?.embeds[0]?.description, "a\ufffdb (7)");
  }));

Deno.test("LogChannels keeps the newest 1,000 embeds and tells how many it dropped", () =>
  withLog(async ({ discord, log, observed, messages, flush }) => {
    const { answer, release } = hung();
    discord.next(answer);
    log.observe(ready(0));
    await discord.received(1);
    for (let shard = 1; shard <= 1_050; shard += 1) log.observe(ready(shard));
    release();
    await flush();

    assert.deepEqual(observed, [{ kind: "log_channel.dropped", count: 50 }]);
    const sent = messages().flatMap(titles);
    assert.equal(sent.length, 1_001);
    assert.equal(sent[1], "[Shard 51] Ready");
    assert.equal(sent.at(-1), "[Shard 1050] Ready");
  }));

Deno.test("LogChannels tells what it dropped while messages still go out", () =>
  withLog(async ({ discord, log, observed, until, flush }) => {
    const [first, second] = [hung(), hung()];
    discord.next(first.answer, second.answer);
    log.observe(ready(0));
    await discord.received(1);
    for (let shard = 1; shard <= 1_001; shard += 1) log.observe(ready(shard));
    first.release();
    await until("log_channel.dropped");
    assert.deepEqual(observed, [{ kind: "log_channel.dropped", count: 1 }]);
    second.release();
    await flush();
  }));

Deno.test("LogChannels tells what it dropped while Discord fails", () =>
  withLog(async ({ discord, clock, log, observed, until, flush }) => {
    discord.next(status(500), status(500));
    log.observe(ready(0));
    await clock.untilScheduled(1_000);
    for (let shard = 1; shard <= 1_001; shard += 1) log.observe(ready(shard));
    clock.advance(1_000);
    await clock.untilScheduled(3_000);
    await until("log_channel.dropped");
    assert.equal(observed.reduce(dropped, 0), 1);
    clock.advance(2_000);
    await flush();
  }));

Deno.test("LogChannels waits for the renewal of the channel's limit, which is no failure", () =>
  withLog(async ({ discord, clock, log, observed, messages, flush }) => {
    discord.next(json({}, { headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2.5" } }));
    log.observe(ready(0));
    await discord.received(1);
    log.observe(ready(1));
    await clock.untilScheduled(2_500);
    log.observe(ready(2));
    clock.advance(2_500);
    await flush();
    assert.deepEqual(messages().map(titles), [["[Shard 0] Ready"], ["[Shard 1] Ready"], ["[Shard 2] Ready"]]);
    assert.deepEqual(observed, []);
  }));

Deno.test("LogChannels sends a refused message again when Discord allows it, under the same nonce", () =>
  withLog(async ({ discord, clock, log, observed, messages, flush }) => {
    discord.next(rateLimited({ retryAfter: 3 }));
    log.observe(ready(0));
    await clock.untilScheduled(3_000);
    clock.advance(3_000);
    await flush();

    assert.deepEqual(messages().map(titles), [["[Shard 0] Ready"], ["[Shard 0] Ready"]]);
    const [first, second] = discord.requests.map(({ body }) => (body as { nonce: string }).nonce);
    assert.equal(first, second);
    assert.ok(first !== undefined && first.length > 0 && first.length <= 25);
    const route = "POST /channels/1/messages";
    assert.deepEqual(observed, [
      { kind: "rest.failed", route, status: 429, error: "rate limited", retryInMs: 3_000 },
    ]);
  }));

Deno.test("LogChannels gives every message a nonce of its own", () =>
  withLog(async ({ discord, log, flush }) => {
    for (let shard = 0; shard < 20; shard += 1) log.observe(ready(shard));
    await flush();
    const nonces = discord.requests.map(({ body }) => (body as { nonce: string }).nonce);
    assert.equal(new Set(nonces).size, 2);
  }));

Deno.test("LogChannels tries again ever more slowly while Discord fails, up to a minute", () =>
  withLog(async ({ discord, clock, log, observed, messages, flush }) => {
    const delays = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
    discord.next(...delays.map(() => status(503)));
    log.observe(ready(0));
    for (const delay of delays) {
      await clock.untilScheduled(clock.nowMs() + delay);
      clock.advance(delay);
    }
    await flush();
    assert.equal(messages().length, delays.length + 1);
    const retries = observed.map((observation) =>
      observation.kind === "rest.failed" && observation.retryInMs
    );
    assert.deepEqual(retries, delays);
  }));

Deno.test("LogChannels drops a message that Discord calls wrong, and goes on with the next", () =>
  withLog(async ({ discord, log, observed, messages, flush }) => {
    discord.next(json({ message: "Invalid Form Body", code: 50035 }, { status: 400 }));
    for (let shard = 0; shard < 11; shard += 1) log.observe(ready(shard));
    await flush();
    assert.deepEqual(messages().map(({ embeds }) => embeds.length), [10, 1]);
    const route = "POST /channels/1/messages";
    const error = "answered 400: Invalid Form Body (code 50035)";
    assert.deepEqual(observed, [
      { kind: "rest.failed", route, status: 400, error, retryInMs: null },
      { kind: "log_channel.dropped", count: 10 },
    ]);
  }));

for (const [code, words] of [[403, "Missing Access"], [404, "Unknown Channel"]] as const) {
  Deno.test(`LogChannels gives a channel up on a ${code}, with one warning, and that channel alone`, () =>
    withLog(async ({ discord, log, observed, until, messages, flush }) => {
      discord.next(json({ message: words }, { status: code }));
      for (let shard = 0; shard < 15; shard += 1) log.observe(ready(shard));
      await until("log_channel.dropped");
      log.observe(ready(99));
      await flush();

      assert.equal(messages().length, 1);
      const message =
        `Cannot write to log channel 1: answered ${code}: ${words}, check its id and that the bot ` +
        "may send messages there; nothing is sent there until a restart";
      assert.deepEqual(observed, [
        { kind: "service.warning", message },
        { kind: "log_channel.dropped", count: 15 },
      ]);
    }));
}

Deno.test("LogChannels goes on with the other channel when one is given up", () =>
  withLog(async ({ discord, log, messages, flush }) => {
    discord.next(status(404));
    log.observe(ready(0));
    await discord.received(1);
    log.observe(joined("a"));
    await discord.received(2);
    log.observe(ready(1));
    log.observe(joined("b"));
    await flush();
    assert.deepEqual(messages().map(({ channel }) => channel), ["1", "2", "2"]);
  }));

Deno.test("LogChannels is silent for good once the token is refused", () =>
  withLog(async ({ discord, log, observed, until, messages, flush }) => {
    discord.next(status(401));
    log.observe(ready(0));
    await until("service.warning");
    log.observe(joined("a"));
    await flush();
    assert.equal(messages().length, 1);
    const warnings = observed.filter(({ kind }) => kind === "service.warning");
    assert.deepEqual(
      warnings,
      ["1", "2"].map((channel) => ({
        kind: "service.warning",
        message: `Cannot write to log channel ${channel}: the token is refused (401), check BOT_TOKEN; ` +
          "nothing is sent there until a restart",
      })),
    );
  }));

Deno.test("LogChannels.flush() takes nothing more", () =>
  withLog(async ({ log, messages, flush }) => {
    await flush();
    log.observe(ready(0));
    await flush();
    assert.deepEqual(messages(), []);
  }));

Deno.test("LogChannels.flush() cuts off a message that hangs at the deadline, and tells what was not sent", () =>
  withLog(async ({ discord, log, observed }) => {
    discord.next(hung().answer);
    for (let shard = 0; shard < 12; shard += 1) log.observe(ready(shard));
    await discord.received(1);
    const deadline = new AbortController();
    const flushed = log.flush(deadline.signal);
    deadline.abort();
    await flushed;
    assert.equal(observed.reduce(dropped, 0), 12);
    assert.ok(observed.every(({ kind }) => kind === "log_channel.dropped"), "cut off is not failed");
  }));

Deno.test("LogChannels.flush() does not sit out a pause beyond the deadline", () =>
  withLog(async ({ discord, clock, log, observed, messages }) => {
    discord.next(status(500));
    log.observe(ready(0));
    await clock.untilScheduled(1_000);
    const deadline = new AbortController();
    const flushed = log.flush(deadline.signal);
    deadline.abort();
    await flushed;
    assert.equal(messages().length, 1);
    assert.equal(observed.reduce(dropped, 0), 1);
  }));

Deno.test("LogChannels.flush() sends nothing when the deadline is past", () =>
  withLog(async ({ log, observed, messages }) => {
    for (let shard = 0; shard < 3; shard += 1) log.observe(ready(shard));
    await log.flush(AbortSignal.abort());
    assert.deepEqual(messages(), []);
    assert.equal(observed.reduce(dropped, 0), 3);
  }));

function dropped(sum: number, observation: Observation): number {
  return observation.kind === "log_channel.dropped" ? sum + observation.count : sum;
}
