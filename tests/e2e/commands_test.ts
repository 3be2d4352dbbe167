import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import type { ConsumeMessage } from "amqplib";
import type { SimulatorOptions } from "../../simulator/simulator.ts";
import { metricValue } from "../fakes/prometheus_text.ts";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { CommandSender } from "./command_sender.ts";
import { readSamples } from "./monitoring_page.ts";
import { silence } from "./silent_connection.ts";
import { onStage, type Stage } from "./stage.ts";

const DIRECT_REPLY_TO = "amq.rabbitmq.reply-to";

function withCommands(
  simulator: SimulatorOptions,
  play: (stage: Stage, commands: CommandSender) => Promise<void>,
): () => Promise<void> {
  return onStage(
    { simulator: { maxConcurrency: 16, ...simulator } },
    async (stage) => await play(stage, await CommandSender.open(await stage.broker())),
  );
}

/** The frames that Discord got, heartbeats and the like left out, once they are at least `count`. */
async function framesReceived({ simulator: { control } }: Stage, count: number): Promise<string[]> {
  await control.until(() => control.statistics.commands().length >= count);
  return control.statistics.commands().map(({ text }) => text);
}

const presence = (name: string) =>
  `{"op":3,"d":{"since":null,"activities":[{"name":"${name}","type":0}],"status":"idle","afk":false}}`;
const send = (shard: unknown, payload: string) =>
  `{"op":0,"shard":${JSON.stringify(shard)},"data":${payload}}`;
/** A payload that Discord takes without a limit of its own, and does not answer in a guild that is not there. */
const request = (nonce: string | number) =>
  `{"op":8,"d":{"guild_id":"1","query":"","limit":0,"nonce":"${nonce}"}}`;

Deno.test(
  "gateway.send carries gateway ops 3, 4, 8, 31 and 43 to Discord as the very text that was sent",
  withCommands({}, async (stage, commands) => {
    const gateway = await stage.startConnected(1);
    const payloads = [
      '{ "op" : 3 ,\r\n\t"d":{"since":9007199254740993,"activities":[{"name":"\\u00e9\\ud83d\\ude00 é😀\\/ \\"","type":0}],' +
      '"status":"dnd","afk":false,"more":[1.0e+2,12345678901234567890,-0]} }',
      '{"d":{"guild_id":1099511627776123457,"channel_id":null,"self_mute":false,"self_deaf":false},"op":4}',
      '{"op":8,"d":{"guild_id":"1","query":"שלום 你好","limit":0,"nonce":"}{\\\\\\"op\\":1"}}',
      '{"op":31,"extra":{"op":2,"d":{"op":6}},"d":{"guild_ids":["18446744073709551615"]}}',
      '{"op":43,"d":{"guild_id":18446744073709551615,"fields":["status","voice_start_time"]},"s":null,"t":null}',
    ];
    for (const payload of payloads) {
      commands.send(`\n{"shard":0,"ignored":"\\"data\\":","op":0, "data" :${payload} }\n`);
    }
    assert.deepEqual(await framesReceived(stage, payloads.length), payloads);
    assert.equal(await gateway.end("SIGTERM"), 0);
    await commands.waiting(0);
  }),
);

Deno.test(
  "gateway.send takes a shard, a list of shards and all of them",
  withCommands({ recommendedShards: 3 }, async (stage, commands) => {
    await stage.startConnected(3);
    commands.send(send(1, request("one")));
    commands.send(send([0, 2, 0], request("two")));
    commands.send(send("all", request("all")));
    commands.send(send([1], request("last")));
    await framesReceived(stage, 7);
    const received = [0, 1, 2].map((shard) =>
      stage.simulator.control.statistics.commands().filter((command) => command.shard === shard)
        .map(({ text }) => text)
    );
    assert.deepEqual(received, [
      [request("two"), request("all")],
      [request("one"), request("all"), request("last")],
      [request("two"), request("all")],
    ]);
  }),
);

Deno.test(
  "gateway.send takes a guild for the shard that it is on, by its whole id",
  withCommands({ recommendedShards: 3 }, async (stage, commands) => {
    await stage.startConnected(3);
    // Rounded to a double the last one would be on shard 0.
    const guilds = ["4194304", '"8388607"', "18446744069414584319"];
    for (const guild of guilds) {
      commands.send(`{"op":0,"guild_id":${guild},"data":${request(guild.replaceAll('"', ""))}}`);
    }
    commands.send(`{"op":0,"shard":0,"guild_id":"1","data":${request("both")}}`);
    await framesReceived(stage, 3);
    const shards = stage.simulator.control.statistics.commands().map(({ shard }) => shard);
    assert.deepEqual(
      shards.toSorted(),
      guilds.map((guild) => Number((BigInt(guild.replaceAll('"', "")) >> 22n) % 3n)).sort(),
    );
    const [rejected] = await commands.rejected(1);
    assert.equal(rejected?.reason, "invalid");
  }),
);

for (
  const [described, command] of [
    ["without data", { op: 1, shard: 1 }],
    ["with data null", { op: 1, shard: [1], data: null }],
    ["with mode resume", { op: 1, shard: 1, data: { mode: "resume" } }],
  ] as const
) {
  Deno.test(
    `gateway.send op 1 ${described} resumes the session of that shard on a new connection`,
    withCommands({ recommendedShards: 2 }, async (stage, commands) => {
      const gateway = await stage.startConnected(2);
      const { control } = stage.simulator;
      const sessionsBefore = control.state().sessions.map(({ id }) => id);
      commands.send(command);
      await gateway.line(({ kind }) => kind === "shard.resumed");
      const { sessions, statistics } = control.state();
      assert.deepEqual(sessions.map(({ id }) => id), sessionsBefore);
      assert.deepEqual(statistics.resumesByShard, { 1: 1 });
      assert.equal(statistics.happenings["identified"], 2);
    }),
  );
}

Deno.test(
  "gateway.send op 1 with mode identify ends the session with 1000, begins another and names the gap",
  withCommands({ recommendedShards: 2 }, async (stage, commands) => {
    await stage.startConnected(2);
    const { control } = stage.simulator;
    const news = await commands.broker.bindOwnQueue("gateway.events", "shard.*.gap");
    const [kept, replaced] = control.state().sessions;
    assert(kept !== undefined && replaced !== undefined);
    control.generate(50);
    commands.send({ op: 1, shard: 1, data: { mode: "identify" } });
    const [message] = await commands.broker.read(news, 1);
    assert(message !== undefined);
    assert.equal(message.fields.routingKey, "shard.1.gap");
    await control.until(() => control.statistics.closeCodesReceived[1000] === 1);
    const { sessions } = control.state();
    const fresh = sessions.find(({ shard }) => shard[0] === 1);
    const { from, to, last_sequence: lastSequence, ...gap } = JSON.parse(message.content.toString());
    assert.deepEqual(gap, {
      shard: 1,
      old_session: replaced.id,
      new_session: fresh?.id,
      reason: "restart_requested",
    });
    assert(lastSequence >= replaced.sequence, "the last event of the old session that was received");
    assert(Date.parse(from) <= Date.parse(to));
    assert.notEqual(fresh?.id, replaced.id);
    assert(sessions.some(({ id }) => id === kept.id), "the other shard keeps its session");
  }),
);

/** Commands that are refused: reason, body. */
const REFUSED: readonly (readonly [reason: string, body: string | Uint8Array])[] = [
  ["not_json", ""],
  ["not_json", "op=0"],
  ["not_json", '{"op":0,"shard":0,"data":{"op":3,"d":{}}'],
  ["not_json", '{"op":0,"shard":0,"data":{"op":8,"d":{}}} {}'],
  ["not_json", "\ufeff" + send(0, request(1))],
  ["not_json", new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ["invalid", "[]"],
  ["invalid", "null"],
  ["invalid", `{"shard":0,"data":${request(1)}}`],
  ["invalid", `{"op":"0","shard":0,"data":${request(1)}}`],
  ["invalid", `{"op":0,"data":${request(1)}}`],
  ["invalid", send("0", request(1))],
  ["invalid", send(-1, request(1))],
  ["invalid", send(0.5, request(1))],
  ["invalid", send([], request(1))],
  ["invalid", send([0, "1"], request(1))],
  ["invalid", '{"op":0,"shard":0}'],
  ["invalid", send(0, "null")],
  ["invalid", send(0, '"op"')],
  ["invalid", send(0, '{"d":{}}')],
  ["invalid", send(0, '{"op":8}')],
  ["invalid", send(0, '{"op":"8","d":{}}')],
  ["invalid", send(0, '{"op":8,"op":2,"d":{}}')],
  ["invalid", '{"op":1,"shard":0,"data":{"mode":"restart"}}'],
  ["invalid", '{"op":1,"shard":0,"data":"identify"}'],
  ["unknown_op", '{"op":4,"shard":0}'],
  ["invalid", '{"op":2,"shard":0}'],
  ["unknown_op", '{"op":-1,"shard":0}'],
  ["unknown_op", '{"op":0.5,"shard":0}'],
  ["unknown_shard", send(2, request(1))],
  ["unknown_shard", send([0, 2], request(1))],
  ["unknown_shard", '{"op":1,"shard":9007199254740991}'],
  ...[0, 1, 2, 5, 6, 7, 9, 10, 11].map((op) => ["forbidden_op", send(0, `{"op":${op},"d":null}`)] as const),
  ["too_large", send(0, payloadOfBytes(4_097))],
];

/** As UTF-8; most of its characters have more than one byte. */
function payloadOfBytes(bytes: number): string {
  const payload = (filling: string) => request(filling);
  const missing = bytes - payload("").length;
  return payload("é".repeat(Math.floor(missing / 2)) + "x".repeat(missing % 2));
}

Deno.test(
  "gateway.send.rejected gets what is refused, its body untouched and its reason in a header; the consumer goes on",
  withCommands({ recommendedShards: 2 }, async (stage, commands) => {
    const gateway = await stage.startConnected(2);
    for (const [, body] of REFUSED) commands.send(body);
    commands.send(send(1, payloadOfBytes(4_096)));
    commands.send(send(1, request("last")));
    const rejected = await commands.rejected(REFUSED.length);
    assert.deepEqual(
      rejected,
      REFUSED.map(([reason, body]) => ({ reason, body: Buffer.from(body as Uint8Array) })),
    );
    assert.deepEqual(await framesReceived(stage, 2), [payloadOfBytes(4_096), request("last")]);

    const samples = await readSamples(gateway);
    assert.equal(metricValue(samples, "gateway_commands_total", { result: "rejected" }), REFUSED.length);
    assert.equal(metricValue(samples, "gateway_commands_total", { result: "carried_out" }), 2);
    for (const reason of new Set(REFUSED.map(([reason]) => reason))) {
      const count = REFUSED.filter((refused) => refused[0] === reason).length;
      assert.equal(metricValue(samples, "gateway_commands_rejected_total", { reason }), count, reason);
    }
    assert.equal(await gateway.end("SIGTERM"), 0);
    await commands.waiting(0);
  }),
);

Deno.test(
  "gateway.send.rejected gets a flood of malformed commands, and those between them are carried out in order",
  withCommands({}, async (stage, commands) => {
    await stage.startConnected(1);
    for (let number = 0; number < 50; number += 1) {
      commands.send(send(0, request(number)));
      for (let broken = 0; broken < 60; broken += 1) {
        commands.send(`{"op":0,"shard":0,"data":${"[".repeat(broken)}`);
      }
    }
    const frames = await framesReceived(stage, 50);
    assert.deepEqual(frames, Array.from({ length: 50 }, (_, number) => request(number)));
    const rejected = await commands.rejected(3_000);
    assert(rejected.every(({ reason }) => reason === "not_json"));
  }),
);

Deno.test(
  "gateway.send answers on reply_to with the outcome and the correlation id, as exact JSON",
  withCommands({ recommendedShards: 2 }, async (stage, commands) => {
    await stage.startConnected(2);
    const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
    const ask = (correlationId: string, body: unknown) => commands.send(body, { replyTo, correlationId });
    ask("to all", send("all", request(1)));
    ask("resume", { op: 1, shard: 0 });
    ask("unknown shard", send(7, request(1)));
    ask("not JSON", "{");
    commands.send(send(1, request(2)), { replyTo });
    commands.send("{", { replyTo: "queue.of.a.bot.that.went.away" });
    ask("last", send(1, request(3)));
    const replies = await commands.broker.read(replyTo, 6);
    assert.deepEqual(byCorrelation(replies), {
      "to all": '{"ok":true}',
      "resume": '{"ok":true}',
      "unknown shard": refusal("unknown_shard", "There is no shard 7 here: send one of 0 to 1"),
      "not JSON": refusal("not_json", 'The command is not JSON: send {"op", "shard", "data"} in UTF-8'),
      "undefined": '{"ok":true}',
      "last": '{"ok":true}',
    });
    for (const { properties } of replies) assert.equal(properties.contentType, "application/json");
    assert.equal((await framesReceived(stage, 4)).length, 4);
  }),
);

Deno.test(
  "gateway.send answers by direct reply-to",
  withCommands({}, async (stage, commands) => {
    await stage.startConnected(1);
    await commands.broker.read(DIRECT_REPLY_TO, 0);
    const properties = { replyTo: DIRECT_REPLY_TO };
    commands.send(send(0, request(1)), { ...properties, correlationId: "done" });
    commands.send(send(0, '{"op":2,"d":{}}'), { ...properties, correlationId: "refused" });
    assert.deepEqual(byCorrelation(await commands.broker.read(DIRECT_REPLY_TO, 2)), {
      done: '{"ok":true}',
      refused: refusal("forbidden_op", "The gateway op may not be sent: send one of 3, 4, 8, 31, 43"),
    });
  }),
);

Deno.test(
  "gateway.send delivers a command again that was not carried out when the process died",
  withCommands({}, async (stage, commands) => {
    const killed = await stage.startConnected(1);
    await killed.line(({ kind }) => kind === "points.written");
    await silence(stage.simulator);
    for (const number of [1, 2, 3]) commands.send(send(0, request(number)));
    await commands.waiting(0);
    await killed.end("SIGKILL");
    await commands.waiting(3);
    assert.deepEqual(await framesReceived(stage, 0), []);

    const next = await stage.startConnected(1);
    assert.deepEqual(await framesReceived(stage, 3), [1, 2, 3].map(request));
    assert.equal(next.count("shard.ready"), 0, "the session was resumed");
    assert.equal(await next.end("SIGTERM"), 0);
    await commands.waiting(0);
  }),
);

Deno.test(
  "gateway.send gives back, at an orderly stop, what could not be carried out",
  withCommands({}, async (stage, commands) => {
    const stopped = await stage.startConnected(1);
    await silence(stage.simulator);
    commands.send(send(0, request(1)));
    await commands.waiting(0);
    assert.equal(await stopped.end("SIGTERM"), 0);
    await commands.waiting(1);
    await stage.startConnected(1);
    assert.deepEqual(await framesReceived(stage, 1), [request(1)]);
  }),
);

Deno.test(
  "gateway.send holds commands while a shard resumes, and keeps their order",
  withCommands({ recommendedShards: 2 }, async (stage, commands) => {
    const gateway = await stage.startConnected(2);
    const { control } = stage.simulator;
    const silent = await silence(stage.simulator);
    const numbers = Array.from({ length: 20 }, (_, number) => number);
    for (const number of numbers) commands.send(send(0, request(number)));
    commands.send(send(1, request("other shard")));
    // The other shard's command came last, so all that came before it are held by now.
    assert.deepEqual(await framesReceived(stage, 1), [request("other shard")]);
    silent.greet();
    assert.deepEqual(await framesReceived(stage, 21), [
      request("other shard"),
      ...numbers.map(request),
    ]);
    assert.equal(gateway.count("shard.resumed"), 1);
    assert.equal(control.state().statistics.happenings["identified"], 2);
  }),
);

Deno.test(
  "gateway.send carries a held command out once when the broker delivers it again after an outage",
  withCommands({}, async (stage, commands) => {
    await using line = new TcpProxy(stage.rabbitUrl);
    const gateway = await stage.startConnected(1, { RABBIT_URL: line.through(stage.rabbitUrl) });
    const silent = await silence(stage.simulator);
    for (const number of [1, 2, 3]) commands.send(send(0, request(number)));
    await commands.waiting(0);
    line.cut();
    await gateway.until(() => gateway.count("broker.connected") === 4);
    await commands.waiting(0);
    silent.greet();
    commands.send(send(0, request("last")));
    assert.deepEqual(await framesReceived(stage, 4), [1, 2, 3, "last"].map(request));
  }),
);

Deno.test(
  "COMMAND_TTL refuses what waited too long: by its sender's time, in the queue, and for its shard",
  withCommands({}, async (stage, commands) => {
    const nowS = () => Math.floor(Date.now() / 1_000);
    // In the queue, while no service was there.
    commands.send(send(0, request("old")), { timestamp: nowS() - 600 });
    commands.send(send(0, request("fresh")), { timestamp: nowS() });
    commands.send(send(0, request("from the future")), { timestamp: nowS() + 600 });
    const gateway = await stage.startConnected(1, { COMMAND_TTL: "60" });
    assert.deepEqual(
      await framesReceived(stage, 2),
      [request("fresh"), request("from the future")],
    );
    commands.send({ op: 1, shard: 0 }, { timestamp: nowS() - 600 });
    const rejected = await commands.rejected(2);
    assert.deepEqual(rejected.map(({ reason, body }) => [reason, body.toString()]), [
      ["expired", send(0, request("old"))],
      ["expired", '{"op":1,"shard":0}'],
    ]);
    // For its shard: one second is left of the sixty.
    await silence(stage.simulator);
    const { queue: replyTo } = await commands.broker.channel.assertQueue("", { exclusive: true });
    commands.send(send(0, request("held")), { timestamp: nowS() - 59, replyTo });
    const [reply] = await commands.broker.read(replyTo, 1);
    assert.equal(
      reply?.content.toString(),
      refusal("expired", "The command waited longer than COMMAND_TTL: send it again if it still matters"),
    );
    assert.equal((await commands.rejected(3)).length, 3);
    const samples = await readSamples(gateway);
    assert.equal(metricValue(samples, "gateway_commands_rejected_total", { reason: "expired" }), 3);
    assert.equal(stage.simulator.control.statistics.commands().length, 2);
  }),
);

Deno.test(
  "gateway.send keeps Discord's limit: 150 commands at once wait their turn, and heartbeats have room",
  withCommands({ heartbeatIntervalMs: 1_000 }, async (stage, commands) => {
    const gateway = await stage.startConnected(1);
    const { control } = stage.simulator;
    const wanted = Array.from({ length: 150 }, (_, number) => request(number));
    for (const payload of wanted) commands.send(send(0, payload));
    await commands.waiting(0);
    // A beat a second takes half of the 120 frames of a minute.
    const heartbeats = () => control.state().statistics.heartbeatsReceived;
    const burst = await framesReceived(stage, 40);
    const heartbeatsBefore = heartbeats();
    await control.until(() => heartbeats() >= heartbeatsBefore + 2);
    const sentAtOnce = control.statistics.commands().length;
    assert(sentAtOnce >= burst.length && sentAtOnce < 60, `${sentAtOnce} commands on one connection`);

    // The limit is a connection's: each new one takes more of those that wait.
    for (let resumes = 1; control.statistics.commands().length < wanted.length; resumes += 1) {
      const before = control.statistics.commands().length;
      control.inject({ fault: "reconnect" });
      await gateway.until(() => gateway.count("shard.resumed") >= resumes);
      await framesReceived(stage, Math.min(before + 40, wanted.length));
    }
    assert.deepEqual(await framesReceived(stage, wanted.length), wanted);
    // A busy machine may be late with an ACK, which costs a connection; sending too much would be ours.
    assert.equal(control.state().statistics.closeCodesSent[4008], undefined);
  }),
);

Deno.test(
  "gateway.send keeps a sixth presence within 20 s back, also on a new connection, where Discord would drop it",
  withCommands({}, async (stage, commands) => {
    const gateway = await stage.startConnected(1);
    const shown = ["1", "2", "3", "4", "5"].map(presence);
    for (const payload of shown) commands.send(send(0, payload));
    await framesReceived(stage, 5);
    commands.send({ op: 1, shard: 0 });
    await gateway.line(({ kind }) => kind === "shard.resumed");
    commands.send(send(0, presence("6")));
    commands.send(send(0, request("not held up")));
    assert.deepEqual(await framesReceived(stage, 6), [...shown, request("not held up")]);
    assert.equal(await gateway.end("SIGTERM"), 0);
    await commands.waiting(1);
  }),
);

Deno.test(
  "the last presence of a shard is sent again after a fresh identify, also by the next process",
  withCommands({ recommendedShards: 2 }, async (stage, commands) => {
    const { control } = stage.simulator;
    const first = await stage.startConnected(2);
    commands.send(send("all", presence("for both")));
    commands.send(send(1, presence("big 9007199254740993 é\\u00e9")));
    await framesReceived(stage, 3);
    const last = [presence("for both"), presence("big 9007199254740993 é\\u00e9")];

    commands.send({ op: 1, shard: "all", data: { mode: "identify" } });
    await framesReceived(stage, 5);
    assert.deepEqual(framesOfNewestSessions(stage), last.map((text) => [text]));

    // A resume keeps the session's presence, so nothing is sent.
    assert.equal(await first.end("SIGTERM"), 0);
    const second = await stage.startConnected(2);
    assert.equal(second.count("shard.resumed"), 2);
    assert.equal(control.statistics.commands().length, 5);

    assert.equal(await second.end("SIGTERM"), 0);
    await stage.startConnected(2, { RESUME: "false" });
    await framesReceived(stage, 7);
    assert.deepEqual(framesOfNewestSessions(stage), last.map((text) => [text]));
  }),
);

/** For each of two shards, the frames that its newest session has got. */
function framesOfNewestSessions({ simulator: { control } }: Stage): string[][] {
  return [0, 1].map((shard) => {
    const newest = control.state().sessions.findLast((session) => session.shard[0] === shard);
    return control.statistics.commands().filter(({ session }) => session === newest?.id).map(({ text }) =>
      text
    );
  });
}

function refusal(error: string, message: string): string {
  return JSON.stringify({ ok: false, error, message });
}

function byCorrelation(replies: readonly ConsumeMessage[]): Record<string, string> {
  return Object.fromEntries(
    replies.map(({ properties, content }) => [String(properties.correlationId), content.toString()]),
  );
}
