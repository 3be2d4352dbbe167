import assert from "node:assert/strict";
import fc from "fast-check";
import { EventChoice } from "../../../gateway/delivery/event_choice.ts";

const CASES: readonly [allow: string, deny: string, wanted: string, unwanted: string][] = [
  ["*", "", "READY MESSAGE_CREATE A_NAME_OF_TOMORROW", ""],
  ["*", "TYPING_START", "MESSAGE_CREATE TYPING_STARTED", "TYPING_START"],
  ["GUILD_*,READY", "", "GUILD_CREATE GUILD_ READY", "GUILD MESSAGE_CREATE READY_"],
  ["GUILD_*", "GUILD_MEMBER_*", "GUILD_CREATE GUILD_MEMBERS_CHUNK", "GUILD_MEMBER_ADD MESSAGE_CREATE"],
  ["READY", "READY", "", "READY"],
  ["*", "*", "", "READY MESSAGE_CREATE"],
  ["", "", "", "READY"],
];

const list = (text: string, separator: string) => text.split(separator).filter((part) => part !== "");

for (const [allow, deny, wanted, unwanted] of CASES) {
  Deno.test(`EventChoice that allows "${allow}" and denies "${deny}"`, () => {
    const choice = new EventChoice(list(allow, ","), list(deny, ","));
    for (let time = 1; time <= 2; time++) {
      for (const type of list(wanted, " ")) assert.equal(choice.isWanted(type), true, type);
      for (const type of list(unwanted, " ")) assert.equal(choice.isWanted(type), false, type);
    }
  });
}

Deno.test("EventChoice.isWanted() says the same however many other names it was asked for meanwhile", () => {
  const choice = new EventChoice(["A*"], ["AB*"]);
  fc.assert(
    fc.property(fc.stringMatching(/^[AB]{1,3}[0-9]{0,4}$/), (type) => {
      assert.equal(choice.isWanted(type), type.startsWith("A") && !type.startsWith("AB"));
    }),
    { numRuns: 3_000 },
  );
});
