import assert from "node:assert/strict";
import { HandClock } from "../../simulator/clock.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { CommandSender } from "./command_sender.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { onStage, TOKEN } from "./stage.ts";

const DAY_MS = 86_400_000;

Deno.test(
  "Shardline ends with 78 and one line that says where to get a token, where BOT_TOKEN is missing",
  onStage({}, async (stage) => {
    const gateway = stage.start({ BOT_TOKEN: "" });
    assert.equal(await gateway.status(), 78);
    const lines = await outputLines(gateway);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^BOT_TOKEN .*discord\.com\/developers.*deno task demo/);
    assert.deepEqual(stage.simulator.control.state().statistics.restResponses, {});
  }),
);

Deno.test(
  "Shardline ends with 78 and names all mistakes at once, one line each, and no secret's value",
  onStage({}, async (stage) => {
    const secret = "the-value-of-a-secret";
    const secretFile = await Deno.makeTempFile({ dir: "/tmp" });
    try {
      await Deno.writeTextFile(secretFile, `first ${secret}`);
      const gateway = stage.start({
        BOT_TOKEN: `in two parts ${secret}`,
        RABBIT_URL: `http://user:${secret}@127.0.0.1`,
        REDIS_URL: `${secret}`,
        RABBIT_PASSWORD: secret,
        DASHBOARD_OAUTH_CLIENT_SECRET: secret,
        RABBIT_MANAGEMENT_URL: `ftp://user:${secret}@127.0.0.1`,
        SHARDS_TOTAL: "two",
        SHARDS_START: "-1",
        INTENTS: "GUILDS,NO_SUCH_INTENT",
        COMPRESS: "gzip",
        DEFAULT_QUEUE: "gateway.send",
        EVENT_TTL: "tomorrow",
        STATUS: "asleep",
        RESUME: "perhaps",
        PROMETHEUS_PORT: "65536",
      });
      assert.equal(await gateway.status(), 78);
      const lines = await outputLines(gateway);
      assert.deepEqual(lines.map((line) => line.split(" ")[0]).sort(), [
        "BOT_TOKEN",
        "COMPRESS",
        "DASHBOARD_OAUTH_CLIENT_ID", // missing beside its secret
        "DEFAULT_QUEUE",
        "EVENT_TTL",
        "INTENTS",
        "PROMETHEUS_PORT",
        "RABBIT_MANAGEMENT_URL",
        "RABBIT_URL",
        "REDIS_URL",
        "RESUME",
        "SHARDS_START",
        "SHARDS_TOTAL",
        "STATUS",
      ]);
      assert(lines.includes('SHARDS_TOTAL is "two": expected an integer from 1 to 65536'), lines.join("\n"));
      assert(!lines.join().includes(secret));

      const fromFile = stage.start({ BOT_TOKEN: "", BOT_TOKEN_FILE: secretFile });
      assert.equal(await fromFile.status(), 78);
      const [line = "", ...more] = await outputLines(fromFile);
      assert.deepEqual(more, []);
      assert.match(line, /^BOT_TOKEN_FILE is /);
      assert(line.includes(secretFile) && !line.includes(secret), line);
    } finally {
      await Deno.remove(secretFile);
    }
  }),
);

Deno.test(
  "Shardline takes the token from the file that BOT_TOKEN_FILE names",
  onStage({}, async (stage) => {
    const file = await Deno.makeTempFile({ dir: "/tmp" });
    try {
      await Deno.writeTextFile(file, `${TOKEN}\n`);
      await stage.startConnected(1, { BOT_TOKEN: "", BOT_TOKEN_FILE: file });
    } finally {
      await Deno.remove(file);
    }
  }),
);

Deno.test(
  "Shardline ends with 77 where REST refuses the token, and does not try again",
  onStage({ simulator: { tokens: ["another-token"] } }, async (stage) => {
    const gateway = stage.start();
    assert.equal(await gateway.status(), 77);
    assert.match(failureOf(gateway), /token.*BOT_TOKEN/);
    const { restResponses, happenings } = stage.simulator.control.state().statistics;
    assert.deepEqual(restResponses, { 401: 1 });
    assert.deepEqual(happenings, {});
  }),
);

Deno.test(
  "Shardline ends with 77 where the gateway refuses the token, with 4004",
  onStage({}, async (stage) => {
    const gateway = await stage.startConnected(1);
    stage.simulator.control.revokeToken();
    assert.equal(await gateway.status(), 77);
    assert.match(failureOf(gateway), /token.*4004.*BOT_TOKEN/);
    assert.equal(stage.simulator.control.state().statistics.happenings["connected"], 1);
  }),
);

Deno.test(
  "Shardline ends with 77 and names the privileged intents asked for where Discord refuses them",
  onStage({ simulator: { messageContentIntent: true } }, async (stage) => {
    const gateway = stage.start({ INTENTS: "GUILDS,GUILD_MEMBERS,GUILD_PRESENCES,MESSAGE_CONTENT" });
    assert.equal(await gateway.status(), 77);
    assert.match(failureOf(gateway), /4014.*GUILD_MEMBERS, GUILD_PRESENCES, MESSAGE_CONTENT/);
    const { happenings, closeCodesSent } = stage.simulator.control.state().statistics;
    assert.deepEqual(closeCodesSent, { 4014: 1 });
    assert.equal(happenings["connected"], 1);
  }),
);

Deno.test(
  "Shardline ends with 78 and a clear line at the close codes 4010 to 4013, and does not try again",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const refusals = [
      [4010, /SHARDS_TOTAL/, { SHARDS_TOTAL: "3" }, () => control.set({ shardMultiple: 2 })],
      [4011, /SHARDS_TOTAL/, { SHARDS_TOTAL: "2" }, () => control.set({ guildCap: 0 })],
      [4012, /API_VERSION/, { API_VERSION: "7" }, () => {}],
      [4013, /INTENTS/, {}, () => {}],
    ] as const;
    for (const [code, setting, settings, prepare] of refusals) {
      prepare();
      const gateway = stage.start({ SHARDS_TOTAL: "2", ...settings });
      if (code === 4013) {
        // Our own check lets no undefined intent through.
        control.set({ guildCap: 2_500 });
        await gateway.connected(1);
        control.inject({ fault: "close", code });
      }
      assert.equal(await gateway.status(), 78, String(code));
      assert.match(failureOf(gateway), setting);
      assert.match(failureOf(gateway), new RegExp(String(code)));
      const attempts = gateway.lines.filter(({ kind }) => kind === "shard.connecting")
        .map(({ shard, attempt }) => `${shard} ${attempt}`);
      assert.equal(new Set(attempts).size, attempts.length, `${code}: each shard is tried once`);
    }
  }),
);

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(
    `Shardline ends in order at ${signal}: sessions kept, everything received published, exit 0`,
    onStage({
      simulator: { recommendedShards: 2, maxConcurrency: 2, guilds: 8, replayBufferEvents: 10_000 },
    }, async (stage) => {
      const { control } = stage.simulator;
      const gateway = await stage.startConnected(2);
      control.generate(500);
      const { heartbeatsReceived } = control.state().statistics;
      control.inject({ fault: "heartbeat" });
      // Answered behind the events: they have been received.
      await control.until(() => control.state().statistics.heartbeatsReceived >= heartbeatsReceived + 2);
      const sentBefore = control.state().sessions.reduce((sum, { sequence }) => sum + sequence, 0);
      control.generate(500);
      assert.equal(await gateway.end(signal), 0);
      const codes = Object.keys(control.state().statistics.closeCodesReceived).map(Number);
      assert(codes.length > 0 && codes.every((code) => code >= 4_000 && code <= 4_999), `${codes}`);
      assert.equal(gateway.count("service.late"), 0);
      // Stored is what was published, received what was sent before the close frame: nothing is between.
      const sessions = (await (await stage.board()).read()).sessions ?? {};
      const consumer = await stage.consumer();
      const published = () =>
        Object.values(sessions).every(({ session_id, sequence }) =>
          consumer.seen.has(`${session_id}:${sequence}`)
        );
      await consumer.until(published);
      const stored = Object.values(sessions).reduce((sum, { sequence }) => sum + Number(sequence), 0);
      assert.equal(consumer.seen.size, stored);
      assert(stored >= sentBefore, `${stored} of at least ${sentBefore}`);
      const again = await stage.startConnected(2);
      await consumer.untilComplete(stage.simulator);
      assert.equal(again.count("shard.resumed"), 2);
      const { expected: _, ...faults } = consumer.compare(stage.simulator);
      assert.deepEqual(faults, { missing: 0, changed: 0, outOfOrder: 0, repeated: 0 });
    }),
  );
}

Deno.test(
  "Shardline takes a second signal within a second for the first one's echo",
  onStage({}, async (stage) => {
    const gateway = await stage.startConnected(1);
    gateway.signal("SIGINT");
    await gateway.line(({ kind }) => kind === "service.stopping");
    gateway.signal("SIGINT");
    gateway.signal("SIGTERM");
    assert.equal(await gateway.status(), 0);
    assert.equal(gateway.count("service.stopped"), 1);
  }),
);

Deno.test(
  "Shardline identifies bucket by bucket in order, SHARDS_WAIT apart",
  // A Discord that refuses whoever comes too early; the half second is for what a busy machine adds.
  onStage(
    { simulator: { recommendedShards: 5, maxConcurrency: 2, identifyWindowMs: 500 } },
    async (stage) => {
      const { control } = stage.simulator;
      await stage.startConnected(5, { SHARDS_WAIT: "1" });
      assert.equal(control.state().statistics.happenings["identify-refused"], undefined);
      const order = control.statistics.history().filter(({ kind }) => kind === "identified")
        .map(({ shard }) => Math.floor((shard ?? 0) / 2));
      assert.deepEqual(order, [0, 0, 1, 1, 2]);
    },
  ),
);

Deno.test(
  "Shardline takes SHARDS_CONCURRENCY for the number of buckets, and lets no RESUME wait in them",
  onStage({ simulator: { recommendedShards: 3, maxConcurrency: 3 } }, async (stage) => {
    const { control } = stage.simulator;
    const first = await stage.startConnected(3);
    await (await stage.board()).until(({ sessions }) => Object.keys(sessions ?? {}).length === 3);
    assert.equal(await first.end("SIGTERM"), 0);
    const patient = { SHARDS_WAIT: "3600", SHARDS_CONCURRENCY: "1" };
    const resuming = await stage.startConnected(3, patient);
    assert.equal(resuming.count("shard.resumed"), 3);
    assert.equal(await resuming.end("SIGTERM"), 0);

    const identifying = stage.start({ ...patient, RESUME: "false" });
    await identifying.connected(1);
    const waiting = identifying.lines.filter(({ kind }) => kind === "shard.status")
      .filter(({ shard }) => shard !== 0).map(({ status, waitingForTurn }) => [status, waitingForTurn]);
    assert.deepEqual(waiting, [["Disconnected", true], ["Disconnected", true]]);
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 2, 1: 1, 2: 1 });
  }),
);

Deno.test(
  "Shardline waits where no identify is left today, spends none beyond it, and goes on when the day turns",
  onStage({
    simulator: { recommendedShards: 3, maxConcurrency: 3, sessionStartTotal: 2, clock: new HandClock() },
  }, async (stage) => {
    const { control } = stage.simulator;
    control.advance(DAY_MS - 1_000); // the day's last second, for as long as the test wants
    const gateway = stage.start();
    await gateway.line(({ kind }) => kind === "identify.exhausted");
    const [account] = control.state().accounts;
    assert.equal(account?.valid, true, "Discord resets the token of whoever overspends");
    assert.equal(account.sessionStartLimit.remaining, 0);
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1, 1: 1 });
    control.advance(1_000);
    await gateway.connected(3);
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1, 1: 1, 2: 1 });
  }),
);

Deno.test(
  "Shardline warns where few identifies are left today, and only then",
  onStage(
    { simulator: { recommendedShards: 9, maxConcurrency: 9, sessionStartTotal: 10 } },
    async (stage) => {
      const gateway = await stage.startConnected(8, { SHARDS_END: "7" });
      assert.equal(gateway.count("identify.low"), 0);
      await stage.startConnected(1, { SHARDS_START: "8" }).then(async (last) => {
        const { level, remaining } = await last.line(({ kind }) => kind === "identify.low");
        assert.deepEqual([level, remaining], ["warn", 1]);
      });
    },
  ),
);

Deno.test(
  "Shardline runs SHARDS_TOTAL shards, and logs a recommendation that differs",
  onStage({ simulator: { recommendedShards: 7 } }, async (stage) => {
    const gateway = await stage.startConnected(1, { SHARDS_TOTAL: "1" });
    const { level, message } = await gateway.line(({ message }) => message.includes("recommends"));
    assert.equal(level, "info");
    assert.match(message, /\b7 shards, 1\b/);
    assert.deepEqual(stage.simulator.control.state().sessions.map(({ shard }) => shard), [[0, 1]]);
  }),
);

Deno.test(
  "Shardline runs as many shards as Discord recommends where nothing says otherwise",
  onStage({ simulator: { recommendedShards: 3, maxConcurrency: 3 } }, async (stage) => {
    const gateway = await stage.startConnected(3);
    assert.deepEqual(
      stage.simulator.control.state().sessions.map(({ shard }) => shard.join()).sort(),
      ["0,3", "1,3", "2,3"],
    );
    assert(!gateway.lines.some(({ message }) => message.includes("recommends")));
  }),
);

Deno.test(
  "Shardline ends with 78 where SHARDS_START and SHARDS_END are beyond what Discord recommends",
  onStage({ simulator: { recommendedShards: 2 } }, async (stage) => {
    const gateway = stage.start({ SHARDS_START: "1", SHARDS_END: "2" });
    assert.equal(await gateway.status(), 78);
    assert.match(failureOf(gateway), /SHARDS_START.*SHARDS_END.*0 to 1/);
    assert.deepEqual(stage.simulator.control.state().statistics.happenings, {});
  }),
);

Deno.test(
  "Shardline identifies at GATEWAY_URL where that is set, and resumes at the URL of READY all the same",
  onStage({}, async (stage) => {
    const { control, gatewayUrl } = stage.simulator;
    await using line = new TcpProxy(gatewayUrl);
    const gateway = await stage.startConnected(1, { GATEWAY_URL: line.through(gatewayUrl) });
    const hosts = () =>
      gateway.lines.filter(({ kind }) => kind === "shard.connecting").map(({ host }) => host);
    assert.deepEqual(hosts(), [new URL(line.through(gatewayUrl)).host]);
    control.inject({ fault: "reconnect" });
    await gateway.connected(2);
    assert.deepEqual(hosts().slice(1), [new URL(stage.simulator.resumeGatewayUrl).host]);
    assert.deepEqual(control.state().statistics.wrongUrl, { resumesOnMain: 0, identifiesOnResume: 0 });
    await gateway.end("SIGTERM");
  }),
);

Deno.test(
  "Shardline says that RabbitMQ or Redis refuses a password, without the password, and waits",
  onStage({}, async (stage) => {
    const password = "a-password-that-is-wrong";
    const withPassword = (url: string) => {
      const changed = new URL(url);
      changed.username ||= "somebody";
      changed.password = password;
      return changed.href;
    };
    const refusals = [
      [{ RABBIT_URL: withPassword(stage.rabbitUrl) }, "broker.unreachable", /ACCESS.REFUSED/],
      [{ REDIS_URL: withPassword(stage.redisUrl) }, "redis.unreachable", /WRONGPASS/],
    ] as const;
    for (const [settings, kind, reason] of refusals) {
      const gateway = stage.start(settings);
      const { error } = await gateway.line((line) => line.kind === kind);
      assert.match(String(error), reason);
      assert.equal(await gateway.end("SIGTERM"), 0);
      assert(!(await outputLines(gateway)).join().includes(password));
    }
  }),
);

Deno.test(
  "Shardline says at the start, in one line, when MESSAGE_CONTENT is not among the intents",
  onStage({ simulator: { messageContentIntent: true } }, async (stage) => {
    const told = async (settings: Record<string, string>) => {
      const gateway = await stage.startConnected(1, settings);
      assert.equal(await gateway.end("SIGTERM"), 0);
      return gateway.lines.filter(({ message }) => message.includes("MESSAGE_CONTENT")).length;
    };
    assert.equal(await told({}), 1);
    assert.equal(await told({ INTENTS: "GUILDS,GUILD_MESSAGES,MESSAGE_CONTENT" }), 0);
  }),
);

Deno.test(
  "Shardline writes nothing at all where LOG_LEVEL is off",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const gateway = stage.start({ LOG_LEVEL: "off" });
    await control.until(() => control.state().sessions.length > 0);
    assert.equal(await gateway.end("SIGTERM"), 0);
    assert.deepEqual(await outputLines(gateway), []);
  }),
);

/** The one line that says why the process ended by itself. */
function failureOf(gateway: GatewayProcess): string {
  const failures = gateway.lines.filter(({ level }) => level === "error")
    .filter(({ kind }) => kind === "service.failed");
  assert.equal(failures.length, 1);
  return failures[0]?.message ?? "";
}

/** Everything written to standard output and standard error. */
async function outputLines(gateway: GatewayProcess): Promise<string[]> {
  const errors = (await gateway.errors).split("\n").filter((line) => line !== "");
  return [...gateway.lines.map((line) => JSON.stringify(line)), ...errors];
}

Deno.test(
  "Shardline stops in order with 70 after a fault of its own, and asks for a report",
  onStage({}, async (stage) => {
    const gateway = stage.startWith({ RABBIT_URL: stage.rabbitUrl, REDIS_URL: stage.redisUrl }, {
      preload: "tests/fixtures/fault_after_start.ts",
    });
    assert.equal(await gateway.status(), 70);
    const failed = gateway.lines.find(({ kind }) => kind === "service.failed");
    assert.equal(failed?.level, "error");
    assert.match(failed?.message ?? "", /^Please report this fault: .*a fault for the test/);
    assert.equal(gateway.count("service.stopped"), 1);
    assert.equal(await gateway.errors, "");
  }),
);

Deno.test(
  "Shardline ends with 0 though nobody reads what it writes any more",
  onStage({}, async (stage) => {
    const broker = await stage.broker();
    const commands = await CommandSender.open(broker);
    const gateway = stage.start();
    await gateway.connected(1);
    gateway.stopReading();
    // Each of them is a line of the log; together they are more than a pipe takes.
    const refused = 2_000;
    for (let sent = 0; sent < refused; sent += 1) commands.send("not a command");
    await commands.rejected(refused);
    assert.equal(await gateway.end("SIGTERM"), 0);
  }),
);
