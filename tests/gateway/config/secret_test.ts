import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Secret } from "../../../gateway/config/secret.ts";

Deno.test("Secret prints as <redacted> in every way of printing", () => {
  const secret = new Secret("hunter2");
  const ways = [
    `${secret}`,
    String(secret),
    secret + "",
    JSON.stringify({ secret }),
    Deno.inspect({ secret }, { showHidden: true }),
    inspect({ secret }, { showHidden: true }),
    Object.entries(secret).join(),
  ];
  for (const text of ways.slice(0, -1)) assert.match(text, /<redacted>/);
  for (const text of ways) assert.doesNotMatch(text, /hunter2/);
});

Deno.test("Secret.reveal() gives the text", () => {
  assert.equal(new Secret("hunter2").reveal(), "hunter2");
});
