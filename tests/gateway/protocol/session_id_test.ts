import assert from "node:assert/strict";
import { isSessionId } from "../../../gateway/protocol/session_id.ts";

Deno.test("isSessionId() takes what Discord sends, and up to 200 printable characters", () => {
  for (const text of ["0123456789abcdef0123456789abcdef", "!", "~".repeat(200)]) {
    assert.equal(isSessionId(text), true, text);
  }
});

Deno.test("isSessionId() takes nothing else", () => {
  for (const text of ["", " ", "a b", "a\n", "\x00", "\x7f", "sésame", "😀", "~".repeat(201)]) {
    assert.equal(isSessionId(text), false, text);
  }
});
