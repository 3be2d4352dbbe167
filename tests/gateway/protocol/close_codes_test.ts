import assert from "node:assert/strict";
import {
  closeCode,
  END_SESSION,
  knownCloseCodes,
  LEAVE_RESUMABLY,
  RATE_LIMITED,
} from "../../../gateway/protocol/close_codes.ts";

Deno.test("closeCode() lets an undocumented code be resumed", () => {
  for (const code of [1002, 1011, 1012, 3000, 4006, 4015, 4999, 0, -1, NaN]) {
    assert.deepEqual(closeCode(code), { meaning: "undocumented", next: "resume" }, `${code}`);
  }
});

Deno.test("closeCode() means something by every code with a row", () => {
  for (const code of knownCloseCodes()) {
    assert.notEqual(closeCode(code).meaning, "undocumented");
    assert.match(closeCode(code).meaning, /^[a-z][^\n]*$/, "one line, fit for the middle of a sentence");
  }
});

Deno.test("the codes with which we leave keep or end the session as Discord reads them", () => {
  assert(LEAVE_RESUMABLY >= 4000 && LEAVE_RESUMABLY < 5000);
  assert.equal(END_SESSION, 1000);
  assert.equal(closeCode(RATE_LIMITED).meaning, "rate limited");
});
