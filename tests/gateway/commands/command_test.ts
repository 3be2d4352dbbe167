import assert from "node:assert/strict";
import fc from "fast-check";
import { type CommandError, readCommand, type ShardsCommand } from "../../../gateway/commands/command.ts";
import { SHARDS_MOST } from "../../../gateway/protocol/shard_count.ts";

const encoder = new TextEncoder();

function read(text: string) {
  return readCommand(encoder.encode(text));
}

function accepted(text: string): ShardsCommand {
  const reading = read(text);
  assert.ok(reading.ok, reading.ok ? "" : reading.message);
  assert(reading.command.kind !== "drain" && reading.command.kind !== "reshard");
  return reading.command;
}

function sending(payload: string): string {
  return `{"op":0,"shard":0,"data":${payload}}`;
}

Deno.test("readCommand() reads a voice state update of a program written for twilight-dispatch", () => {
  const payload = '{"op": 4, "d": {"guild_id": "41771983423143937", "self_mute": false}}';
  assert.deepEqual(accepted(`{"op": 0, "shard": 7, "data": ${payload}}`), {
    kind: "send",
    shards: [7],
    opcode: 4,
    payload,
    presence: null,
  });
});

Deno.test("readCommand() keeps the payload letter by letter", () => {
  const payloads = [
    '{"op":8,"d":{"guild_id":41771983423143937123,"nonce":"\\u00e9\\ud83d\\ude00\u{1f600}"}}',
    '{\n\t"d" : {"a":1.50, "a":2e0},\r\n "op" : 31, "extra": {"op": 2}\n}',
    '{"op":43,"d":null}',
    '{"\\u006fp":4,"d":{}}',
  ];
  for (const payload of payloads) {
    const command = accepted(`{"data": ${payload} ,"shard":0,"op":0}`);
    assert.equal(command.kind === "send" && command.payload, payload);
  }
});

Deno.test("readCommand() gives the text of a presence update's d", () => {
  const presence = '{ "since": 9007199254740993, "activities":[],"status":"idle","afk":false }';
  const command = accepted(sending(`{"op":3,"d":${presence}}`));
  assert.equal(command.kind === "send" && command.presence, presence);
});

Deno.test("readCommand() reads the last of repeated members of the command, as JSON.parse does", () => {
  const command = accepted(
    '{"op":1,"data":5,"shard":9,"shard":1,"op":0,"data":{"op":4,"d":1},"\\u0064ata":{"op":8,"d":2}}',
  );
  assert.deepEqual(command, {
    kind: "send",
    shards: [1],
    opcode: 8,
    payload: '{"op":8,"d":2}',
    presence: null,
  });
});

Deno.test("readCommand() reads one shard, a list with each id once, and all", () => {
  const shardsOf = (shard: string) => accepted(`{"op":1,"shard":${shard}}`).shards;
  assert.deepEqual(shardsOf("0"), [0]);
  assert.deepEqual(shardsOf("[3,1,3,1]"), [3, 1]);
  assert.equal(shardsOf('"all"'), "all");
});

Deno.test("readCommand() reads a guild's id digit by digit, as a string and as an integer", () => {
  const guildOf = (text: string) => {
    const { shards } = accepted(text);
    return typeof shards === "object" && "guildId" in shards && shards.guildId;
  };
  assert.equal(guildOf('{"op":1,"guild_id":"41771983423143937"}'), 41771983423143937n);
  assert.equal(guildOf('{"op":1,"guild_id":9007199254740993}'), 9007199254740993n);
  assert.equal(guildOf('{"op":1,"guild_id" : 18446744073709551615 }'), 18446744073709551615n);
  assert.equal(guildOf('{"op":1,"guild_id":"\\u0031\\u0032"}'), 12n);
  assert.equal(guildOf('{"guild_id":7,"op":0,"data":{"op":4,"d":{"guild_id":"8"}}}'), 7n);
  assert.equal(guildOf('{"op":1,"guild_id":"x","guild\\u005fid":13,"data":{"guild_id":14}}'), 13n);
});

Deno.test("readCommand() reads a reconnect, resuming unless told otherwise", () => {
  const modeOf = (data: string) => {
    const command = accepted(`{"op":1,"shard":0${data}}`);
    return command.kind === "reconnect" && command.mode;
  };
  assert.equal(modeOf(""), "resume");
  assert.equal(modeOf(',"data":null'), "resume");
  assert.equal(modeOf(',"data":{}'), "resume");
  assert.equal(modeOf(',"data":{"mode":"resume"}'), "resume");
  assert.equal(modeOf(',"data":{"mode":"identify"}'), "identify");
});

Deno.test("readCommand() reads whether a replica is to be drained", () => {
  const drain = (isDrained: boolean) =>
    read(JSON.stringify({ op: 3, replica: "a b", data: { drain: isDrained } }));
  for (const isDrained of [true, false]) {
    assert.deepEqual(drain(isDrained), { ok: true, command: { kind: "drain", replica: "a b", isDrained } });
  }
});

Deno.test("readCommand() reads how many shards there are to be, and that a change is given up", () => {
  const reshard = (data: unknown) => read(JSON.stringify({ op: 2, shard: "x", data }));
  for (const total of [1, 32, SHARDS_MOST]) {
    assert.deepEqual(reshard({ total }), { ok: true, command: { kind: "reshard", total } });
  }
  assert.deepEqual(reshard({ abandon: true }), { ok: true, command: { kind: "reshard", total: null } });
});

Deno.test("readCommand() takes a payload of 4096 UTF-8 bytes and refuses one byte more", () => {
  // Two bytes a letter, so that counting characters would let twice as much pass.
  const frame = (spaces: number) => `{"op":4,"d":"${"\u00e9".repeat(2000)}"${" ".repeat(spaces)}}`;
  const bytes = encoder.encode(frame(0)).length;
  assert.ok(read(sending(frame(4096 - bytes))).ok);
  const refused = read(sending(frame(4097 - bytes)));
  assert.equal(!refused.ok && refused.error, "too_large");
});

const refusals: [what: string, text: string, error: CommandError][] = [
  ["nothing", "", "not_json"],
  ["text", "hello", "not_json"],
  ["JSON that breaks off", '{"op":0,"shard":0', "not_json"],
  ["JSON behind a byte order mark", '\ufeff{"op":1,"shard":0}', "not_json"],
  ["a list", "[]", "invalid"],
  ["null", "null", "invalid"],
  ["no op", '{"shard":0}', "invalid"],
  ["an op that is a string", '{"op":"0","shard":0}', "invalid"],
  ["an op of no kind", '{"op":4,"shard":0}', "unknown_op"],
  ["an op with a fraction", '{"op":0.5,"shard":0}', "unknown_op"],
  ["no shard", '{"op":1}', "invalid"],
  ["a drain of no replica", '{"op":3,"data":{"drain":true}}', "invalid"],
  ["a drain of a replica without a name", '{"op":3,"replica":"","data":{"drain":true}}', "invalid"],
  ["a drain that does not say which", '{"op":3,"replica":"a"}', "invalid"],
  ["a drain of another word", '{"op":3,"replica":"a","data":{"drain":"yes"}}', "invalid"],
  ["a change to no number of shards", '{"op":2}', "invalid"],
  ["a change without an object", '{"op":2,"data":32}', "invalid"],
  ["a change to no shards", '{"op":2,"data":{"total":0}}', "invalid"],
  ["a change to a part of a shard", '{"op":2,"data":{"total":1.5}}', "invalid"],
  ["a change to text", '{"op":2,"data":{"total":"32"}}', "invalid"],
  ["a change to more than there can be", `{"op":2,"data":{"total":${SHARDS_MOST + 1}}}`, "invalid"],
  ["a change that is both begun and given up", '{"op":2,"data":{"total":32,"abandon":true}}', "invalid"],
  ["a change that is not given up", '{"op":2,"data":{"abandon":false}}', "invalid"],
  ["a negative shard", '{"op":1,"shard":-1}', "invalid"],
  ["a shard with a fraction", '{"op":1,"shard":1.5}', "invalid"],
  ["a shard beyond 2^53", '{"op":1,"shard":9007199254740993}', "invalid"],
  ["a shard that is a string", '{"op":1,"shard":"0"}', "invalid"],
  ["an empty list of shards", '{"op":1,"shard":[]}', "invalid"],
  ["a list with a wrong shard", '{"op":1,"shard":[0,"all"]}', "invalid"],
  ["a list within a list", '{"op":1,"shard":[[0]]}', "invalid"],
  ["both shard and guild", '{"op":1,"shard":0,"guild_id":"1"}', "invalid"],
  ["a shard of null beside a guild", '{"op":1,"shard":null,"guild_id":"1"}', "invalid"],
  ["a guild that is text", '{"op":1,"guild_id":"guild"}', "invalid"],
  ["a guild of no digits", '{"op":1,"guild_id":""}', "invalid"],
  ["a guild of null", '{"op":1,"guild_id":null}', "invalid"],
  ["a guild of zero", '{"op":1,"guild_id":0}', "invalid"],
  ["a negative guild", '{"op":1,"guild_id":-1}', "invalid"],
  ["a guild spelled as a power", '{"op":1,"guild_id":1e18}', "invalid"],
  ["a guild beyond 64 bits", '{"op":1,"guild_id":18446744073709551616}', "invalid"],
  ["a list of guilds", '{"op":1,"guild_id":["1"]}', "invalid"],
  ["an unknown mode", '{"op":1,"shard":0,"data":{"mode":"restart"}}', "invalid"],
  ["a mode of null", '{"op":1,"shard":0,"data":{"mode":null}}', "invalid"],
  ["a mode without an object", '{"op":1,"shard":0,"data":"resume"}', "invalid"],
  ["no payload", '{"op":0,"shard":0}', "invalid"],
  ["a payload of null", sending("null"), "invalid"],
  ["a payload that is a list", sending('[{"op":4,"d":{}}]'), "invalid"],
  ["a payload that is text", sending('"{\\"op\\":4,\\"d\\":{}}"'), "invalid"],
  ["a payload without op", sending('{"d":{}}'), "invalid"],
  ["a payload without d", sending('{"op":4}'), "invalid"],
  ["a payload's op that is a string", sending('{"op":"4","d":{}}'), "invalid"],
  ["a payload's op spelled as a fraction", sending('{"op":4.0,"d":{}}'), "invalid"],
  ["a payload's op spelled as a power", sending('{"op":4e0,"d":{}}'), "invalid"],
  ["a repeated op", sending('{"op":4,"d":{},"op":4}'), "invalid"],
  ["a repeated op in escapes", sending('{"op":4,"d":{},"\\u006fp":2}'), "invalid"],
  ["a repeated d", sending('{"op":3,"d":{},"\\u0064":{}}'), "invalid"],
  ["a large payload that may not be sent", sending(`{"op":2,"d":"${"x".repeat(5_000)}"}`), "forbidden_op"],
  ["a command of over a megabyte", `{"op":1,"shard":0}${" ".repeat(2 ** 20)}`, "too_large"],
];
for (const [what, text, error] of refusals) {
  Deno.test(`readCommand() refuses ${what} as ${error}`, () => {
    const reading = read(text);
    assert.equal(!reading.ok && reading.error, error);
    assert.match(!reading.ok ? reading.message : "", /: send /);
  });
}

Deno.test("readCommand() refuses a presence that Discord could not read, and keeps it from being sent for ever", () => {
  const read = (d: unknown) =>
    readCommand(encoder.encode(JSON.stringify({ op: 0, shard: 0, data: { op: 3, d } })));
  for (const d of [null, 1, "idle", [], { activities: "x" }, { status: 3 }, { status: null }]) {
    const reading = read(d);
    assert.equal(reading.ok ? "ok" : reading.error, "invalid", JSON.stringify(d));
  }
  for (const d of [{}, { status: "idle" }, { since: null, activities: [], status: "dnd", afk: false }]) {
    assert(read(d).ok, JSON.stringify(d));
  }
});

Deno.test("readCommand() lets five gateway ops pass and forbids all others", () => {
  for (let opcode = 0; opcode < 100; opcode++) {
    const reading = read(sending(`{"op":${opcode},"d":{}}`));
    if ([3, 4, 8, 31, 43].includes(opcode)) assert.ok(reading.ok);
    else assert.equal(!reading.ok && reading.error, "forbidden_op");
  }
});

Deno.test("readCommand() refuses invalid UTF-8 as not_json", () => {
  const [before, behind] = [encoder.encode('{"op":0,"shard":0,"data":{"op":4,"d":"'), encoder.encode('"}}')];
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f]]) {
    const reading = readCommand(Uint8Array.of(...before, ...bytes, ...behind));
    assert.equal(!reading.ok && reading.error, "not_json");
  }
});

Deno.test("readCommand() survives nesting as deep as its body may be", () => {
  const depth = 400_000;
  for (const text of ["[".repeat(depth), sending("[".repeat(depth) + "]".repeat(depth))]) {
    assert.equal(read(text).ok, false);
  }
  const refused = read(sending(`{"op":4,"d":${"[".repeat(depth)}${"]".repeat(depth)}}`));
  assert.equal(refused.ok, false);
});

Deno.test("readCommand() never quotes the command in a refusal", () => {
  const secret = "s3cr3t";
  for (const text of [secret, `"${secret}"`, sending(`"${secret}"`), `{"op":1,"shard":"${secret}"}`]) {
    const reading = read(text);
    assert.ok(!reading.ok && !reading.message.includes(secret));
  }
});

const shard = fc.oneof(
  fc.nat(20),
  fc.array(fc.nat(20), { maxLength: 4 }),
  fc.constant("all"),
  fc.jsonValue(),
);
const payload = fc.record({
  op: fc.oneof(fc.constantFrom(1, 2, 3, 4, 6, 8, 31, 43), fc.jsonValue()),
  d: fc.jsonValue({ stringUnit: "binary" }),
  extra: fc.jsonValue(),
}, { requiredKeys: [] });
const commandText = fc.record({
  op: fc.oneof(fc.constantFrom(0, 1), fc.jsonValue()),
  shard,
  data: fc.oneof(payload, fc.record({ mode: fc.constantFrom("resume", "identify", "x") }), fc.jsonValue()),
}, { requiredKeys: [] }).chain((command) =>
  fc.constantFrom(undefined, " ", "\r\n\t").map((spacing) => JSON.stringify(command, null, spacing))
);

Deno.test("readCommand() sends only what JSON.parse reads as an allowed payload", () => {
  fc.assert(
    fc.property(commandText, (text) => {
      const reading = read(text);
      const written = JSON.parse(text);
      if (!reading.ok) return assert.notEqual(reading.error, "not_json");
      const { command } = reading;
      if (command.kind === "drain") return assert.equal(written.op, 3);
      if (command.kind === "reshard") return assert.equal(written.op, 2);
      if (written.shard === "all") assert.equal(command.shards, "all");
      else assert.deepEqual(command.shards, [...new Set([written.shard].flat())]);
      assert.equal(command.kind, written.op === 0 ? "send" : "reconnect");
      if (command.kind === "reconnect") return assert.equal(command.mode, written.data?.mode ?? "resume");
      assert.deepEqual(JSON.parse(command.payload), written.data);
      assert.equal(command.opcode, written.data.op);
      assert.ok([3, 4, 8, 31, 43].includes(command.opcode));
      if (command.presence !== null) assert.deepEqual(JSON.parse(command.presence), written.data.d);
      assert.equal(command.presence === null, command.opcode !== 3);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("readCommand() answers arbitrary and damaged bytes with a value", () => {
  const damaged = fc.tuple(commandText, fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 0, max: 255 }))))
    .map(([text, overwritten]) => {
      const bytes = encoder.encode(text);
      for (const [at, byte] of overwritten) bytes[at % Math.max(1, bytes.length)] = byte;
      return bytes;
    });
  const parses = (bytes: Uint8Array) => {
    try {
      JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
      return true;
    } catch {
      return false;
    }
  };
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
      const reading = readCommand(bytes);
      assert.equal(!reading.ok && reading.error === "not_json", !parses(bytes));
    }),
    { numRuns: 2000 },
  );
});
