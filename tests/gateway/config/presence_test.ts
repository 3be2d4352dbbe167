import assert from "node:assert/strict";
import { presenceOf } from "../../../gateway/config/presence.ts";

Deno.test("presenceOf() sets an activity where it has a name", () => {
  assert.deepEqual(presenceOf("dnd", 3, "the stars"), {
    since: null,
    activities: [{ name: "the stars", type: 3 }],
    status: "dnd",
    afk: false,
  });
});

Deno.test("presenceOf() takes an activity without a type for playing", () => {
  assert.deepEqual(presenceOf("online", null, "chess").activities, [{ name: "chess", type: 0 }]);
});

Deno.test("presenceOf() sets no activity without a name, whatever its type", () => {
  assert.deepEqual(presenceOf("idle", 0, null), { since: null, activities: [], status: "idle", afk: false });
});

Deno.test("presenceOf() puts the text of a custom status where Discord shows it", () => {
  assert.deepEqual(presenceOf("online", 4, "on holiday").activities, [
    { name: "Custom Status", type: 4, state: "on holiday" },
  ]);
});
