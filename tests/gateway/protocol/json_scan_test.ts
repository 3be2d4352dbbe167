import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ElementScan,
  MALFORMED,
  MemberScan,
  readBoolean,
  readNumber,
  readSnowflake,
  readSnowflakeText,
  readString,
  skipValue,
  skipWhitespace,
} from "../../../gateway/protocol/json_scan.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const whitespace = fc.constantFrom("", " ", "\t", "\r\n  ");
const member = fc.tuple(
  fc.oneof(fc.constantFrom("op", "o", "opp"), fc.string({ unit: "binary" })),
  fc.jsonValue({ stringUnit: "binary" }),
  whitespace,
);

function memberText(text: string, name: string): string | null {
  const bytes = encoder.encode(text);
  const scan = new MemberScan(bytes, skipWhitespace(bytes, 0));
  let found: string | null = null;
  while (scan.next()) {
    if (scan.keyIs(name)) found = decoder.decode(bytes.subarray(scan.valueStart, scan.valueEnd));
  }
  return found;
}

Deno.test("MemberScan finds the very members that were written, in their order", () => {
  fc.assert(fc.property(fc.array(member), (members) => {
    const texts = members.map(([name, value, space]) =>
      [space, JSON.stringify(name), ":", JSON.stringify(value, null, space), space].join(space)
    );
    const bytes = encoder.encode(`{${texts.join(",")}}`);
    const scan = new MemberScan(bytes, 0);
    for (const [name, value] of members) {
      assert.ok(scan.next());
      assert.equal(scan.keyIs("op"), name === "op");
      const valueText = decoder.decode(bytes.subarray(scan.valueStart, scan.valueEnd));
      assert.deepEqual(JSON.parse(valueText), JSON.parse(JSON.stringify(value)));
    }
    assert.equal(scan.next(), false);
    assert.equal(scan.end, bytes.length);
  }));
});

Deno.test("MemberScan.keyIs() knows a name written with escapes", () => {
  assert.equal(memberText('{"\\u006fp":1}', "op"), "1");
  assert.equal(memberText('{"o\\u0070":1}', "op"), "1");
  assert.equal(memberText('{"\\op":1}', "op"), null);
  assert.equal(memberText('{"o\\"p":1}', "op"), null);
});

Deno.test("MemberScan is not misled by names, braces and quotes inside values", () => {
  assert.equal(memberText(String.raw`{"a":"\"op\":5,\\","b":{"op":6},"c":["}",{"op":7}],"op":8}`, "op"), "8");
  assert.equal(memberText('{"a":"op","op" : 1 }', "op"), "1");
});

Deno.test("MemberScan passes over invalid UTF-8 inside strings", () => {
  const bytes = Uint8Array.of(...encoder.encode('{"a":"'), 0xff, 0xc0, 0x80, ...encoder.encode('","b":2}'));
  const scan = new MemberScan(bytes, 0);
  assert.ok(scan.next());
  assert.ok(scan.next());
  assert.ok(scan.keyIs("b"));
  assert.equal(scan.next(), false);
  assert.equal(scan.end, bytes.length);
});

const brokenObjects = [
  "",
  "[]",
  "{",
  '{"a"',
  '{"a":',
  '{"a":1',
  '{"a":1,',
  '{"a":1,}',
  '{,"a":1}',
  '{"a" 1}',
  '{"a":"b}',
  '{"a":{"b":1}',
  '{"a":[}',
  '{"a":}',
  '{"a":1 "b":2}',
  "{a:1}",
  '{"a\\":1}',
];
for (const text of brokenObjects) {
  Deno.test(`MemberScan does not reach the end of ${JSON.stringify(text)}`, () => {
    const scan = new MemberScan(encoder.encode(text), 0);
    while (scan.next());
    assert.equal(scan.end, MALFORMED);
  });
}

Deno.test("MemberScan and ElementScan come to an end on arbitrary bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, start) => {
    const members = new MemberScan(bytes, start);
    while (members.next()) {
      assert.ok(members.valueEnd > members.valueStart && members.valueEnd <= bytes.length);
    }
    const elements = new ElementScan(bytes, start);
    while (elements.next()) {
      assert.ok(elements.valueEnd > elements.valueStart && elements.valueEnd <= bytes.length);
    }
  }));
});

Deno.test("ElementScan finds the very elements that JSON.parse finds", () => {
  fc.assert(fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, "\n"), (array, spacing) => {
    const bytes = encoder.encode(JSON.stringify(array, null, spacing));
    const scan = new ElementScan(bytes, 0);
    const values: unknown[] = [];
    while (scan.next()) {
      values.push(JSON.parse(decoder.decode(bytes.subarray(scan.valueStart, scan.valueEnd))));
    }
    assert.deepEqual(values, JSON.parse(decoder.decode(bytes)));
  }));
});

Deno.test("ElementScan stops where the array breaks off", () => {
  const scan = new ElementScan(encoder.encode('[1, {"a"'), 0);
  assert.ok(scan.next());
  assert.equal(scan.next(), false);
  assert.equal(new ElementScan(encoder.encode("{}"), 0).next(), false);
});

Deno.test("skipValue() walks over a million open brackets without a deep stack", () => {
  const depth = 1_000_000;
  const bytes = encoder.encode("[".repeat(depth) + "]".repeat(depth));
  assert.equal(skipValue(bytes, 0), bytes.length);
  assert.equal(skipValue(bytes.subarray(0, bytes.length - 1), 0), MALFORMED);
});

Deno.test("skipWhitespace() passes over JSON's four kinds and no other", () => {
  assert.equal(skipWhitespace(encoder.encode(" \t\r\n\u00a0"), 0), 4);
  assert.equal(skipWhitespace(encoder.encode("  "), 0), 2);
});

/** Applies a reader to the whole text. */
function readAs<Value>(
  read: (bytes: Uint8Array, start: number, end: number) => Value,
  text: string,
): Value {
  const bytes = encoder.encode(text);
  return read(bytes, 0, bytes.length);
}

Deno.test("readString() decodes as JSON.parse does", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (value) => {
    assert.equal(readAs(readString, JSON.stringify(value)), value);
    const escaped = [...Array(value.length).keys()]
      .map((index) => "\\u" + value.charCodeAt(index).toString(16).padStart(4, "0")).join("");
    assert.equal(readAs(readString, `"${escaped}"`), value);
  }));
  assert.equal(readAs(readString, '"\ufeffa"'), "\ufeffa");
});

Deno.test("readString() is null for what is no string, and for a broken escape", () => {
  for (const text of ["1", "null", "[]", '"\\x"', '"\\u12"']) assert.equal(readAs(readString, text), null);
});

Deno.test("readNumber() reads every number that JSON.parse reads, to the same value", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
    assert.equal(readAs(readNumber, JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
  }));
  for (const text of ["1e2", "1.0", "-0", "1E+2", "9007199254740993", "1e400"]) {
    assert.equal(readAs(readNumber, text), JSON.parse(text));
  }
});

Deno.test("readNumber() is null for what is no JSON number", () => {
  for (const text of ["", "01", "+1", "1.", ".5", "0x10", "1e", "NaN", "Infinity", '"1"', "null", "1 2"]) {
    assert.equal(readAs(readNumber, text), null, text);
  }
});

Deno.test("readBoolean() is null for all but the two", () => {
  assert.equal(readAs(readBoolean, "true"), true);
  assert.equal(readAs(readBoolean, "false"), false);
  for (const text of ["null", '"true"', "1", "truer"]) assert.equal(readAs(readBoolean, text), null);
});

Deno.test("readSnowflake() reads strings and integers of up to 64 bits, and nothing else", () => {
  assert.equal(readAs(readSnowflake, '"613425648685547541"'), 613425648685547541n);
  assert.equal(readAs(readSnowflake, "613425648685547541"), 613425648685547541n);
  assert.equal(readAs(readSnowflake, '"18446744073709551615"'), 2n ** 64n - 1n);
  for (const text of ['"18446744073709551616"', '""', "-1", "1.5", '"1a"', "null", "{}", '" 1"', "1e3"]) {
    assert.equal(readAs(readSnowflake, text), null, text);
  }
});

Deno.test("readSnowflakeText() reads what readSnowflake() does, digit by digit", () => {
  assert.equal(readAs(readSnowflakeText, '"613425648685547541"'), "613425648685547541");
  assert.equal(readAs(readSnowflakeText, '"1000000000000000000"'), "1000000000000000000");
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 22 });
  const id = fc.oneof(
    digits,
    fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
    fc.tuple(digits, fc.constantFrom("", "a", "-", ".", "/", ":", "\\u0031"), digits).map((parts) =>
      parts.join("")
    ),
  );
  fc.assert(
    fc.property(id, fc.boolean(), (digits, isText) => {
      const text = isText ? `"${digits}"` : digits;
      const snowflake = readAs(readSnowflake, text);
      assert.equal(readAs(readSnowflakeText, text), snowflake === null ? null : String(snowflake), text);
    }),
    { numRuns: 2_000 },
  );
});
