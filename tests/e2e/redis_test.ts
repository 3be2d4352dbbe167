import assert from "node:assert/strict";
import type { Board } from "./board_reader.ts";
import { onStage, type Stage } from "./stage.ts";

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/;

const HELLO = '{"t":null,"s":null,"op":10,"d":{"heartbeat_interval":41250}}';

const TWO_SHARDS = { recommendedShards: 2, maxConcurrency: 2, guilds: 4 };

Deno.test(
  "Shardline writes gateway_sessions, gateway_statuses, gateway_started and gateway_shards to the letter",
  onStage({ simulator: { ...TWO_SHARDS, acknowledgeHeartbeats: false } }, async (stage) => {
    const { control } = stage.simulator;
    const board = await stage.board();
    const fromMs = Date.now();
    await stage.startConnected(2);
    const connectedMs = Date.now();
    const settled = await board.until(({ statuses, sessions }) =>
      statuses?.length === 2 && statuses.every(({ status }) => status === "Connected") &&
      control.state().sessions.every(({ shard, sequence }) => sessions?.[shard[0]]?.["sequence"] === sequence)
    );
    const [first, second] = [0, 1].map((shard) =>
      control.state().sessions.find((session) => session.shard[0] === shard)
    );
    assert.deepEqual(
      settled.sessions,
      Object.fromEntries([first, second].map((session) => [session?.shard[0], {
        session_id: session?.id,
        sequence: session?.sequence,
        resume_gateway_url: stage.simulator.resumeGatewayUrl,
      }])),
    );
    assert.deepEqual(
      settled.statuses?.map(({ last_ack: _, ...entry }) => entry),
      [
        { shard: 0, status: "Connected", latency: 0, session: first?.id },
        { shard: 1, status: "Connected", latency: 0, session: second?.id },
      ],
      "sorted, and without an ACK the latency is 0",
    );
    for (const { last_ack } of settled.statuses ?? []) {
      assert.match(last_ack, TIMESTAMP);
      const atMs = Date.parse(`${last_ack}Z`);
      assert(atMs >= fromMs && atMs <= connectedMs, `${last_ack} is the time of connecting`);
    }
    const started: unknown = JSON.parse(settled.started ?? "");
    assert(typeof started === "string");
    assert.match(started, TIMESTAMP);
    assert(Date.parse(`${started}Z`) >= fromMs && Date.parse(`${started}Z`) <= connectedMs);
    assert.equal(settled.total, "2");

    const redis = await stage.redis();
    for (const key of ["gateway_sessions", "gateway_statuses", "gateway_started", "gateway_shards"]) {
      assert.equal(await redis.type(key), "string", key);
    }
    for (const key of await redis.keys("*")) {
      assert.match(key, /^gateway(:|_(sessions|statuses|started|shards)$)/);
    }

    const beforeAckMs = Date.now();
    control.set({ acknowledgeHeartbeats: true });
    control.inject({ fault: "heartbeat", shard: 1 });
    const acknowledged = await board.until(({ statuses }) =>
      Date.parse(`${statuses?.[1]?.last_ack}Z`) >= beforeAckMs
    );
    const latency = acknowledged.statuses?.[1]?.latency;
    assert(Number.isInteger(latency));
    assert.match(acknowledged.statuses?.[1]?.last_ack ?? "", TIMESTAMP);
  }),
);

Deno.test(
  "Shardline says Disconnected, Handshaking, Identifying, Connected in gateway_statuses, and at its end Disconnected",
  onStage(
    { simulator: { ...TWO_SHARDS, maxConcurrency: 1, heartbeatIntervalMs: 3_600_000 } },
    async (stage) => {
      const { control } = stage.simulator;
      const board = await stage.board();
      control.inject({ fault: "greet-silence", count: 1 });
      const gateway = stage.start({ SHARDS_WAIT: "3600" });
      const handshaking = await board.untilStatus(0, "Handshaking");
      assert.deepEqual(
        handshaking.statuses?.map(({ shard, status, session }) => ({ shard, status, session })),
        [
          { shard: 0, status: "Handshaking", session: "" },
          { shard: 1, status: "Disconnected", session: "" },
        ],
        "a shard that waits for its turn is Disconnected",
      );
      assert.deepEqual(handshaking.sessions, {}, "a shard without a session is absent");

      control.set({ readyDelayMs: 60_000 });
      control.sendPayload(new TextEncoder().encode(HELLO));
      const identifying = await board.untilStatus(0, "Identifying");
      assert.deepEqual(identifying.sessions, {});
      control.advance(60_000);
      const connected = await board.untilStatus(0, "Connected");
      assert.equal(connected.statuses?.[1]?.status, "Disconnected");
      const { sessions } = await board.until(({ sessions }) => sessions?.["0"] !== undefined);
      assert.deepEqual(Object.keys(sessions ?? {}), ["0"], "a shard without a session is absent");

      assert.equal(await gateway.end("SIGTERM"), 0);
      const left = await board.read();
      assert.deepEqual(left.statuses?.map(({ status }) => status), ["Disconnected", "Disconnected"]);
      assert.equal(left.sessions?.["0"]?.["sequence"], control.state().sessions[0]?.sequence);
    },
  ),
);

Deno.test(
  "Shardline says Resuming in gateway_statuses while Discord does not answer a RESUME",
  onStage({}, async (stage) => {
    const board = await stage.board();
    await writeAsTwilight(stage, { sessions: { 0: { session_id: "a-session", sequence: 7 } } });
    await using silent = startSilentGateway();
    stage.start({ GATEWAY_URL: silent.url });
    const { statuses, sessions } = await board.untilStatus(0, "Resuming");
    assert.equal(statuses?.[0]?.session, "a-session");
    assert.deepEqual(sessions, { 0: { session_id: "a-session", sequence: 7 } });
  }),
);

Deno.test(
  "Shardline resumes what gateway_sessions says where another service wrote gateway_started last",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const earlier = await stage.startConnected(2);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await earlier.end("SIGTERM"), 0);
    const session = control.state().sessions.find(({ shard }) => shard[0] === 0);
    assert(session !== undefined);
    await writeAsTwilight(stage, {
      sessions: {
        0: { session_id: session.id, sequence: 1 }, // behind what our own truth says
        1: { session_id: "", sequence: 0 },
      },
    });
    await stage.startConnected(2);
    await consumer.until(() => consumer.repeated === session.sequence - 1);
    const { identifiesByShard, resumesByShard, wrongUrl } = control.state().statistics;
    assert.deepEqual(resumesByShard, { 0: 1 });
    assert.deepEqual(identifiesByShard, { 0: 1, 1: 2 }, "an empty session_id is none");
    assert.deepEqual(wrongUrl, { resumesOnMain: 1, identifiesOnResume: 0 }, "without a URL the main one");
  }),
);

Deno.test(
  "Shardline heeds its own truth, not gateway_sessions, where it was the last to run",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const earlier = await stage.startConnected(1);
    await consumer.untilComplete(stage.simulator);
    assert.equal(await earlier.end("SIGTERM"), 0);
    const redis = await stage.redis();
    await redis.set("gateway_sessions", "{}");
    const gateway = await stage.startConnected(1);
    assert.equal(gateway.count("shard.resumed"), 1);
    assert.deepEqual(control.state().statistics.wrongUrl, { resumesOnMain: 0, identifiesOnResume: 0 });
    assert.equal(consumer.repeated, 0);
  }),
);

for (
  const [change, settings, reason] of [
    ["the total has changed", { SHARDS_TOTAL: "1" }, "total_changed"],
    ["RESUME is false", { RESUME: "false" }, "resume_disabled"],
  ] as const
) {
  Deno.test(
    `Shardline identifies anew and names the gap where ${change}`,
    onStage({ simulator: TWO_SHARDS }, async (stage) => {
      const { control } = stage.simulator;
      const broker = await stage.broker();
      const earlier = await stage.startConnected(2);
      const board = await stage.board();
      await board.until(({ sessions }) => Object.keys(sessions ?? {}).length === 2);
      assert.equal(await earlier.end("SIGTERM"), 0);
      const old = control.state().sessions.find(({ shard }) => shard[0] === 0);
      const gaps = await broker.bindOwnQueue("gateway.events", "shard.0.gap");
      const shards = reason === "total_changed" ? 1 : 2;
      const gateway = await stage.startConnected(shards, settings);
      assert.equal(gateway.count("shard.resuming"), 0);
      assert.equal(control.state().statistics.happenings["identified"], 2 + shards);
      const [gap] = await broker.read(gaps, 1);
      const news = JSON.parse(gap?.content.toString() ?? "");
      assert.deepEqual(
        [news.old_session, news.last_sequence, news.reason],
        [old?.id, old?.sequence, reason],
      );
      const { sessions, statuses } = await board.until(({ sessions, total }) =>
        total === String(shards) && sessions?.["0"]?.["session_id"] === news.new_session
      );
      assert.equal(Object.keys(sessions ?? {}).length, shards);
      assert.equal(statuses?.length, shards, "no shard beyond the total is described");
    }),
  );
}

Deno.test(
  "Shardline takes the stored total, not Discord's recommendation, while stored sessions can be resumed",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const { control } = stage.simulator;
    const earlier = await stage.startConnected(2);
    assert.equal(await earlier.end("SIGTERM"), 0);
    control.set({ recommendedShards: 5 });
    const gateway = await stage.startConnected(2);
    assert.equal(gateway.count("shard.resumed"), 2);
    assert.equal((await (await stage.board()).read()).total, "2");
    const { message } = await gateway.line(({ kind, message }) =>
      kind === "service.notice" && message.includes("recommends")
    );
    assert.match(message, /\b5\b.*\b2\b/);
  }),
);

Deno.test(
  "Shardline resumes first where INTENTS have changed, then replaces one session after the other and names each gap",
  onStage({ simulator: { ...TWO_SHARDS, maxConcurrency: 1 } }, async (stage) => {
    const { control } = stage.simulator;
    const broker = await stage.broker();
    const earlier = await stage.startConnected(2, { INTENTS: "513" });
    assert.equal(await earlier.end("SIGTERM"), 0);
    const old = new Set(control.state().sessions.map(({ id }) => id));
    const seen = control.statistics.history().length;
    const gaps = await broker.bindOwnQueue("gateway.events", "shard.*.gap");
    await stage.startConnected(4, {
      INTENTS: "GUILDS,GUILD_MESSAGES,GUILD_MESSAGE_TYPING",
      SHARDS_WAIT: "1", // else two sockets of one moment, whose order nobody keeps
    });
    const happenings = control.statistics.history().slice(seen)
      .filter(({ kind }) => ["resumed", "closed-by-client", "identified"].includes(kind))
      .map(({ kind, shard, code }) => [kind, shard, ...(code === undefined ? [] : [code])].join(" "));
    // Shard 0 may have its turn while shard 1 is still resuming, but no shard is replaced before it has resumed.
    const of = (...wanted: string[]) => happenings.filter((happening) => wanted.includes(happening));
    const replaced = ["closed-by-client 0 1000", "identified 0", "closed-by-client 1 1000", "identified 1"];
    assert.deepEqual(of(...replaced), replaced);
    for (const shard of [0, 1]) {
      const own = [`resumed ${shard}`, `closed-by-client ${shard} 1000`];
      assert.deepEqual(of(...own), own);
    }
    assert.equal(happenings.length, 6);
    const sessions = control.state().sessions;
    assert.deepEqual(sessions.map(({ intents }) => intents), [2561, 2561]);
    const news = (await broker.read(gaps, 2)).map(({ content }) => JSON.parse(content.toString()));
    assert.deepEqual(news.map(({ shard, reason }) => [shard, reason]), [
      [0, "intents_changed"],
      [1, "intents_changed"],
    ]);
    assert.deepEqual(new Set(news.map(({ old_session }) => old_session)), old);
    assert.deepEqual(
      new Set(news.map(({ new_session }) => new_session)),
      new Set(sessions.map(({ id }) => id)),
    );
  }),
);

Deno.test(
  "Shardline sends op 3 after RESUMED where the presence settings have changed, and only then",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const idle = { STATUS: "idle", ACTIVITY_TYPE: "watching", ACTIVITY_NAME: "the tide" };
    const presence = () => control.state().sessions[0]?.presence;
    const restart = async (settings: Record<string, string>) => {
      const gateway = await stage.startConnected(1, settings);
      // On the same connection, so whatever was sent after RESUMED came before.
      const heartbeats = control.state().statistics.heartbeatsReceived;
      control.inject({ fault: "heartbeat" });
      await control.until(() => control.state().statistics.heartbeatsReceived > heartbeats);
      const board = await stage.board();
      await board.until(({ sessions }) => sessions?.["0"] !== undefined);
      assert.equal(await gateway.end("SIGTERM"), 0);
      return control.statistics.commands().filter(({ op }) => op === 3).length;
    };
    assert.equal(await restart(idle), 0, "IDENTIFY says it");
    const watching = [{ name: "the tide", type: 3 }];
    assert.deepEqual(presence(), { since: null, activities: watching, status: "idle", afk: false });
    assert.equal(await restart(idle), 0, "nothing has changed");
    assert.equal(await restart({ STATUS: "dnd" }), 1);
    assert.deepEqual(presence(), { since: null, activities: [], status: "dnd", afk: false });
    assert.equal(await restart({ STATUS: "dnd" }), 1, "it is known to have been sent");
    assert.deepEqual(control.state().statistics.resumesByShard, { 0: 3 });
    assert.deepEqual(control.state().statistics.identifiesByShard, { 0: 1 });
  }),
);

Deno.test(
  "Shardline puts REDIS_PREFIX before every key",
  onStage({}, async (stage) => {
    const prefix = "my bot:*:";
    const board = await stage.board(prefix);
    const settings = { REDIS_PREFIX: prefix };
    const first = await stage.startConnected(1, settings);
    await board.until(({ sessions }) => sessions?.["0"] !== undefined);
    assert.equal(await first.end("SIGTERM"), 0);
    const redis = await stage.redis();
    const keys = await redis.keys("*");
    assert(keys.length >= 4, `${keys}`);
    for (const key of keys) assert(key.startsWith(prefix), key);
    const second = await stage.startConnected(1, settings);
    assert.equal(second.count("shard.resumed"), 1);
    const other = await stage.startConnected(1, { REDIS_PREFIX: "another:" });
    assert.equal(other.count("shard.ready"), 1, "what is under another prefix is another bot's");
  }),
);

Deno.test(
  "Shardline describes the shards of all processes on one Redis",
  onStage({ simulator: { ...TWO_SHARDS, guilds: 8 } }, async (stage) => {
    const { control } = stage.simulator;
    const board = await stage.board();
    const total = { SHARDS_TOTAL: "4" };
    const low = await stage.startConnected(2, { ...total, SHARDS_END: "1" });
    const high = await stage.startConnected(2, { ...total, SHARDS_START: "2", SHARDS_END: "3" });
    const statuses = ({ statuses }: Board) => statuses?.map(({ shard, status }) => `${shard} ${status}`);
    const whole = await board.until((seen) =>
      statuses(seen)?.join() === "0 Connected,1 Connected,2 Connected,3 Connected" &&
      Object.keys(seen.sessions ?? {}).length === 4
    );
    const ids = (shards: readonly number[]) =>
      control.state().sessions.filter(({ shard }) => shards.includes(shard[0])).map(({ id }) => id).sort();
    assert.deepEqual(Object.values(whole.sessions ?? {}).map((one) => one["session_id"]).sort(), [
      ...ids([0, 1, 2, 3]),
    ]);
    assert.equal(whole.total, "4");
    assert.equal(await low.end("SIGTERM"), 0);
    const half = await board.read();
    assert.deepEqual(statuses(half), ["0 Disconnected", "1 Disconnected", "2 Connected", "3 Connected"]);
    assert.equal(Object.keys(half.sessions ?? {}).length, 4, "its sessions wait to be resumed");
    const again = await stage.startConnected(2, { ...total, SHARDS_END: "1" });
    assert.equal(again.count("shard.resumed"), 2);
    assert.equal(await high.end("SIGTERM"), 0);
    const other = await board.until((seen) => statuses(seen)?.[0] === "0 Connected");
    assert.deepEqual(statuses(other), ["0 Connected", "1 Connected", "2 Disconnected", "3 Disconnected"]);
  }),
);

Deno.test(
  "Shardline names garbage under its keys, loses none of it, and resumes what is left",
  onStage({ simulator: TWO_SHARDS }, async (stage) => {
    const { control } = stage.simulator;
    const first = await stage.startConnected(2);
    assert.equal(await first.end("SIGTERM"), 0);
    const redis = await stage.redis();
    const hashes: string[] = [];
    for (const key of await redis.keys("gateway:*")) {
      if (await redis.type(key) === "hash") hashes.push(key);
    }
    for (const hash of hashes) await redis.hset(hash, "1", "{garbage", "many", "[]", "-3", "null");
    await redis.del("gateway_statuses", "gateway_sessions");
    await redis.lpush("gateway_statuses", "a list");
    await redis.hset("gateway_sessions", "a", "hash");
    const gateway = await stage.startConnected(2);
    assert.equal(gateway.count("shard.resumed"), 1, "shard 0, whose point is intact");
    assert.equal(gateway.count("shard.ready"), 1);
    const board = await stage.board();
    const healed = await board.until(({ statuses }) =>
      statuses?.length === 2 && statuses.every(({ status }) => status === "Connected")
    );
    assert.deepEqual(
      Object.values(healed.sessions ?? {}).map((session) => session["session_id"]),
      [0, 1].map((shard) => control.state().sessions.findLast((session) => session.shard[0] === shard)?.id),
    );
    const named = gateway.lines.filter(({ kind }) => kind === "redis.garbage").map(({ key }) => key);
    assert(named.includes("gateway_statuses") && named.includes("gateway_sessions"), `${named}`);
    assert(hashes.some((hash) => named.includes(hash)), `${named}`);
    const aside = (await redis.keys("gateway:damaged:gateway_statuses:*"))[0] ?? "";
    assert.deepEqual(await redis.lrange(aside, 0, -1), ["a list"]);
  }),
);

/** What twilight-dispatch 0.4 leaves in Redis: its own start time, sessions without a URL. */
async function writeAsTwilight(
  stage: Stage,
  { sessions }: { sessions: Record<number, { session_id: string; sequence: number }> },
): Promise<void> {
  const redis = await stage.redis();
  const shards = Object.keys(sessions).map(Number);
  await redis.mset({
    gateway_sessions: JSON.stringify(sessions),
    gateway_statuses: JSON.stringify(shards.map((shard) => ({
      ...{ shard, status: "Connected", latency: 20, last_ack: "2026-01-02T03:04:05.678901" },
      session: sessions[shard]?.session_id,
    }))),
    gateway_started: JSON.stringify("2026-01-02T03:04:05.678901234"),
    gateway_shards: String(shards.length),
  });
}

/** A gateway that says HELLO and nothing more. */
function startSilentGateway(): AsyncDisposable & { url: string } {
  const sockets: WebSocket[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    sockets.push(socket);
    socket.onopen = () => socket.send(HELLO);
    return response;
  });
  return {
    url: `ws://127.0.0.1:${server.addr.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      await server.shutdown();
    },
  };
}
