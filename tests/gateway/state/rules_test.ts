import assert from "node:assert/strict";
import {
  type Effect,
  effectOf,
  EFFECTS,
  keptEffectOf,
  type KeptKinds,
} from "../../../gateway/state/rules.ts";
import { EVENT_NAMES } from "../../../simulator/world/events.ts";
import { Page } from "../../markdown.ts";

/** What the wire contract says of each event, in the words of its table, and what that is to us. */
const EFFECTS_IN_WORDS: readonly (readonly [words: string, effect: Effect])[] = [
  [
    "sets `bot_user`, and a stub for each guild; clears the guilds of its shard that are kept and that it does not name any more",
    "set_bot_user_and_stubs",
  ],
  ["sets `bot_user`", "set_bot_user"],
  [
    "clears what is kept of the guild and writes it anew, threads among its channels; the guild itself last; the messages of channels that it does not list any more go too (**own**)",
    "write_guild",
  ],
  ["sets the guild", "set_guild"],
  [
    "clears the guild; with `unavailable` true its `d` stays as a stub; otherwise the messages of its channels go too (**own**)",
    "clear_guild",
  ],
  ["sets the role", "set_role"],
  ["deletes the role", "delete_role"],
  ["replaces the emojis of the guild", "replace_emojis"],
  ["sets the member", "set_member"],
  ["changes the fields that it carries, of a member that is kept", "change_member"],
  ["deletes the member and its presence", "delete_member_and_presence"],
  ["sets members", "set_members"],
  ["sets the presence", "set_presence"],
  [
    "sets the voice state; with `channel_id` null deletes it; without `guild_id` nothing",
    "set_or_delete_voice",
  ],
  ["sets the channel", "set_channel"],
  ["deletes the channel, and its messages (**own**)", "delete_channel"],
  ["changes `last_pin_timestamp` of a channel that is kept; without that field nothing", "change_pins"],
  ["sets each of its threads", "set_threads"],
  ["sets the message", "set_message"],
  ["changes the fields that it carries, of a message that is kept", "change_message"],
  ["deletes the message", "delete_message"],
  ["deletes each of them", "delete_messages"],
];

/** The rows of the table in the wire contract: an event, and what it does. */
const section = (await Page.read("docs/contract.md")).section("State cache");
const CONTRACT = section.table("event").flatMap(([events = "", words = ""]) =>
  events.split(", ").map((event) => [event, words] as const)
);

Deno.test("EFFECTS names each event that Discord documents, and no other", () => {
  assert.equal(EVENT_NAMES.length, 79);
  assert.deepEqual(Object.keys(EFFECTS).toSorted(), [...EVENT_NAMES].toSorted());
});

for (const [event, words] of CONTRACT) {
  Deno.test(`${event} does to the state cache what the wire contract says`, () => {
    const effect = EFFECTS_IN_WORDS.find(([known]) => known === words)?.[1];
    assert(effect !== undefined, `The wire contract says "${words}", which no effect stands for`);
    assert.equal(effectOf(event), effect);
  });
}

Deno.test("An event that the wire contract does not name touches nothing", () => {
  assert(section.text.includes("All other events touch nothing."));
  const named = CONTRACT.map(([event]) => event);
  assert.equal(new Set(named).size, named.length, "no event has two rows");
  for (const event of EVENT_NAMES) {
    assert.equal(effectOf(event) !== "nothing", named.includes(event), event);
  }
});

Deno.test("Each effect is one that the wire contract has", () => {
  const effects = new Set(Object.values(EFFECTS).filter((effect) => effect !== "nothing"));
  assert.deepEqual([...effects].toSorted(), EFFECTS_IN_WORDS.map(([, effect]) => effect).toSorted());
});

const KEPT: KeptKinds = { messages: true, presences: true, emojis: true, voices: true };

for (
  const [kind, events] of [
    ["messages", ["MESSAGE_CREATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK", "MESSAGE_UPDATE"]],
    ["presences", ["PRESENCE_UPDATE"]],
    ["emojis", ["GUILD_EMOJIS_UPDATE"]],
    ["voices", ["VOICE_STATE_UPDATE"]],
  ] as const
) {
  Deno.test(`keptEffectOf(): where no ${kind} are kept their events do nothing, and all others what they do`, () => {
    const without = Object.keys(EFFECTS).filter((event) =>
      keptEffectOf(event, { ...KEPT, [kind]: false }) !== effectOf(event)
    );
    assert.deepEqual(without.toSorted(), events);
    for (const event of events) {
      assert.equal(keptEffectOf(event, { ...KEPT, [kind]: false }), "nothing");
      assert.equal(keptEffectOf(event, KEPT), effectOf(event));
    }
  });
}

Deno.test("effectOf() knows of nothing that an event does which nobody has documented", () => {
  for (const event of ["MADE_UP", "", "guild_create", "constructor", "__proto__", "toString"]) {
    assert.equal(effectOf(event), "nothing", event);
  }
});
