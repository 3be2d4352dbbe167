import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type FrameHead,
  isGuildEvent,
  LargeFrameReader,
  readFrameHead,
  readGuild,
  readHeartbeatIntervalMs,
  readReady,
  readResumable,
} from "../../../gateway/protocol/frame_head.ts";
import { skipValue } from "../../../gateway/protocol/json_scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function headOf(text: string): FrameHead | null {
  return readFrameHead(encoder.encode(text));
}

/** The careful path alone: a space in front keeps the other one away. */
function carefulHeadOf(bytes: Uint8Array): FrameHead | null {
  const head = readFrameHead(Uint8Array.of(0x20, ...bytes));
  if (head === null || head.dataStart === null) return head;
  return { ...head, dataStart: head.dataStart - 1 };
}

/** What the head must be, `dataStart` apart, by the judgement of JSON.parse; undefined where that refuses. */
function parsedHead(bytes: Uint8Array): { head: Omit<FrameHead, "dataStart"> | null } | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return { head: null };
  const { op, s = null, t = null } = frame as Record<string, unknown>;
  const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!isCount(op) || (s !== null && !isCount(s))) return { head: null };
  if (t !== null && (typeof t !== "string" || t === "" || encoder.encode(t).length > 255)) {
    return { head: null };
  }
  if (t !== null && /[\p{Cc}\p{Cs}\uFFFD]/u.test(t)) return { head: null };
  if (op === 0 && t !== null && s === null) return { head: null };
  return {
    head: { opcode: Math.abs(Number(op)), sequence: s === null ? null : Math.abs(Number(s)), type: t },
  };
}

function withoutData(head: FrameHead | null): Omit<FrameHead, "dataStart"> | null {
  if (head === null) return null;
  const { dataStart: _, ...rest } = head;
  return rest;
}

const eventName = fc.oneof(
  fc.constantFrom("READY", "MESSAGE_CREATE", "GUILD_CREATE", "TYPING_START"),
  fc.stringMatching(/^[A-Z0-9_]{1,12}$/),
  fc.string({ unit: "binary", maxLength: 8 }),
  fc.constantFrom("A".repeat(255), "A".repeat(256), ""),
);
const count = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 1e15, 2 ** 53, -1, 1.5, -0),
);
const data = fc.jsonValue({ stringUnit: "binary" });
/** Members of a frame, odd ones included, in any order. */
const oddFrameText = fc.record(
  {
    t: fc.oneof(eventName, fc.jsonValue()),
    s: fc.oneof(count, fc.jsonValue()),
    op: fc.oneof(count, fc.constantFrom(0, 1, 7, 9, 10, 11), fc.jsonValue()),
    d: data,
    another_member: data,
  },
  { requiredKeys: [] },
).chain((frame) => fc.shuffledSubarray(Object.entries(frame), { minLength: Object.keys(frame).length }))
  .chain((entries) =>
    fc.constantFrom(undefined, "\t", " \r\n").map((spacing) =>
      JSON.stringify(Object.fromEntries(entries), null, spacing)
    )
  );
/** Frames as Discord writes them. */
const dispatchText = fc.tuple(eventName, count, fc.oneof(fc.dictionary(fc.string(), data), data)).map((
  [t, s, d],
) => JSON.stringify({ t, s, op: 0, d }));
const frameBytes = fc.oneof(oddFrameText, dispatchText).map((text) => encoder.encode(text));

Deno.test("readFrameHead() reads a dispatch as Discord writes it", () => {
  const text = '{"t":"MESSAGE_CREATE","s":42,"op":0,"d":{"id":"1"}}';
  const head = { opcode: 0, sequence: 42, type: "MESSAGE_CREATE", dataStart: text.indexOf('{"id"') };
  assert.deepEqual(headOf(text), head);
  assert.deepEqual(headOf(text), head, "a name seen before");
});

Deno.test("readFrameHead() reads frames without t, s or d, in any order and spacing", () => {
  assert.deepEqual(headOf('{"t":null,"s":null,"op":11,"d":null}'), {
    opcode: 11,
    sequence: null,
    type: null,
    dataStart: 31,
  });
  assert.deepEqual(headOf('{"op":11}'), { opcode: 11, sequence: null, type: null, dataStart: null });
  assert.deepEqual(headOf('\n{ "d" : {"op":5} , "op" : 0,\t"s":7, "t":"X" }\r\n'), {
    opcode: 0,
    sequence: 7,
    type: "X",
    dataStart: 9,
  });
});

Deno.test("readFrameHead() takes the last of a repeated member", () => {
  assert.deepEqual(headOf('{"op":1,"d":1,"t":"A","op":0,"s":1,"t":"B","\\u0073":2,"d":2}'), {
    opcode: 0,
    sequence: 2,
    type: "B",
    dataStart: 58,
  });
  assert.equal(headOf('{"t":"A","s":1,"op":0,"d":{},"op":9}')?.opcode, 9);
});

Deno.test("readFrameHead() reads unknown ops and names", () => {
  assert.equal(headOf('{"t":"SOMETHING_NEW","s":1,"op":0,"d":{}}')?.type, "SOMETHING_NEW");
  assert.equal(
    headOf('{"t":"neue.Sache_\u00e9\u4e16","s":1,"op":0,"d":{}}')?.type,
    "neue.Sache_\u00e9\u4e16",
  );
  assert.equal(headOf('{"op":9007199254740991}')?.opcode, Number.MAX_SAFE_INTEGER);
});

Deno.test("readFrameHead() reads a dispatch with invalid UTF-8 in d", () => {
  const bytes = Uint8Array.of(
    ...encoder.encode('{"t":"A","s":1,"op":0,"d":{"x":"'),
    0xff,
    0xed,
    0xa0,
    0x80,
    ...encoder.encode('"}}'),
  );
  const head = { opcode: 0, sequence: 1, type: "A", dataStart: 26 };
  assert.deepEqual(readFrameHead(bytes), head);
  assert.deepEqual(carefulHeadOf(bytes), head);
});

const unreadable: Record<string, string> = {
  "nothing": "",
  "an array": "[]",
  "a number": "1",
  "a frame without op": '{"t":"A","s":1,"d":{}}',
  "an op that is a string": '{"op":"0"}',
  "an op with a fraction": '{"op":0.5}',
  "a negative op": '{"op":-1}',
  "an op beyond 2^53": '{"op":9007199254740993}',
  "an op with a leading zero": '{"op":01}',
  "a sequence that is a string": '{"t":"A","s":"1","op":0,"d":{}}',
  "a negative sequence": '{"t":"A","s":-1,"op":0,"d":{}}',
  "a sequence with a leading zero": '{"t":"A","s":01,"op":0,"d":{}}',
  "a sequence beyond 2^53": '{"t":"A","s":9007199254740993,"op":0,"d":{}}',
  "a type that is a number": '{"t":1,"s":1,"op":0,"d":{}}',
  "an empty type": '{"t":"","s":1,"op":0,"d":{}}',
  "a type with a line break": '{"t":"A\\nB","s":1,"op":0,"d":{}}',
  "a type with half a surrogate pair": '{"t":"\\ud800","s":1,"op":0,"d":{}}',
  "a type of 256 bytes": `{"t":"${"A".repeat(256)}","s":1,"op":0,"d":{}}`,
  "a type of 256 bytes in fewer characters": `{"t":"${"\u00e9".repeat(128)}","s":1,"op":0,"d":{}}`,
  "a typed dispatch without sequence": '{"t":"A","op":0,"d":{}}',
  "a frame that breaks off": '{"t":"A","s":1,"op":0,"d":{"id":"1"}',
  "a frame that breaks off in its head": '{"t":"A","s":1,"op":0',
  "two frames in one": '{"op":11}{"op":11}',
  "a frame with something behind it": '{"op":11} x',
  "a frame behind a byte order mark": '\ufeff{"op":11}',
};
for (const [what, text] of Object.entries(unreadable)) {
  Deno.test(`readFrameHead() cannot read ${what}`, () => assert.equal(headOf(text), null));
}

Deno.test("readFrameHead() agrees with JSON.parse wherever that accepts", () => {
  fc.assert(
    fc.property(frameBytes, (bytes) => {
      const expected = parsedHead(bytes);
      assert.ok(expected);
      assert.deepEqual(withoutData(readFrameHead(bytes)), expected.head);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("readFrameHead() reads the common dispatch as it reads any frame", () => {
  fc.assert(
    fc.property(frameBytes, (bytes) => assert.deepEqual(readFrameHead(bytes), carefulHeadOf(bytes))),
    { numRuns: 1000 },
  );
});

Deno.test("readFrameHead() finds where d begins", () => {
  fc.assert(fc.property(frameBytes, (bytes) => {
    const head = readFrameHead(bytes);
    const frame = JSON.parse(decoder.decode(bytes));
    if (head === null) return;
    assert.equal(head.dataStart === null, !Object.hasOwn(frame, "d"));
    if (head.dataStart === null) return;
    const dataText = decoder.decode(bytes.subarray(head.dataStart, skipValue(bytes, head.dataStart)));
    assert.deepEqual(JSON.parse(dataText), frame.d);
  }));
});

/** A few bytes of a text overwritten, put in or taken out. */
function mutated(bytes: Uint8Array, edits: readonly (readonly [at: number, cut: number, put: Uint8Array])[]) {
  return edits.reduce((current, [at, cut, put]) => {
    const from = at % (current.length + 1);
    return Uint8Array.of(...current.subarray(0, from), ...put, ...current.subarray(from + cut));
  }, bytes);
}
const jsonByte = fc.oneof(
  fc.constantFrom(...encoder.encode('{}[]":,\\ 0123456789opstdnul')),
  fc.integer({ min: 0, max: 255 }),
);
const edits = fc.array(
  fc.tuple(fc.nat(400), fc.nat(2), fc.array(jsonByte, { maxLength: 3 }).map((put) => Uint8Array.from(put))),
  { minLength: 1, maxLength: 3 },
);

Deno.test("readFrameHead() agrees with JSON.parse on damaged frames that are still JSON", () => {
  fc.assert(
    fc.property(frameBytes, edits, (bytes, how) => {
      const damaged = mutated(bytes, how);
      const head = readFrameHead(damaged);
      const expected = parsedHead(damaged);
      if (expected !== undefined) assert.deepEqual(withoutData(head), expected.head);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readFrameHead() reads a dispatch with a damaged head as it reads any frame", () => {
  const intactHead = encoder.encode('{"t":"MESSAGE_CREATE","s":4711,"op":0,"d":');
  const data = encoder.encode('{"a":[1,"\\"}"]}}');
  fc.assert(
    fc.property(edits, (how) => {
      const head = mutated(intactHead, how);
      // A brace put in would open another d than the one whose extent is known to be right.
      fc.pre(!head.includes(0x7b, 1));
      const frame = Uint8Array.of(...head, ...data);
      assert.deepEqual(readFrameHead(frame), carefulHeadOf(frame));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("readFrameHead() and the readers of d survive arbitrary bytes", () => {
  const bytesOrFrame = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(frameBytes, edits).map(([bytes, how]) => mutated(bytes, how)),
  );
  fc.assert(fc.property(bytesOrFrame, fc.nat(300), (bytes, dataStart) => {
    const head = readFrameHead(bytes) ?? { opcode: 0, sequence: 1, type: "READY", dataStart };
    readReady(bytes, head);
    readGuild(bytes, head);
    readHeartbeatIntervalMs(bytes, head);
    readResumable(bytes, head);
  }));
});

Deno.test("readFrameHead() tells apart names of the same length and of the same slot", () => {
  // Two alphabets of names fill the table of known names several times over.
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 5_000; index++) {
      assert.equal(headOf(`{"t":"E_${index}","s":1,"op":0,"d":{}}`)?.type, `E_${index}`);
    }
  }
});

/** The frame and its head, for the readers of `d`. */
function withHead(data: string, opcode = 0): [Uint8Array, FrameHead] {
  const bytes = encoder.encode(`{"t":null,"s":1,"op":${opcode},"d":${data}}`);
  const head = readFrameHead(bytes);
  assert.ok(head);
  return [bytes, head];
}

Deno.test("readReady() reads three fields, wherever they stand", () => {
  const ready = {
    guilds: [{ id: "613425648685547541", unavailable: true }, { unavailable: true, id: "41771983423143937" }],
    user: { session_id: "not this" },
    session_id: "abc\u00e9",
    v: 10,
    resume_gateway_url: "wss://resume.example",
  };
  assert.deepEqual(readReady(...withHead(JSON.stringify(ready, null, 1))), {
    sessionId: "abc\u00e9",
    resumeGatewayUrl: "wss://resume.example",
    guildIds: [613425648685547541n, 41771983423143937n],
  });
});

Deno.test("readReady() makes do with a READY without fields, or with wrong ones", () => {
  const nothing = { sessionId: null, resumeGatewayUrl: null, guildIds: [] };
  assert.deepEqual(readReady(...withHead("{}")), nothing);
  assert.deepEqual(readReady(...withHead("null")), nothing);
  assert.deepEqual(
    readReady(...withHead('{"session_id":5,"resume_gateway_url":null,"guilds":{"id":"1"}}')),
    nothing,
  );
  const bytes = encoder.encode('{"op":0}');
  assert.deepEqual(readReady(bytes, readFrameHead(bytes)!), nothing);
});

Deno.test("readReady() takes integers for ids and leaves out what has none", () => {
  const guilds = '[{"id":1},{"id":null},5,{},[],{"x":{"id":"9"}},{"id":"2"}]';
  assert.deepEqual(readReady(...withHead(`{"guilds":${guilds}}`)).guildIds, [1n, 2n]);
});

Deno.test("readGuild() reads id, name and unavailable from among nested ones", () => {
  const guild = {
    roles: [{ id: "3", name: "role" }],
    name: 'A "guild" \u{1f600}',
    owner: { id: "4", unavailable: true },
    unavailable: false,
    id: "613425648685547541",
  };
  assert.deepEqual(readGuild(...withHead(JSON.stringify(guild))), {
    id: 613425648685547541n,
    name: guild.name,
    unavailable: false,
  });
  assert.deepEqual(readGuild(...withHead('{"id":5,"name":7,"unavailable":"true"}')), {
    id: 5n,
    name: null,
    unavailable: null,
  });
  assert.deepEqual(readGuild(...withHead("[]")), { id: null, name: null, unavailable: null });
});

Deno.test("readGuild() reads a guild of ten megabytes", () => {
  const members = Array.from({ length: 100_000 }, (_, index) => ({
    user: { id: String(index), name: "someone" },
    roles: ["1", "2", "3"],
    joined_at: "2026-01-01T00:00:00.000000+00:00",
  }));
  const [bytes, head] = withHead(JSON.stringify({ members, id: "7", name: "large" }));
  assert.ok(bytes.length > 10_000_000);
  assert.deepEqual(readGuild(bytes, head), { id: 7n, name: "large", unavailable: null });
});

/** What a reader finds that reads so many bytes in a turn; is told after each turn but the last. */
function readLarge(bytes: Uint8Array, turnMaxBytes: number, turn = () => {}): FrameHead | null {
  const reader = new LargeFrameReader(bytes);
  while (!reader.read(turnMaxBytes)) turn();
  return reader.head;
}

Deno.test("LargeFrameReader reads in turns what is read in one otherwise, damaged frames too", () => {
  const guild = fc.record({
    members: fc.json(),
    id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    name: fc.string({ unit: "binary" }),
    unavailable: fc.boolean(),
  }, { requiredKeys: [] });
  const type = fc.constantFrom("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "READY");
  const guildFrame = fc.tuple(type, guild, fc.boolean()).map(([t, d, isUsual]) =>
    encoder.encode(JSON.stringify(isUsual ? { t, s: 1, op: 0, d } : { op: 0, d, s: 1, t }))
  );
  const frame = fc.oneof(guildFrame, frameBytes);
  const frameOrDamage = fc.oneof(frame, fc.tuple(frame, edits).map(([bytes, how]) => mutated(bytes, how)));
  fc.assert(
    fc.property(frameOrDamage, fc.integer({ min: 1, max: 300 }), (bytes, turnMaxBytes) => {
      const head = readFrameHead(bytes);
      const large = readLarge(bytes, turnMaxBytes);
      const isGuild = isGuildEvent(head?.type ?? null);
      assert.deepEqual(large, head && isGuild ? { ...head, guild: readGuild(bytes, head) } : head);
      if (large?.guild) assert.equal(readGuild(new Uint8Array(), large), large.guild, "it is not read again");
    }),
    { numRuns: 4_000 },
  );
});

/** The same bytes, which tell the index of each that is looked at. */
function watched(bytes: Uint8Array, looked: (index: number) => void): Uint8Array {
  return new Proxy(bytes, {
    get(target, name) {
      const index = Number(name);
      if (Number.isInteger(index)) looked(index);
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

Deno.test("LargeFrameReader looks at so many bytes in a turn, wherever the frame keeps them", () => {
  const many = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(8, "0"));
  const guilds = {
    "one long array": { members: many, id: "7" },
    "arrays within arrays": { members: [[[many]], { many }], id: "7" },
    "many members of its own": { ...Object.fromEntries(many.map((key) => [`_${key}`, 1])), id: "7" },
  };
  for (const [what, d] of Object.entries(guilds)) {
    for (const frame of [{ t: "GUILD_CREATE", s: 1, op: 0, d }, { d, op: 0, s: 1, t: "GUILD_CREATE" }]) {
      const bytes = encoder.encode(JSON.stringify(frame));
      let turn = new Set<number>();
      const turns: number[] = [];
      const head = readLarge(watched(bytes, (index) => turn.add(index)), 500, () => {
        turns.push(turn.size);
        turn = new Set();
      });
      assert.equal(head?.guild?.id, 7n, what);
      // A string or a scalar is never cut, and the first turn has the head besides.
      const [first = 0, ...later] = turns;
      assert(first < 600 && later.every((size) => size < 530), `${what}: ${turns}`);
      assert(turns.length >= bytes.length / 500 - 1, `${what}: ${turns.length} turns`);
    }
  }
});

Deno.test("readHeartbeatIntervalMs() reads a positive number and nothing else", () => {
  assert.equal(
    readHeartbeatIntervalMs(...withHead('{"_trace":["x"],"heartbeat_interval":41250}', 10)),
    41_250,
  );
  for (const data of ["{}", "null", '{"heartbeat_interval":"1"}', '{"heartbeat_interval":0}']) {
    assert.equal(readHeartbeatIntervalMs(...withHead(data, 10)), null);
  }
  for (const intervalMs of ["-5", "1e999", "null"]) {
    assert.equal(readHeartbeatIntervalMs(...withHead(`{"heartbeat_interval":${intervalMs}}`, 10)), null);
  }
});

Deno.test("readResumable() is true for true alone", () => {
  assert.equal(readResumable(...withHead("true", 9)), true);
  for (const data of ["false", "null", '"true"', "1", "{}"]) {
    assert.equal(readResumable(...withHead(data, 9)), false);
  }
  const bytes = encoder.encode('{"op":9}');
  assert.equal(readResumable(bytes, readFrameHead(bytes)!), false);
});
