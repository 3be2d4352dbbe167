import assert from "node:assert/strict";
import type { CheckedCommand } from "../../../dashboard/commands/command_checks.ts";
import {
  checkMemberRequest,
  checkPresence,
  checkVoiceState,
  type MemberRequestFields,
  type PresenceFields,
  type VoiceStateFields,
} from "../../../dashboard/commands/command_forms.ts";

const GUILD = "81384788765712384";
/** (81384788765712384 >> 22) % 16 */
const GUILD_SHARD = 2;

const VOICE: VoiceStateFields = { guild: GUILD, channel: "", mute: false, deaf: true };
const MEMBERS: MemberRequestFields = {
  guild: GUILD,
  query: "",
  ids: "",
  limit: "",
  presences: false,
  nonce: "",
};
const PRESENCE: PresenceFields = {
  status: "idle",
  type: "3",
  name: "the stars",
  state: "",
  url: "",
  shards: "all",
};

function commandOf(checked: CheckedCommand): unknown {
  assert(checked.ok, JSON.stringify(checked));
  return JSON.parse(checked.text);
}

function fieldsOf(checked: CheckedCommand): string[] {
  return checked.ok ? [] : checked.problems.map(({ field }) => field);
}

Deno.test("checkVoiceState() makes the command for the shard that the guild is on", () => {
  const checked = checkVoiceState({ ...VOICE, guild: ` ${GUILD}\n`, channel: "127121515262115840" }, 16);
  assert.deepEqual(commandOf(checked), {
    op: 0,
    shard: GUILD_SHARD,
    data: {
      op: 4,
      d: { guild_id: GUILD, channel_id: "127121515262115840", self_mute: false, self_deaf: true },
    },
  });
  assert(checked.ok);
  assert.equal(checked.action, `Voice state in guild ${GUILD}: channel 127121515262115840`);
  assert.equal(checked.shards, "2");
});

Deno.test("checkVoiceState() leaves the channel where none is named", () => {
  assert.match(JSON.stringify(commandOf(checkVoiceState(VOICE, 16))), /"channel_id":null/);
});

Deno.test("checkVoiceState() says which field is wrong", () => {
  for (const guild of ["", "0", "abc", "18446744073709551616", "-1", "1 2"]) {
    assert.deepEqual(fieldsOf(checkVoiceState({ ...VOICE, guild }, 16)), ["guild"], guild);
  }
  assert.deepEqual(fieldsOf(checkVoiceState({ ...VOICE, channel: "general" }, 16)), ["channel"]);
  assert.deepEqual(fieldsOf(checkVoiceState({ ...VOICE, guild: "x", channel: "x" }, 16)), [
    "guild",
    "channel",
  ]);
  assert.deepEqual(fieldsOf(checkVoiceState(VOICE, null)), ["guild"]);
});

Deno.test("checkMemberRequest() asks for all, for names, and for ids", () => {
  const dataOf = (fields: Partial<MemberRequestFields>) => {
    const { data } = commandOf(checkMemberRequest({ ...MEMBERS, ...fields }, 16)) as { data: unknown };
    return data;
  };
  assert.deepEqual(dataOf({}), { op: 8, d: { guild_id: GUILD, query: "", limit: 0 } });
  assert.deepEqual(dataOf({ query: "ad", limit: "5", presences: true, nonce: "n" }), {
    op: 8,
    d: { guild_id: GUILD, query: "ad", limit: 5, presences: true, nonce: "n" },
  });
  assert.deepEqual(dataOf({ ids: "1, 2\n18446744073709551615" }), {
    op: 8,
    d: { guild_id: GUILD, user_ids: ["1", "2", "18446744073709551615"] },
  });
});

Deno.test("checkMemberRequest() says which field is wrong, and never asks for all instead", () => {
  const fields = (fields: Partial<MemberRequestFields>) =>
    fieldsOf(checkMemberRequest({ ...MEMBERS, ...fields }, 16));
  assert.deepEqual(fields({ query: "ad", limit: "0" }), ["limit"]);
  assert.deepEqual(fields({ query: "ad", limit: "101" }), ["limit"]);
  assert.deepEqual(fields({ limit: "-1" }), ["limit"]);
  assert.deepEqual(fields({ ids: "ada" }), ["ids"]);
  assert.deepEqual(fields({ ids: "1, x" }), ["ids"]);
  assert.deepEqual(fields({ ids: Array(101).fill("1").join(" ") }), ["ids"]);
  assert.deepEqual(fields({ ids: "1", query: "ad" }), ["query"]);
  assert.deepEqual(fields({ nonce: "x".repeat(33) }), ["nonce"]);
});

Deno.test("checkPresence() makes the command that Discord's documentation asks for", () => {
  const checked = checkPresence({ ...PRESENCE, shards: "3, 0-1" }, 16);
  assert.deepEqual(commandOf(checked), {
    op: 0,
    shard: [0, 1, 3],
    data: {
      op: 3,
      d: { since: null, activities: [{ name: "the stars", type: 3 }], status: "idle", afk: false },
    },
  });
  assert(checked.ok);
  assert.equal(checked.action, "Presence idle, Watching the stars");
  assert.equal(checked.shards, "0-1, 3");
});

Deno.test("checkPresence() names one shard by its number, as every service of the contract takes it", () => {
  const shardOf = (shards: string) =>
    (commandOf(checkPresence({ ...PRESENCE, shards }, 16)) as { shard: unknown }).shard;
  assert.deepEqual(["3", "0-1", "all"].map(shardOf), [3, [0, 1], "all"]);
});

Deno.test("checkPresence() gives each kind of activity what Discord shows of it", () => {
  const activities = (fields: Partial<PresenceFields>) => {
    const command = commandOf(checkPresence({ ...PRESENCE, ...fields }, null)) as {
      data: { d: { activities: unknown } };
    };
    return command.data.d.activities;
  };
  assert.deepEqual(activities({ type: "" }), []);
  assert.deepEqual(activities({ type: "0", state: "in a lobby" }), [
    { name: "the stars", type: 0, state: "in a lobby" },
  ]);
  assert.deepEqual(activities({ type: "4", name: "passed over", state: "hello" }), [
    { name: "Custom Status", type: 4, state: "hello" },
  ]);
  for (const url of ["https://twitch.tv/a", "https://www.twitch.tv/a", "https://www.youtube.com/watch?v=a"]) {
    assert.deepEqual(activities({ type: "1", url }), [{ name: "the stars", type: 1, url }]);
  }
});

Deno.test("checkPresence() says which field is wrong", () => {
  const fields = (fields: Partial<PresenceFields>) => fieldsOf(checkPresence({ ...PRESENCE, ...fields }, 16));
  assert.deepEqual(fields({ status: "busy" }), ["status"]);
  assert.deepEqual(fields({ type: "9" }), ["type"]);
  assert.deepEqual(fields({ name: " " }), ["name"]);
  assert.deepEqual(fields({ name: "x".repeat(129) }), ["name"]);
  assert.deepEqual(fields({ state: "x".repeat(129) }), ["state"]);
  assert.deepEqual(fields({ type: "4", state: " " }), ["state"]);
  for (
    const url of [
      "",
      "twitch.tv/a",
      "https://twitch.tv.example/a",
      "http://twitch.tv/a",
      "https://twitch.tv/",
    ]
  ) {
    assert.deepEqual(fields({ type: "1", url }), ["url"], url);
  }
  assert.deepEqual(fields({ shards: "some" }), ["shards"]);
  assert.deepEqual(fields({ shards: "0-16" }), ["shards"]);
  assert.deepEqual(fields({ shards: "x", status: "", type: "1", name: "", url: "" }), [
    "shards",
    "status",
    "name",
    "url",
  ]);
});

Deno.test("checkPresence() finds that too many shards are named in too few bytes to matter", () => {
  const checked = checkPresence({
    ...PRESENCE,
    shards: "0-65535",
    name: "😀".repeat(64),
    state: "é".repeat(128),
  }, null);
  assert(checked.ok);
  assert.equal(checked.shards, "0-65535");
});
