import assert from "node:assert/strict";
import { StateModel, type StateModelSettings } from "./model.ts";

const ALL = { prefix: "", member: true, message: true, presence: true, emoji: true, voice: true };
const NONE = { prefix: "", member: false, message: false, presence: false, emoji: false, voice: false };

const BOT = { id: "900", username: "bot" };
/** Of shard 0 of 2, as {@link OTHER} is of shard 1. */
const GUILD = String(2n << 22n);
const OTHER = String(3n << 22n);

const member = (id: string, nick: string | null = null) => ({ user: { id }, nick, roles: ["1"] });
const message = (id: string, content = "") => ({ id, channel_id: "10", guild_id: GUILD, content });

/** A guild with one of each. */
const WHOLE = {
  id: GUILD,
  name: "A guild",
  channels: [{ id: "10", name: "general" }],
  threads: [{ id: "11", parent_id: "10" }],
  roles: [{ id: "20" }],
  emojis: [{ id: "30" }],
  members: [member("40"), member(BOT.id)],
  presences: [{ user: { id: "40" }, status: "online" }],
  voice_states: [{ user_id: "40", channel_id: "12" }],
};

/** What a guild's own value has in any case. */
const EMPTY = { channels: [], roles: [], emojis: [], voice_states: [], members: [], presences: [] };

type Event = readonly [t: string, d: unknown];

/** A model that has taken in these events, and what each of them said was there before. */
function after(events: readonly Event[], settings: StateModelSettings = ALL) {
  const model = new StateModel(settings);
  const olds = events.map(([t, d]) => model.apply(t, d, { shard: 0, shardsTotal: 2, botId: BOT.id }));
  return { keys: Object.fromEntries(model.keys()), sets: Object.fromEntries(model.sets()), old: olds.at(-1) };
}

const CREATED: Event = ["GUILD_CREATE", WHOLE];
const WRITTEN: Event = ["MESSAGE_CREATE", message("50", "a")];

Deno.test("READY sets the bot's user and stubs, and clears guilds of its shard that it does not name", () => {
  const stub = { id: "4194304000", unavailable: true };
  const { keys, sets, old } = after([
    CREATED,
    WRITTEN,
    ["GUILD_CREATE", { id: OTHER, roles: [{ id: "21" }] }],
    ["READY", { user: BOT, guilds: [stub] }],
  ]);
  assert.deepEqual(keys, {
    bot_user: BOT,
    [`guild:${OTHER}`]: { id: OTHER, ...EMPTY },
    [`role:${OTHER}:21`]: { id: "21" },
    "guild:4194304000": stub,
  });
  assert.deepEqual(sets["guild_keys"], new Set([`guild:${OTHER}`, "guild:4194304000"]));
  assert.equal(old, undefined);
});

Deno.test("READY leaves the parts of a guild that it names", () => {
  const { keys } = after([CREATED, ["READY", { user: BOT, guilds: [{ id: GUILD, unavailable: true }] }]]);
  assert.deepEqual(keys[`guild:${GUILD}`], { id: GUILD, unavailable: true });
  assert.deepEqual(keys[`role:${GUILD}:20`], { id: "20" });
});

Deno.test("USER_UPDATE sets the bot's user", () => {
  const renamed = { ...BOT, username: "renamed" };
  const { keys, sets, old } = after([["READY", { user: BOT, guilds: [] }], ["USER_UPDATE", renamed]]);
  assert.deepEqual([keys, sets, old], [{ bot_user: renamed }, {}, BOT]);
});

Deno.test("GUILD_CREATE writes every part under a key of its own, and all sets", () => {
  const { keys, sets, old } = after([CREATED]);
  const parts = {
    "channel:10": { id: "10", name: "general", guild_id: GUILD },
    "channel:11": { id: "11", parent_id: "10", guild_id: GUILD },
    [`role:${GUILD}:20`]: { id: "20" },
    [`emoji:${GUILD}:30`]: { id: "30" },
    [`member:${GUILD}:40`]: member("40"),
    [`member:${GUILD}:900`]: member("900"),
    [`presence:${GUILD}:40`]: { user: { id: "40" }, status: "online" },
    [`voice:${GUILD}:40`]: { user_id: "40", channel_id: "12" },
  };
  assert.deepEqual(keys, {
    ...parts,
    [`guild:${GUILD}`]: {
      id: GUILD,
      name: "A guild",
      threads: WHOLE.threads,
      ...EMPTY,
    },
  });
  assert.deepEqual(sets, {
    guild_keys: new Set([`guild:${GUILD}`]),
    channel_keys: new Set(["channel:10", "channel:11"]),
    role_keys: new Set([`role:${GUILD}:20`]),
    emoji_keys: new Set([`emoji:${GUILD}:30`]),
    member_keys: new Set([`member:${GUILD}:40`, `member:${GUILD}:900`]),
    presence_keys: new Set([`presence:${GUILD}:40`]),
    voice_keys: new Set([`voice:${GUILD}:40`]),
    [`guild_keys:${GUILD}`]: new Set(Object.keys(parts)),
  });
  assert.equal(old, undefined);
});

Deno.test("GUILD_CREATE keeps of what is switched off only the bot's own member", () => {
  const { keys } = after([CREATED, WRITTEN], NONE);
  assert.deepEqual(Object.keys(keys).sort(), [
    "channel:10",
    "channel:11",
    `guild:${GUILD}`,
    `member:${GUILD}:900`,
    `role:${GUILD}:20`,
  ]);
});

Deno.test("GUILD_CREATE clears what was kept of the guild, but not the messages of channels that it lists", () => {
  const inThread: Event = ["MESSAGE_CREATE", { id: "51", channel_id: "11", guild_id: GUILD }];
  const anew = (lists: object) => {
    const create: Event = ["GUILD_CREATE", { id: GUILD, name: "Anew", ...lists }];
    const { keys, sets, old } = after([CREATED, WRITTEN, inThread, create]);
    assert.equal((old as { name: string }).name, "A guild");
    assert.equal((keys[`guild:${GUILD}`] as { name: string }).name, "Anew");
    assert.equal(keys[`role:${GUILD}:20`], undefined);
    const messages = Object.keys(keys).filter((key) => key.startsWith("message:"));
    assert.deepEqual([...sets["message_keys"] ?? []], messages);
    return messages;
  };
  assert.deepEqual(anew({}), []);
  assert.deepEqual(anew({ channels: [{ id: "10" }] }), ["message:10:50"]);
  assert.deepEqual(anew({ channels: [{ id: "12" }], threads: [{ id: "11" }] }), ["message:11:51"]);
  assert.deepEqual(anew({ channels: [{ id: "10" }, { id: "11" }] }), ["message:10:50", "message:11:51"]);
});

Deno.test("GUILD_UPDATE sets the guild and leaves its parts", () => {
  const { keys, old } = after([CREATED, ["GUILD_UPDATE", {
    id: GUILD,
    name: "Renamed",
    roles: [{ id: "29" }],
  }]]);
  assert.deepEqual(keys[`guild:${GUILD}`], { id: GUILD, name: "Renamed", ...EMPTY });
  assert.equal(Object.keys(keys).length, 9);
  assert.equal((old as { name: string }).name, "A guild");
});

Deno.test("GUILD_DELETE clears the guild and the messages of its channels", () => {
  const { keys, sets, old } = after([CREATED, WRITTEN, ["GUILD_DELETE", { id: GUILD }]]);
  assert.deepEqual([keys, sets], [{}, {}]);
  assert.equal((old as { name: string }).name, "A guild");
});

Deno.test("GUILD_DELETE leaves a stub, and messages, where the guild is only away", () => {
  const stub = { id: GUILD, unavailable: true };
  const { keys, sets } = after([CREATED, WRITTEN, ["GUILD_DELETE", stub]]);
  assert.deepEqual(keys, { "message:10:50": message("50", "a"), [`guild:${GUILD}`]: stub });
  assert.deepEqual(sets["guild_keys"], new Set([`guild:${GUILD}`]));
  assert.equal(sets[`guild_keys:${GUILD}`], undefined);
});

for (const t of ["GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"]) {
  Deno.test(`${t} sets the role`, () => {
    const { keys, old } = after([CREATED, [t, { guild_id: GUILD, role: { id: "20", name: "b" } }]]);
    assert.deepEqual([keys[`role:${GUILD}:20`], old], [{ id: "20", name: "b" }, { id: "20" }]);
  });
}

Deno.test("GUILD_ROLE_DELETE deletes the role", () => {
  const { keys, sets, old } = after([CREATED, ["GUILD_ROLE_DELETE", { guild_id: GUILD, role_id: "20" }]]);
  assert.deepEqual([keys[`role:${GUILD}:20`], sets["role_keys"], old], [undefined, undefined, { id: "20" }]);
});

Deno.test("GUILD_EMOJIS_UPDATE replaces the emojis", () => {
  const update: Event = ["GUILD_EMOJIS_UPDATE", { guild_id: GUILD, emojis: [{ id: "31" }] }];
  const { keys, sets, old } = after([CREATED, update]);
  assert.deepEqual(keys[`emoji:${GUILD}:31`], { id: "31" });
  assert.deepEqual(sets["emoji_keys"], new Set([`emoji:${GUILD}:31`]));
  assert.deepEqual(old, [{ id: "30" }]);
  assert.deepEqual(after([update]).old, undefined);
  assert.deepEqual(after([update], NONE).keys, {});
});

Deno.test("GUILD_MEMBER_ADD sets the member", () => {
  const { keys, old } = after([["GUILD_MEMBER_ADD", { guild_id: GUILD, ...member("41") }]]);
  assert.deepEqual([keys[`member:${GUILD}:41`], old], [{ guild_id: GUILD, ...member("41") }, undefined]);
});

Deno.test("GUILD_MEMBER_UPDATE changes the fields that it carries, of a member that is kept", () => {
  const update: Event = ["GUILD_MEMBER_UPDATE", { guild_id: GUILD, user: { id: "40" }, nick: "b" }];
  const { keys, old } = after([CREATED, update]);
  assert.deepEqual(keys[`member:${GUILD}:40`], { guild_id: GUILD, ...member("40", "b") });
  assert.deepEqual(old, member("40"));
  assert.deepEqual(after([update]), { keys: {}, sets: {}, old: undefined });
});

Deno.test("GUILD_MEMBER_REMOVE deletes the member and its presence", () => {
  const { keys, old } = after([CREATED, ["GUILD_MEMBER_REMOVE", { guild_id: GUILD, user: { id: "40" } }]]);
  assert.equal(keys[`member:${GUILD}:40`], undefined);
  assert.equal(keys[`presence:${GUILD}:40`], undefined);
  assert.deepEqual(keys[`voice:${GUILD}:40`], WHOLE.voice_states[0]);
  assert.deepEqual(old, member("40"));
});

Deno.test("GUILD_MEMBERS_CHUNK sets members, and nothing but members", () => {
  const chunk = {
    guild_id: GUILD,
    members: [member("42"), member("900")],
    presences: [{ user: { id: "42" } }],
  };
  const { keys, old } = after([CREATED, ["GUILD_MEMBERS_CHUNK", chunk]]);
  assert.deepEqual([keys[`member:${GUILD}:42`], keys[`presence:${GUILD}:42`]], [member("42"), undefined]);
  assert.equal(old, undefined);
  const bare = after([["GUILD_MEMBERS_CHUNK", chunk]], NONE);
  assert.deepEqual(Object.keys(bare.keys), [`member:${GUILD}:900`]);
});

Deno.test("PRESENCE_UPDATE sets the presence", () => {
  const away = { guild_id: GUILD, user: { id: "40" }, status: "idle" };
  const { keys, old } = after([CREATED, ["PRESENCE_UPDATE", away]]);
  assert.deepEqual([keys[`presence:${GUILD}:40`], old], [away, WHOLE.presences[0]]);
});

Deno.test("VOICE_STATE_UPDATE sets the voice state, deletes it with channel_id null, and needs a guild", () => {
  const moved = { guild_id: GUILD, user_id: "40", channel_id: "13" };
  const { keys, old } = after([CREATED, ["VOICE_STATE_UPDATE", moved]]);
  assert.deepEqual([keys[`voice:${GUILD}:40`], old], [moved, WHOLE.voice_states[0]]);
  const left = after([CREATED, ["VOICE_STATE_UPDATE", { ...moved, channel_id: null }]]);
  assert.deepEqual([left.keys[`voice:${GUILD}:40`], left.old], [undefined, WHOLE.voice_states[0]]);
  assert.deepEqual(after([["VOICE_STATE_UPDATE", { user_id: "40", channel_id: "13" }]]).keys, {});
});

for (const t of ["CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"]) {
  Deno.test(`${t} sets the channel`, () => {
    const changed = { id: "10", guild_id: GUILD, name: "b" };
    const { keys, sets, old } = after([CREATED, [t, changed]]);
    assert.deepEqual(keys["channel:10"], changed);
    assert(sets[`guild_keys:${GUILD}`]?.has("channel:10"));
    assert.deepEqual(old, { id: "10", name: "general", guild_id: GUILD });
    const direct = after([[t, { id: "15", type: 1 }]]);
    assert.deepEqual(direct.keys, { "channel:15": { id: "15", type: 1 } });
    assert.deepEqual(direct.sets, { channel_keys: new Set(["channel:15"]) });
  });
}

for (const t of ["CHANNEL_DELETE", "THREAD_DELETE"]) {
  Deno.test(`${t} deletes the channel and its messages`, () => {
    const { keys, sets, old } = after([CREATED, WRITTEN, [t, { id: "10", guild_id: GUILD }]]);
    assert.deepEqual([keys["channel:10"], keys["message:10:50"]], [undefined, undefined]);
    assert.deepEqual([sets["message_keys"], sets["channel_keys:10"]], [undefined, undefined]);
    assert.deepEqual(old, { id: "10", name: "general", guild_id: GUILD });
  });
}

Deno.test("CHANNEL_PINS_UPDATE changes last_pin_timestamp of a channel that is kept", () => {
  const pinned: Event = ["CHANNEL_PINS_UPDATE", {
    guild_id: GUILD,
    channel_id: "10",
    last_pin_timestamp: "2024-01-01T00:00:00+00:00",
  }];
  const { keys, old } = after([CREATED, pinned]);
  const before = { id: "10", name: "general", guild_id: GUILD };
  assert.deepEqual(keys["channel:10"], { ...before, last_pin_timestamp: "2024-01-01T00:00:00+00:00" });
  assert.deepEqual(old, before);
  assert.deepEqual(after([pinned]).keys, {});
});

Deno.test("THREAD_LIST_SYNC sets each of its threads", () => {
  const { keys, old } = after([CREATED, ["THREAD_LIST_SYNC", { guild_id: GUILD, threads: [{ id: "16" }] }]]);
  assert.deepEqual(keys["channel:16"], { id: "16", guild_id: GUILD });
  assert.deepEqual(keys["channel:11"], { id: "11", parent_id: "10", guild_id: GUILD });
  assert.equal(old, undefined);
});

Deno.test("MESSAGE_CREATE sets the message", () => {
  const { keys, sets } = after([WRITTEN]);
  assert.deepEqual(keys, { "message:10:50": message("50", "a") });
  assert.deepEqual(sets, {
    message_keys: new Set(["message:10:50"]),
    "channel_keys:10": new Set(["message:10:50"]),
  });
});

Deno.test("MESSAGE_UPDATE changes the fields that it carries, of a message that is kept", () => {
  const update: Event = ["MESSAGE_UPDATE", { id: "50", channel_id: "10", content: "b", embeds: [] }];
  const { keys, old } = after([WRITTEN, update]);
  assert.deepEqual([keys["message:10:50"], old], [{ ...message("50", "b"), embeds: [] }, message("50", "a")]);
  assert.deepEqual(after([update]).keys, {});
});

Deno.test("MESSAGE_DELETE deletes the message", () => {
  const { keys, sets, old } = after([WRITTEN, ["MESSAGE_DELETE", { id: "50", channel_id: "10" }]]);
  assert.deepEqual([keys, sets, old], [{}, {}, message("50", "a")]);
});

Deno.test("MESSAGE_DELETE_BULK deletes each of them", () => {
  const bulk: Event = ["MESSAGE_DELETE_BULK", { ids: ["50", "51", "52"], channel_id: "10" }];
  const { keys, old } = after([WRITTEN, ["MESSAGE_CREATE", message("52")], bulk]);
  assert.deepEqual([keys, old], [{}, [message("50", "a"), message("52")]]);
  assert.equal(after([bulk]).old, undefined);
});

Deno.test("Events that name nothing, and those that the contract does not list, touch nothing", () => {
  const before = after([CREATED, WRITTEN]);
  for (const d of [null, "text", [], {}, { guild_id: GUILD, id: "" }]) {
    for (
      const t of ["GUILD_CREATE", "GUILD_DELETE", "CHANNEL_DELETE", "MESSAGE_CREATE", "GUILD_MEMBER_ADD"]
    ) {
      assert.deepEqual(after([CREATED, WRITTEN, [t, d]]), before, `${t} ${JSON.stringify(d)}`);
    }
  }
  for (const t of ["TYPING_START", "MESSAGE_REACTION_ADD", "GUILD_BAN_ADD", "THREAD_MEMBERS_UPDATE"]) {
    assert.deepEqual(after([CREATED, WRITTEN, [t, message("50", "b")]]), before, t);
  }
});

Deno.test("Every name of a key, in sets too, begins with the prefix", () => {
  const { keys, sets } = after([CREATED, WRITTEN], { ...ALL, prefix: "p:" });
  const inSets = Object.values(sets).flatMap((names) => [...names]);
  for (const name of [...Object.keys(keys), ...Object.keys(sets), ...inSets]) assert.match(name, /^p:[a-z]/);
});
