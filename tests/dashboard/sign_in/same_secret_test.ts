import assert from "node:assert/strict";
import { isSameSecret } from "../../../dashboard/sign_in/same_secret.ts";

Deno.test("isSameSecret() is true for the same text alone, whatever the lengths", () => {
  assert(isSameSecret("correct horse", "correct horse"));
  assert(isSameSecret("", ""));
  for (const other of ["", "correct", "correct horse ", "Correct horse", "x".repeat(60_000)]) {
    assert(!isSameSecret(other, "correct horse"), other.slice(0, 20));
  }
});
