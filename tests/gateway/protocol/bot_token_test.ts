import assert from "node:assert/strict";
import * as fc from "fast-check";
import { botId } from "../../../gateway/protocol/bot_token.ts";

Deno.test("botId() reads the user id out of the token's first segment", () => {
  assert.equal(botId("MjM4NDk0NzU2NTIxMzc3Nzky.CunGFQ.wUILz7z6HoJzVeq6pyHPmVgQgV4"), "238494756521377792");
});

Deno.test("botId() takes an id of any length a snowflake has, with padding and without", () => {
  const ids = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
  fc.assert(fc.property(ids, (id) => {
    const padded = btoa(id);
    assert.equal(botId(`${padded}.CunGFQ.secret`), id);
    assert.equal(botId(`${padded.replaceAll("=", "")}.CunGFQ.secret`), id);
  }));
});

Deno.test("botId() is null where the token does not tell", () => {
  const tokens = [
    "",
    ".",
    "test-token",
    "MTIz!.CunGFQ.secret",
    `.${btoa("123")}.secret`,
    `${btoa("")}.CunGFQ.secret`,
    `${btoa("12a")}.CunGFQ.secret`,
    `${btoa("-1")}.CunGFQ.secret`,
    `${btoa("12\n")}.CunGFQ.secret`,
    `${btoa("1".repeat(21))}.CunGFQ.secret`,
    `${btoa("é")}.CunGFQ.secret`,
  ];
  for (const token of tokens) assert.equal(botId(token), null, token);
});

Deno.test("botId() bears anything", () => {
  fc.assert(fc.property(fc.string(), (token) => {
    assert.match(botId(token) ?? "0", /^\d{1,20}$/);
  }));
});
