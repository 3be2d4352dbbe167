import assert from "node:assert/strict";
import fc from "fast-check";
import { oneLine } from "../../gateway/one_line.ts";

Deno.test("oneLine() leaves ordinary text in any script as it is", () => {
  const text = 'Authentication failed. "日本語" — Ελληνικά 🙂';
  assert.equal(oneLine(text, 200), text);
});

Deno.test("oneLine() takes out line breaks, escape sequences and text that runs backwards", () => {
  assert.equal(oneLine("a\r\n\tb\u001b[31mc\u2028d\u202ee\u0085f\n", 200), "a b [31mc d e f");
});

Deno.test("oneLine() cuts what is too long, and says so", () => {
  assert.equal(oneLine("abcdef", 6), "abcdef");
  assert.equal(oneLine("abcdefg", 6), "abcdef…");
  assert.equal(oneLine("abcde🙂", 6), "abcde…"); // not half of the face
});

Deno.test("oneLine() makes one line of anything", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.nat(20), (text, maxLength) => {
    const line = oneLine(text, maxLength);
    assert.doesNotMatch(line, /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u);
    assert.ok(line.length <= maxLength + 1);
  }));
});
