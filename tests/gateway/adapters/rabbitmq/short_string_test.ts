import assert from "node:assert/strict";
import * as fc from "fast-check";
import { shortString } from "../../../../gateway/adapters/rabbitmq/short_string.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("shortString() leaves alone what fits", () => {
  for (const text of ["", "MESSAGE_CREATE", "x".repeat(255), "é".repeat(127), "😀".repeat(63)]) {
    assert.equal(shortString(text), text);
  }
});

Deno.test("shortString() cuts to 255 bytes, never within a character, and no earlier than it must", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme", minLength: 60, maxLength: 400 }), (text) => {
    const cut = shortString(text);
    assert(text.startsWith(cut));
    assert(bytesOf(cut).length <= 255);
    if (cut !== text) assert(bytesOf(cut).length >= 252);
  }));
});
