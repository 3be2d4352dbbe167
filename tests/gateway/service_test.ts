import assert from "node:assert/strict";
import { Intent } from "../../gateway/protocol/intents.ts";
import { gatewayBot, ServiceRig, storedPoint } from "./service_rig.ts";

// Starting.

Deno.test("GatewayService.start() waits for the store as long as it takes, and connects nothing before", async () => {
  const rig = new ServiceRig();
  rig.points.hold();
  const started = rig.service.start();
  rig.publisher.open();
  await rig.pass(3_600_000);
  assert.deepEqual(rig.transport.connections, []);
  rig.points.releaseNext();
  await rig.asked();
  assert.equal(rig.points.startedAtMs, null);
  assert.deepEqual(rig.transport.connections, [], "the reign has not begun");
  const begunAtMs = rig.clock.wallMs();
  rig.points.release();
  await rig.done(started);
  assert.equal(rig.points.startedAtMs, begunAtMs);
  assert.deepEqual(rig.connectedShards, [0, 1]);
  await rig.stopped();
});

Deno.test("GatewayService.start() waits for the broker, and takes no command before it is there", async () => {
  const rig = new ServiceRig();
  const started = rig.service.start();
  rig.commands.send({ op: 1, shard: 9 });
  await rig.pass(3_600_000);
  assert.deepEqual(rig.transport.connections, []);
  assert.deepEqual(rig.notices.rejections, []);
  rig.publisher.open();
  await rig.done(started);
  assert.deepEqual(rig.connectedShards, [0, 1]);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["unknown_shard"]);
  await rig.stopped();
});

Deno.test("GatewayService identifies each shard with what the settings say", async () => {
  const rig = await new ServiceRig({
    SHARDS_TOTAL: "4",
    SHARDS_START: "1",
    SHARDS_END: "2",
    INTENTS: "513",
    LARGE_THRESHOLD: "100",
    STATUS: "idle",
    COMPRESS: "zstd-stream",
    API_VERSION: "9",
  }).connected(2);
  assert.deepEqual(rig.greetings, ["identify 1 of 4", "identify 2 of 4"]);
  const [connection] = rig.transport.connections;
  assert.equal(connection?.url.href, "wss://gateway.example/?v=9&encoding=json&compress=zstd-stream");
  const frame = connection?.sent[0]?.d;
  assert(typeof frame === "object" && frame !== null);
  const { token, intents, large_threshold, shard, presence } = frame;
  assert.deepEqual({ token, intents, large_threshold, shard, presence }, {
    token: "token",
    intents: 513,
    large_threshold: 100,
    shard: [1, 4],
    presence: { since: null, activities: [], status: "idle", afk: false },
  });
  await rig.stopped();
});

Deno.test("GatewayService spaces identifies by SHARDS_WAIT", async () => {
  const rig = await new ServiceRig({ SHARDS_WAIT: "6" }).started();
  assert.deepEqual(rig.connectedShards, [0]);
  await rig.pass(5_999);
  assert.deepEqual(rig.connectedShards, [0]);
  await rig.pass(1);
  assert.deepEqual(rig.connectedShards, [0, 1]);
  await rig.stopped();
});

Deno.test("GatewayService takes GATEWAY_URL over Discord's, and the URL of a session over both", async () => {
  const rig = new ServiceRig({ GATEWAY_URL: "ws://127.0.0.1:9001/" });
  rig.left(2, [[0, { point: storedPoint(rig, "old-0") }]]);
  await rig.connected(2);
  assert.deepEqual(rig.transport.connections.map(({ url }) => url.host), [
    "resume.example",
    "127.0.0.1:9001",
  ]);
  await rig.stopped();
});

Deno.test("GatewayService waits for Discord's URL where a session has none of its own", async () => {
  const rig = new ServiceRig();
  rig.gatewayBot = null;
  rig.left(1, [[0, { point: storedPoint(rig, "old-0", { resumeGatewayUrl: null }) }]]);
  await rig.started();
  await rig.pass(500);
  assert.deepEqual(rig.transport.connections, []);
  rig.gatewayBot = gatewayBot();
  await rig.pass(1_000);
  assert.deepEqual(rig.greetings, ["resume old-0 40"]);
  assert.equal(rig.transport.latest.url.host, "gateway.example");
  await rig.stopped();
});

Deno.test("GatewayService says once what bots would otherwise wonder about", async () => {
  const rig = await new ServiceRig({ INTENTS: "GUILDS" }).started();
  const notices = rig.of("service.notice").map(({ message }) => message);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /MESSAGE_CONTENT is not among the intents/);
  await rig.stopped();

  const quiet = await new ServiceRig({ INTENTS: "GUILDS,GUILD_MESSAGES,MESSAGE_CONTENT" }).started();
  assert.deepEqual(quiet.of("service.notice"), []);
  await quiet.stopped();
});

Deno.test("GatewayService publishes the board and its news", async () => {
  const rig = await new ServiceRig().connected(2);
  await rig.pass(1_000);
  assert.deepEqual(
    [...rig.board.entries.values()].map(({ shard, status, session }) => [shard, status, session]),
    [
      [0, "Connected", "session-1"],
      [1, "Connected", "session-2"],
    ],
  );
  const statuses = rig.notices.newsItems.filter(({ routingKey }) => routingKey === "shard.1.status");
  assert.equal(statuses.length, 4, "waiting, handshaking, identifying, connected");
  await rig.settle();
  await rig.pass(5_000);
  const before = rig.board.published.length;
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  await rig.settle();
  await rig.pass(1_000);
  assert.deepEqual(rig.board.published.slice(before), [[]], "sessions have moved, no entry has");
  await rig.stopped();
  assert.deepEqual([...rig.board.entries.values()].map(({ status }) => status), [
    "Disconnected",
    "Disconnected",
  ]);
});

// How many shards.

Deno.test("GatewayService runs as many shards as Discord recommends where nothing else says", async () => {
  const rig = new ServiceRig();
  rig.gatewayBot = gatewayBot({ shards: 3 });
  await rig.connected(3);
  assert.deepEqual(rig.greetings, ["identify 0 of 3", "identify 1 of 3", "identify 2 of 3"]);
  assert.equal(rig.points.total, 3);
  assert.deepEqual(rig.of("shards.begun"), [{
    kind: "shards.begun",
    shards: 3,
    total: 3,
    resuming: 0,
  }]);
  await rig.stopped();
});

Deno.test("GatewayService asks Discord for a recommendation until there is one", async () => {
  const rig = new ServiceRig();
  rig.gatewayBot = null;
  const started = rig.service.start();
  rig.publisher.open();
  await rig.pass(700);
  assert.equal(rig.gatewayReads, 1);
  rig.gatewayBot = gatewayBot({ shards: 1 });
  await rig.pass(50);
  await rig.done(started);
  assert.deepEqual(rig.connectedShards, [0]);
  await rig.stopped();
});

Deno.test("GatewayService keeps the stored total while sessions can be resumed, and shows another recommendation", async () => {
  const rig = new ServiceRig().leftSessions(3);
  await rig.connected(3);
  assert.deepEqual(rig.greetings, ["resume old-0 40", "resume old-1 40", "resume old-2 40"]);
  assert.deepEqual(rig.of("shards.recommendation"), [
    { kind: "shards.recommendation", recommended: 2, running: 3 },
  ]);
  assert.deepEqual(rig.of("shards.begun"), [{
    kind: "shards.begun",
    shards: 3,
    total: 3,
    resuming: 3,
  }]);
  await rig.stopped();
});

Deno.test("GatewayService shows a recommendation to a configured total as well, each once", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  assert.deepEqual(rig.of("shards.recommendation"), [
    { kind: "shards.recommendation", recommended: 2, running: 1 },
  ]);
  rig.gatewayBot = gatewayBot({ shards: 5 });
  await rig.pass(10_000);
  rig.transport.latest.say({ op: 9, d: false });
  await rig.pass(5_000);
  assert.deepEqual(rig.of("shards.recommendation").map(({ recommended }) => recommended), [2, 5]);
  await rig.stopped();
});

Deno.test("GatewayService takes the recommendation where a total is stored, but no session", async () => {
  const rig = new ServiceRig().left(7, [[0, { point: null }]]);
  await rig.connected(2);
  assert.deepEqual(rig.greetings, ["identify 0 of 2", "identify 1 of 2"]);
  await rig.stopped();
});

Deno.test("GatewayService runs the shards of its range, and cannot go on with a range that the total has not", async () => {
  const rig = new ServiceRig({ SHARDS_START: "1" });
  rig.gatewayBot = gatewayBot({ shards: 3 });
  await rig.connected(2);
  assert.deepEqual(rig.connectedShards, [1, 2]);
  await rig.stopped();

  for (const range of [{ SHARDS_START: "2" }, { SHARDS_START: "0", SHARDS_END: "2" }]) {
    const beyond = await new ServiceRig(range).started();
    const exit = await beyond.service.failed;
    assert.equal(exit.status, 78);
    assert.match(exit.message, /SHARDS_START.*expected shards from 0 to 1/);
    assert.deepEqual(beyond.transport.connections, []);
    await beyond.stopped();
  }
});

// Sessions of an earlier process.

Deno.test("GatewayService resumes what is stored and identifies the rest", async () => {
  const rig = new ServiceRig();
  rig.left(3, [[1, { point: storedPoint(rig, "old-1", { sequence: 7 }) }]]);
  await rig.connected(3);
  assert.deepEqual([...rig.greetings].sort(), ["identify 0 of 3", "identify 2 of 3", "resume old-1 7"]);
  assert.deepEqual(rig.of("shard.gap"), []);
  await rig.stopped();
});

Deno.test("GatewayService resumes what another service wrote, on the main URL, and leaves its intents alone", async () => {
  const rig = new ServiceRig();
  const unknown = { resumeGatewayUrl: null, intents: null, configuredPresence: null };
  rig.points.foreign = true;
  rig.leftSessions(1, unknown);
  await rig.connected(1);
  assert.deepEqual(rig.greetings, ["resume old-0 40"]);
  await rig.pass(60_000);
  assert.equal(rig.transport.connections.length, 1);
  assert.deepEqual(rig.transport.latest.sentWith(3), []);
  await rig.stopped();
});

Deno.test("GatewayService with RESUME=false identifies anew and names each gap", async () => {
  const rig = await new ServiceRig({ RESUME: "false" }).leftSessions(2).connected(2);
  assert.deepEqual(rig.greetings, ["identify 0 of 2", "identify 1 of 2"]);
  assert.deepEqual(rig.of("shard.gap"), [], "told with the first event that is published after it");
  rig.publisher.confirmAll();
  assert.deepEqual(
    rig.of("shard.gap").map(({ shard, oldSession, lastSequence, reason }) => ({
      shard,
      oldSession,
      lastSequence,
      reason,
    })),
    [
      { shard: 0, oldSession: "old-0", lastSequence: 40, reason: "resume_disabled" },
      { shard: 1, oldSession: "old-1", lastSequence: 40, reason: "resume_disabled" },
    ],
  );
  await rig.stopped();
});

Deno.test("GatewayService gives every session up where the total has changed, and tells also of shards that are gone", async () => {
  const rig = new ServiceRig({ SHARDS_TOTAL: "2" }).leftSessions(3);
  rig.points.hold();
  const started = rig.service.start();
  rig.publisher.open();
  await rig.asked();
  rig.points.releaseNext();
  await rig.asked();
  rig.points.releaseNext();
  assert.deepEqual([...rig.points.shards.values()].map(({ point }) => point), [null, null, null]);
  assert.deepEqual(
    [...rig.points.shards.values()].map(({ lost }) => lost.map(({ sessionId }) => sessionId)),
    [["old-0"], ["old-1"], ["old-2"]],
    "stored with the same step",
  );
  rig.points.release();
  await rig.done(started);
  assert.deepEqual(rig.greetings, ["identify 0 of 2", "identify 1 of 2"]);
  rig.publisher.confirmAll();
  assert.deepEqual(
    rig.of("shard.gap").map(({ oldSession, newSession, reason }) => [oldSession, newSession, reason]),
    [
      ["old-2", null, "total_changed"],
      ["old-0", "session-1", "total_changed"],
      ["old-1", "session-2", "total_changed"],
    ],
  );
  await rig.settle();
  assert.deepEqual([...rig.points.shards.values()].map(({ lost }) => lost), [[], [], []], "all are told");
  assert.deepEqual(["0", "1", "2"].map((name) => rig.leases.holderOf(name)), [
    rig.service.member,
    rig.service.member,
    null,
  ]);
  await rig.stopped();
});

Deno.test("GatewayService with changed intents resumes first, then replaces one session after the other", async () => {
  const rig = new ServiceRig({ SHARDS_WAIT: "6", INTENTS: "GUILDS" });
  await rig.leftSessions(3, { intents: Intent.GUILD_MESSAGES }).started();
  assert.deepEqual(rig.greetings, [
    "resume old-0 40",
    "identify 0 of 3",
    "resume old-1 40",
    "resume old-2 40",
  ]);
  assert.deepEqual(rig.connectedShards, [0, 1, 2], "the others go on until it is their turn");
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  assert.equal(rig.publisher.published.at(-1)?.session, "old-2");
  await rig.pass(6_000);
  assert.deepEqual(rig.greetings.slice(4), ["identify 1 of 3"]);
  await rig.pass(6_000);
  assert.deepEqual(rig.greetings.slice(5), ["identify 2 of 3"]);
  rig.publisher.confirmAll();
  assert.deepEqual(
    rig.of("shard.gap").map(({ oldSession, lastSequence, reason }) => [oldSession, lastSequence, reason]),
    [["old-0", 41, "intents_changed"], ["old-1", 41, "intents_changed"], ["old-2", 42, "intents_changed"]],
  );
  assert.deepEqual(
    rig.transport.connections.map(({ left }) => left?.code),
    [1000, undefined, 1000, 1000, undefined, undefined],
  );
  await rig.settle();
  assert.deepEqual([...rig.points.shards.values()].map(({ point }) => point?.intents), [1, 1, 1]);
  await rig.pass(60_000);
  assert.equal(rig.greetings.length, 6);
  await rig.stopped();
});

Deno.test("GatewayService sends changed presence settings after RESUMED, and remembers that it did", async () => {
  const rig = new ServiceRig({ STATUS: "dnd" });
  await rig.leftSessions(1, { configuredPresence: '{"status":"online"}' }).connected(1);
  assert.deepEqual(rig.transport.latest.sentWith(3), [{ op: 3, d: JSON.parse(rig.configuredPresence) }]);
  await rig.settle();
  assert.equal(rig.points.shards.get(0)?.point?.configuredPresence, rig.configuredPresence);
  await rig.stopped();
});

Deno.test("GatewayService sends the last presence of a bot again after an IDENTIFY, not after a resume", async () => {
  const rig = new ServiceRig();
  rig.left(2, [
    [0, { point: storedPoint(rig, "old-0"), presence: '{"status":"idle"}' }],
    [1, { presence: '{"status":"invisible"}' }],
  ]);
  await rig.connected(2);
  const presences = rig.transport.connections.map((connection) => [
    connection.sent[0]?.op,
    connection.sentWith(3).map(({ d }) => d),
  ]);
  assert.deepEqual(presences.sort(), [[2, [{ status: "invisible" }]], [6, []]]);
  await rig.stopped();
});

// Events and commands.

Deno.test("GatewayService stores no sequence that the broker has not confirmed", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  for (let count = 0; count < 5; count += 1) rig.transport.latest.dispatch("MESSAGE_CREATE");
  const storedSequence = () => rig.points.shards.get(0)?.point?.sequence;
  await rig.pass(1_000);
  assert.equal(storedSequence(), 0);
  rig.publisher.confirmNext(3);
  await rig.pass(1_000);
  assert.equal(storedSequence(), 0);
  rig.publisher.confirmNext();
  rig.publisher.confirmNext();
  await rig.pass(1_000);
  assert.equal(storedSequence(), 2);
  await rig.stopped();
});

Deno.test("GatewayService publishes again what was unconfirmed when the broker came back", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  rig.transport.latest.dispatch("MESSAGE_CREATE");
  rig.publisher.drop();
  rig.transport.latest.dispatch("TYPING_START");
  rig.publisher.open();
  assert.deepEqual(rig.publisher.unconfirmed.map(({ type }) => type), [
    "READY",
    "MESSAGE_CREATE",
    "TYPING_START",
  ]);
  assert.deepEqual(rig.service.unconfirmed, {
    events: 3,
    bytes: rig.publisher.unconfirmed.reduce((sum, { body }) => sum + body.length + 500, 0),
  });
  await rig.settle();
  assert.deepEqual(rig.service.unconfirmed, { events: 0, bytes: 0 });
  await rig.stopped();
});

Deno.test("GatewayService parks a shard that delivers beyond the bound, and has it back when there is room", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "2", MAX_UNCONFIRMED_BYTES: "10KiB" }).connected(2);
  await rig.settle();
  const [first, second] = rig.transport.connections;
  assert(first !== undefined && second !== undefined);
  for (let count = 0; count < 10 && first.left === null; count += 1) {
    second.dispatch("MESSAGE_CREATE");
    first.dispatch("MESSAGE_CREATE", { content: "x".repeat(500) });
  }
  assert.equal(first.left?.code, 4000);
  assert.equal(second.left, null, "a shard that holds less than its share stays");
  assert.equal(rig.of("shard.parked").length, 1);
  await rig.pass(60_000);
  assert.deepEqual(rig.connectedShards, [1]);
  for (let count = 0; count < 10 && second.left === null; count += 1) second.dispatch("MESSAGE_CREATE");
  assert.notEqual(second.left, null, "now it holds more");
  await rig.settle();
  assert.deepEqual(rig.of("shard.unparked").map(({ shard }) => shard), [0, 1]);
  await rig.pass(500);
  assert.deepEqual(rig.connectedShards, [0, 1]);
  assert.deepEqual(rig.of("shard.gap"), []);
  const published = rig.publisher.published.map(({ session, sequence }) => `${session} ${sequence}`);
  assert.equal(new Set(published).size, published.length, "nothing twice");
  await rig.stopped();
});

Deno.test("GatewayService hands on the events of a READY without fields, and names the gap when it is over", async () => {
  const rig = new ServiceRig({ SHARDS_TOTAL: "1" });
  rig.transport.answering = false;
  await rig.started();
  const { latest } = rig.transport;
  latest.greet().say({ op: 0, s: 1, t: "READY", d: {} }).say({ op: 0, s: 2, t: "MESSAGE_CREATE", d: {} });
  assert.deepEqual(rig.connectedShards, [0]);
  assert.deepEqual(rig.publisher.published.map(({ type }) => type), ["READY", "MESSAGE_CREATE"]);
  const unnamed = rig.publisher.published[0]?.session ?? "";
  assert.match(unnamed, /^unnamed-0-/);
  await rig.settle();
  assert.equal(rig.points.shards.get(0)?.point, null);
  rig.transport.answering = true;
  latest.end(1006);
  await rig.pass(1_000);
  assert.equal(rig.greetings.at(-1), "identify 0 of 1");
  rig.publisher.confirmAll();
  assert.deepEqual(rig.of("shard.gap").map(({ oldSession, reason }) => [oldSession, reason]), [
    [unnamed, "not_resumable"],
  ]);
  await rig.stopped();
});

Deno.test("GatewayService carries commands out, holds them over a resume, and refuses others", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  const voice = { op: 4, d: { guild_id: "1", channel_id: null, self_mute: false, self_deaf: false } };
  const reply = { replyTo: "answers", correlationId: "7" };
  rig.commands.send({ op: 0, shard: 0, data: voice }, reply);
  assert.deepEqual(rig.transport.latest.sentWith(4), [voice]);
  assert.deepEqual(rig.notices.replies.map(({ body }) => body), [{ ok: true }]);
  rig.transport.latest.end(1006);
  rig.commands.send({ op: 0, shard: "all", data: voice }, reply);
  await rig.pass(100);
  assert.equal(rig.commands.unacknowledged.length, 1);
  await rig.pass(1_000);
  assert.equal(rig.greetings.at(-1), "resume session-1 0");
  assert.deepEqual(rig.transport.latest.sentWith(4), [voice]);
  assert.equal(rig.commands.unacknowledged.length, 0);
  rig.commands.send("garbage", reply);
  await rig.pass(0);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["not_json"]);
  await rig.stopped();
});

Deno.test("GatewayService lets a command expire after COMMAND_TTL", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1", COMMAND_TTL: "5" }).connected(1);
  rig.transport.answering = false;
  rig.transport.latest.end(1006);
  rig.commands.send({ op: 0, shard: 0, data: { op: 8, d: {} } });
  await rig.pass(4_999);
  assert.deepEqual(rig.notices.rejections, []);
  await rig.pass(1);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired"]);
  assert.equal(rig.commands.unacknowledged.length, 0);
  await rig.stopped();
});

// Where it cannot go on.

Deno.test("GatewayService tells whoever watches of itself, its shards and refused commands, once a second", async () => {
  const rig = new ServiceRig({ SHARDS_TOTAL: "3", SHARDS_END: "1" });
  rig.service.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
  rig.points.hold();
  const started = rig.service.start();
  rig.publisher.open();
  await rig.pass(1_000);
  const replica = () => rig.figures.replicas.get("test");
  const { version, shards, total } = replica() ?? {};
  assert.deepEqual({ version, shards, total }, { version: "1.2.3", shards: [], total: null });

  rig.points.release();
  await rig.done(started);
  await rig.pass(1_000);
  assert.deepEqual([replica()?.shards, replica()?.total, replica()?.recommended], [[[0, 1]], 3, 2]);
  assert.deepEqual(replica()?.identify?.total, 1_000);
  assert.deepEqual(rig.figures.life.get(1)?.map(({ kind }) => kind), [
    "connecting",
    "connected",
    "identifying",
    "ready",
  ]);
  const details = rig.figures.details.get(1);
  assert.deepEqual([details?.received, details?.published, details?.stored], [1, 0, 0]);
  assert.equal(rig.figures.history.get("test")?.at(-1)?.unconfirmedEvents, 2);

  rig.commands.send("{");
  await rig.pass(40);
  await rig.settle();
  await rig.pass(1_860);
  const second = rig.figures.history.get("test")?.find(({ confirmed }) => confirmed > 0);
  assert.deepEqual([second?.confirmed, second?.delayP50Ms], [2, 1_040]);
  assert.deepEqual(rig.figures.rejected.map(({ reason, body }) => [reason, body]), [["not_json", "{"]]);
  const settled = rig.figures.details.get(1);
  assert.deepEqual([settled?.published, settled?.stored], [1, 1]);
  assert.equal(rig.service.eventCounts.total, 2);

  await rig.stopped();
  assert.equal(replica()?.stopped, true);
  assert.equal(rig.figures.life.get(1)?.at(-1)?.kind, "disconnected");
  assert.deepEqual(rig.of("figures.refused"), []);
  rig.clock.assertIdle();
});

Deno.test("GatewayService shows no body of a refused command that holds the token", async () => {
  const rig = new ServiceRig({ SHARDS_TOTAL: "1", BOT_TOKEN: "a.secret" });
  rig.service.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
  await rig.connected(1);
  rig.commands.send('{"op":0,"shard":0,"data":{"op":2,"d":{"token":"a.secret"}}}');
  await rig.pass(1_000);
  assert.deepEqual(rig.figures.rejected.map(({ reason, body }) => [reason, body]), [["forbidden_op", null]]);
  await rig.stopped();
});

Deno.test("GatewayService cannot go on after a close code that only an operator can help with", async () => {
  const statuses = new Map([[4004, 77], [4010, 78], [4011, 78], [4012, 78], [4013, 78], [4014, 77]]);
  for (const [code, status] of statuses) {
    const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
    rig.transport.latest.end(code);
    const exit = await rig.service.failed;
    assert.equal(exit.status, status, `${code}`);
    assert.match(exit.message, new RegExp(`close code ${code}`));
    assert.doesNotMatch(exit.message, /token"|Bot token$/);
    await rig.pass(600_000);
    assert.equal(rig.transport.connections.length, 1, `${code} is not retried`);
    await rig.stopped();
  }
});

Deno.test("GatewayService cannot go on with a token that REST refuses, also where every session could be resumed", async () => {
  for (const rig of [new ServiceRig(), new ServiceRig().leftSessions(2)]) {
    rig.gatewayBot = "token_refused";
    const started = rig.service.start();
    rig.publisher.open();
    const exit = await rig.service.failed;
    assert.equal(exit.status, 77);
    assert.match(exit.message, /Discord refused the token.*BOT_TOKEN/);
    await rig.stopped();
    await started;
    assert.equal(rig.gatewayReads, 1, "not asked again");
  }
});

// Stopping.

Deno.test("GatewayService.stop() leaves resumably, publishes, stores, and lets go, in that order", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "2" }).connected(2);
  const order: string[] = [];
  const quiet = rig.commands.quiet.bind(rig.commands);
  rig.commands.quiet = () => {
    order.push(`quiet, ${rig.transport.standing.length} connections`);
    return quiet();
  };
  const close = rig.publisher.close.bind(rig.publisher);
  rig.publisher.close = () => {
    order.push(`disconnect, stored ${rig.points.shards.get(0)?.point?.sequence}`);
    return close();
  };
  rig.transport.connections[0]?.dispatch("MESSAGE_CREATE");
  const stopped = rig.service.stop();
  await rig.pass(1_000);
  assert.deepEqual(rig.transport.connections.map(({ left }) => left?.code), [4000, 4000]);
  assert.deepEqual(order, ["quiet, 2 connections"], "what was received is waited for");
  rig.publisher.confirmAll();
  await rig.pass(100);
  await stopped;
  assert.deepEqual(order, ["quiet, 2 connections", "disconnect, stored 2"]);
  assert.deepEqual([rig.publisher.isClosed, rig.commands.isClosed, rig.isStoreDisconnected], [
    true,
    true,
    true,
  ]);
  assert.deepEqual([...rig.board.entries.values()].map(({ status }) => status), [
    "Disconnected",
    "Disconnected",
  ]);
  assert.deepEqual(rig.of("service.late"), []);
  rig.clock.assertIdle();
});

Deno.test("GatewayService.stop() is done within ten seconds whatever hangs, and says what was late", async () => {
  const hang = (): Promise<void> => new Promise(() => {});
  const late = new Map<string, (rig: ServiceRig) => void>([
    ["quiet", (rig) => rig.commands.quiet = hang],
    ["leave", (rig) => rig.transport.hangsOnLeave = true],
    ["drain", () => {}],
    ["remember", (rig) => {
      rig.points.hold();
      rig.board.hold();
    }],
    ["disconnect", (rig) => rig.publisher.close = hang],
  ]);
  const figuresHang = new ServiceRig({ SHARDS_TOTAL: "1" });
  figuresHang.service.observe({ kind: "redis.connected", address: "127.0.0.1:6379" });
  figuresHang.figures.hold();
  await figuresHang.connected(1);
  await figuresHang.pass(1_000);
  figuresHang.publisher.confirmAll();
  await figuresHang.stopped();
  assert.deepEqual(figuresHang.of("service.late").map((seen) => seen.phase), ["remember"]);
  figuresHang.clock.assertIdle();
  for (const [phase, breakIt] of late) {
    const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
    if (phase !== "drain") rig.publisher.confirmAll();
    breakIt(rig);
    await rig.stopped();
    assert.deepEqual(rig.of("service.late").map((seen) => seen.phase), [phase]);
    rig.clock.assertIdle();
  }

  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  for (const breakIt of late.values()) breakIt(rig);
  assert((await rig.stopped()) < 10_000);
  assert.deepEqual(rig.of("service.late").map((seen) => seen.phase), [...late.keys()]);
  rig.clock.assertIdle();
});

Deno.test("GatewayService.stop() goes on after a phase that fails", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  await rig.settle();
  rig.commands.quiet = () => Promise.reject(new Error("channel closed"));
  await rig.stopped();
  assert.match(rig.of("service.warning")[0]?.message ?? "", /phase quiet of the stop: channel closed/);
  assert.equal(rig.publisher.isClosed, true);
});

Deno.test("GatewayService.stop() twice stops once", async () => {
  const rig = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  await rig.settle();
  const first = rig.service.stop();
  assert.equal(rig.service.stop(), first);
  await first;
  assert.equal(rig.service.stop(), first);
});

Deno.test("GatewayService.stop() before start() resolves, and start() does nothing after it", async () => {
  const rig = new ServiceRig();
  await rig.stopped();
  rig.points.load = () => assert.fail("the store is gone");
  await rig.service.start();
  await rig.pass(60_000);
  assert.deepEqual(rig.transport.connections, []);
  assert.equal(rig.gatewayReads, 0);
  assert.equal(rig.points.startedAtMs, null);
  rig.clock.assertIdle();
});

Deno.test("GatewayService.stop() ends a start that waits for store, Discord or broker", async () => {
  const waiting: ((rig: ServiceRig) => void)[] = [
    (rig) => rig.points.hold(),
    (rig) => rig.gatewayBot = null,
    () => {},
  ];
  for (const breakIt of waiting) {
    const rig = new ServiceRig();
    breakIt(rig);
    const started = rig.service.start();
    await rig.pass(0);
    await rig.stopped();
    await started;
    rig.clock.assertIdle();
    rig.points.release();
    await rig.pass(600_000);
    assert.deepEqual(rig.transport.connections, []);
    assert.equal(rig.gatewayReads, 1);
  }
});

Deno.test("GatewayService.stop() ends a shard's wait for Discord's URL", async () => {
  const rig = new ServiceRig();
  rig.gatewayBot = null;
  await rig.leftSessions(1, { resumeGatewayUrl: null }).started();
  await rig.stopped();
  rig.clock.assertIdle();
  assert.deepEqual(rig.transport.connections, []);
});

Deno.test("GatewayService.stop() lets nobody identify any more, while it waits for the last commands", async () => {
  const rig = await new ServiceRig({ SHARDS_WAIT: "6" }).connected(1);
  await rig.pass(5_500);
  rig.commands.quiet = () => new Promise(() => {});
  const stopped = rig.service.stop();
  await rig.pass(999);
  assert.equal(rig.transport.connections.length, 1);
  await rig.pass(1);
  rig.publisher.confirmAll();
  await rig.pass(100);
  await stopped;
});

Deno.test("GatewayService.stop() ends a start that is still resuming, and connects no further shard", async () => {
  const rig = new ServiceRig().leftSessions(10);
  rig.commands.start = () => assert.fail("commands were taken after the stop");
  const started = rig.service.start();
  rig.publisher.open();
  while (rig.transport.connections.length === 0) await rig.pass(1);
  await rig.pass(12);
  const { length } = rig.transport.connections;
  assert(length > 0 && length < 10, `${length} connections`);
  const stopped = rig.service.stop();
  await rig.pass(0);
  rig.publisher.confirmAll();
  await rig.pass(100);
  await Promise.all([stopped, started]);
  await rig.pass(60_000);
  assert.equal(rig.transport.connections.length, length);
  assert.deepEqual(rig.transport.standing, []);
  rig.clock.assertIdle();
});

Deno.test("GatewayService continues where another of it was stopped, without loss or repeat", async () => {
  const first = await new ServiceRig({ SHARDS_TOTAL: "1" }).connected(1);
  first.transport.latest.dispatch("MESSAGE_CREATE");
  await first.settle();
  await first.stopped();

  const second = await first.next({ SHARDS_TOTAL: "1" }).connected(1);
  assert.deepEqual(second.greetings, ["resume session-1 2"]);
  assert.deepEqual(second.of("shard.gap"), []);
  await second.stopped();
});
