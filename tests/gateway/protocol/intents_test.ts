import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ALL_INTENTS,
  DEFAULT_INTENTS,
  Intent,
  INTENT_NAMES,
  intentNames,
  privilegedIntentNames,
  undefinedIntentBits,
} from "../../../gateway/protocol/intents.ts";

Deno.test("ALL_INTENTS holds the 21 documented bits", () => {
  assert.equal(INTENT_NAMES.length, 21);
  assert.equal(ALL_INTENTS, 53_608_447);
});

Deno.test("DEFAULT_INTENTS are the non-privileged ones without typing", () => {
  assert.equal(DEFAULT_INTENTS, 53_575_421 - 2048 - 16_384);
});

Deno.test("privilegedIntentNames() names what needs the owner's consent", () => {
  assert.deepEqual(privilegedIntentNames(ALL_INTENTS), [
    "GUILD_MEMBERS",
    "GUILD_PRESENCES",
    "MESSAGE_CONTENT",
  ]);
  assert.deepEqual(privilegedIntentNames(Intent.GUILDS | Intent.MESSAGE_CONTENT), ["MESSAGE_CONTENT"]);
  assert.deepEqual(privilegedIntentNames(DEFAULT_INTENTS), []);
});

Deno.test("intentNames() gives back every set of names that bits were made of", () => {
  fc.assert(fc.property(fc.subarray([...INTENT_NAMES]), (names) => {
    const bits = names.reduce((sum, name) => sum | Intent[name], 0);
    assert.deepEqual(intentNames(bits), names);
    assert.deepEqual(undefinedIntentBits(bits), []);
  }));
});

Deno.test("undefinedIntentBits() lists every bit Discord does not document", () => {
  assert.deepEqual(undefinedIntentBits(ALL_INTENTS), []);
  assert.deepEqual(undefinedIntentBits(2 ** 31 - 1), [17, 18, 19, 22, 23, 26, 27, 28, 29, 30]);
  assert.deepEqual(undefinedIntentBits(2 ** 40 + Intent.GUILDS), [40]);
});
