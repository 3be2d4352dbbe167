import assert from "node:assert/strict";
import { EXIT_CONFIGURATION, EXIT_REFUSED, exitOfCloseCode } from "../../gateway/exit.ts";
import { closeCode, knownCloseCodes } from "../../gateway/protocol/close_codes.ts";
import { Intent } from "../../gateway/protocol/intents.ts";

Deno.test("exitOfCloseCode() has a status and one helpful line for every code that stops", () => {
  const expected = new Map([
    [4004, { status: EXIT_REFUSED, names: "BOT_TOKEN" }],
    [4010, { status: EXIT_CONFIGURATION, names: "SHARDS_TOTAL" }],
    [4011, { status: EXIT_CONFIGURATION, names: "SHARDS_TOTAL" }],
    [4012, { status: EXIT_CONFIGURATION, names: "API_VERSION" }],
    [4013, { status: EXIT_CONFIGURATION, names: "INTENTS" }],
    [4014, { status: EXIT_REFUSED, names: "INTENTS" }],
  ]);
  assert.deepEqual([EXIT_REFUSED, EXIT_CONFIGURATION], [77, 78]);
  assert.deepEqual(knownCloseCodes().filter((code) => closeCode(code).next === "stop"), [...expected.keys()]);
  for (const [code, { status, names }] of expected) {
    const exit = exitOfCloseCode(code, Intent.GUILDS);
    assert.equal(exit.status, status, `${code}`);
    assert.match(exit.message, new RegExp(`close code ${code}`));
    assert.match(exit.message, new RegExp(names));
    assert.doesNotMatch(exit.message, /\n/);
  }
});

Deno.test("exitOfCloseCode() names the privileged intents that were asked for, and no others", () => {
  const intents = Intent.GUILDS | Intent.GUILD_MEMBERS | Intent.MESSAGE_CONTENT;
  const { message } = exitOfCloseCode(4014, intents);
  assert.match(message, /GUILD_MEMBERS, MESSAGE_CONTENT/);
  assert.doesNotMatch(message, /GUILD_PRESENCES|GUILDS/);
  assert.match(exitOfCloseCode(4014, Intent.GUILDS).message, /none of those known here/);
});

Deno.test("exitOfCloseCode() says something of a code without advice of its own", () => {
  const exit = exitOfCloseCode(4999, 0);
  assert.equal(exit.status, EXIT_CONFIGURATION);
  assert.match(exit.message, /4999.*check the settings/);
});
