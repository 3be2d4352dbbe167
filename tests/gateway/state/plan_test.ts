import assert from "node:assert/strict";
import { type SmallEffect, type StateKeeping, StatePlan } from "../../../gateway/state/plan.ts";
import { shownStep } from "./shown_steps.ts";

const GUILD = "1100000000000000017";
const CHANNEL = "1100000000000000033";
const USER = "1100000000000000045";
const BOT = "1100000000000000099";
const ITEM = "1100000000000000061";

const OF_GUILD = `in guild_keys:${GUILD}`;
const OF_CHANNEL = `in channel_keys:${CHANNEL}`;

const EVERYTHING: StateKeeping = {
  members: true,
  memberTtlMs: 0,
  messages: true,
  messageTtlMs: 0,
  presences: true,
  emojis: true,
  voices: true,
  old: false,
};

/** Text that no JSON printer would give back as it is: spaces, escapes, numbers that a number type rounds. */
const ODD = String.raw`"n" : 900719925474099312345, "f":1.0,"e":"\u00e9\/\ud83d","later":{"a":[ ]}`;

/** The steps of an event of which `d` is this text, as lines. */
function stepsOf(
  effect: SmallEffect,
  d: string,
  { botId = null, ...keeping }: Partial<StateKeeping> & { botId?: string | null } = {},
): string[] {
  const plan = new StatePlan({ ...EVERYTHING, ...keeping });
  plan.botId = botId;
  const before = '{"t":"X","s":1,"op":0,"d":';
  const bytes = new TextEncoder().encode(`${before}${d}}`);
  return plan.steps(effect, bytes, before.length).map(shownStep);
}

/** What is added to a guild that comes without its parts. */
const NO_PARTS = '"channels":[],"roles":[],"emojis":[],"voice_states":[],"members":[],"presences":[]';

interface Row {
  readonly effect: SmallEffect;
  /** `d` of a typical event. */
  readonly d: string;
  /** Its steps where everything is kept. */
  readonly steps: readonly string[];
  /** What it cannot do without; without one of them, or with null for it, nothing is done. */
  readonly needs: readonly string[];
  /** Nothing is done without this, which may be a part of a guild. */
  readonly keptBy?: "members" | "presences" | "voices";
  /** How many of the steps want to know what was kept before, where events are to carry it. */
  readonly olds?: number;
}

const member = `{"guild_id":"${GUILD}","user":{"name":"a","id":"${USER}"},${ODD}}`;
const message = `{"id":"${ITEM}","channel_id":"${CHANNEL}",${ODD}}`;

const ROWS: readonly Row[] = [
  {
    effect: "set_bot_user",
    d: `{${ODD},"id":"${BOT}"}`,
    steps: [`set bot_user: {${ODD},"id":"${BOT}"}`],
    needs: ["id"],
  },
  {
    effect: "set_guild",
    d: `{"id":"${GUILD}",${ODD}}`,
    steps: [`set guild:${GUILD}: {"id":"${GUILD}",${ODD},${NO_PARTS}}`],
    needs: ["id"],
  },
  {
    effect: "set_channel",
    d: `{"id":"${CHANNEL}","guild_id":"${GUILD}",${ODD}}`,
    steps: [`set channel:${CHANNEL} ${OF_GUILD}: {"id":"${CHANNEL}","guild_id":"${GUILD}",${ODD}}`],
    needs: ["id"],
  },
  {
    effect: "change_pins",
    d: `{"guild_id":"${GUILD}","channel_id":"${CHANNEL}","last_pin_timestamp": "2026-\\u0030" }`,
    steps: [`merge channel:${CHANNEL} ${OF_GUILD}: "last_pin_timestamp":"2026-\\u0030"`],
    needs: ["channel_id"],
  },
  {
    effect: "set_role",
    d: `{"guild_id":"${GUILD}","role":{"id":"${ITEM}",${ODD}}}`,
    steps: [`set role:${GUILD}:${ITEM} ${OF_GUILD}: {"id":"${ITEM}",${ODD}}`],
    needs: ["guild_id", "role"],
  },
  {
    effect: "delete_role",
    d: `{"guild_id":"${GUILD}","role_id":"${ITEM}"}`,
    steps: [`delete role:${GUILD}:${ITEM} ${OF_GUILD}`],
    needs: ["guild_id", "role_id"],
  },
  {
    effect: "replace_emojis",
    d: `{"guild_id":"${GUILD}","emojis":[{"id":"${ITEM}",${ODD}}, {"id":"7"}]}`,
    steps: [
      `clear emojis of ${GUILD}`,
      `set emoji:${GUILD}:${ITEM} ${OF_GUILD}: {"id":"${ITEM}",${ODD}}`,
      `set emoji:${GUILD}:7 ${OF_GUILD}: {"id":"7"}`,
    ],
    needs: ["guild_id"],
  },
  {
    effect: "set_member",
    d: member,
    steps: [`set member:${GUILD}:${USER} ${OF_GUILD}: ${member}`],
    needs: ["guild_id", "user"],
    keptBy: "members",
  },
  {
    effect: "change_member",
    d: `{"guild_id":"${GUILD}","user":{"id":"${USER}"},"nick" : null}`,
    steps: [
      `merge member:${GUILD}:${USER} ${OF_GUILD}: "guild_id":"${GUILD}" "user":{"id":"${USER}"} "nick":null`,
    ],
    needs: ["guild_id", "user"],
    keptBy: "members",
  },
  {
    effect: "delete_member_and_presence",
    d: `{"guild_id":"${GUILD}","user":{"id":"${USER}"}}`,
    steps: [`delete member:${GUILD}:${USER} ${OF_GUILD}`, `delete presence:${GUILD}:${USER} ${OF_GUILD}`],
    needs: ["guild_id", "user"],
  },
  {
    effect: "set_presence",
    d: `{"user":{"id":"${USER}"},"guild_id":"${GUILD}",${ODD}}`,
    steps: [
      `set presence:${GUILD}:${USER} ${OF_GUILD}: {"user":{"id":"${USER}"},"guild_id":"${GUILD}",${ODD}}`,
    ],
    needs: ["guild_id", "user"],
    keptBy: "presences",
  },
  {
    effect: "set_or_delete_voice",
    d: `{"guild_id":"${GUILD}","user_id":"${USER}","channel_id":"${CHANNEL}",${ODD}}`,
    steps: [
      `set voice:${GUILD}:${USER} ${OF_GUILD}: ` +
      `{"guild_id":"${GUILD}","user_id":"${USER}","channel_id":"${CHANNEL}",${ODD}}`,
    ],
    needs: ["guild_id", "user_id"],
    keptBy: "voices",
  },
  {
    effect: "set_message",
    d: message,
    steps: [`set message:${CHANNEL}:${ITEM} ${OF_CHANNEL}: ${message}`],
    needs: ["id", "channel_id"],
  },
  {
    effect: "change_message",
    d: `{"id":"${ITEM}","channel_id":"${CHANNEL}","content" : "\\u00e9"}`,
    steps: [
      `merge message:${CHANNEL}:${ITEM} ${OF_CHANNEL}: ` +
      `"id":"${ITEM}" "channel_id":"${CHANNEL}" "content":"\\u00e9"`,
    ],
    needs: ["id", "channel_id"],
  },
  {
    effect: "delete_message",
    d: `{"id":"${ITEM}","channel_id":"${CHANNEL}"}`,
    steps: [`delete message:${CHANNEL}:${ITEM} ${OF_CHANNEL}`],
    needs: ["id", "channel_id"],
  },
  {
    effect: "delete_messages",
    d: `{"ids":["${ITEM}", "8"],"channel_id":"${CHANNEL}","guild_id":"${GUILD}"}`,
    steps: [
      `delete message:${CHANNEL}:${ITEM} ${OF_CHANNEL}`,
      `delete message:${CHANNEL}:8 ${OF_CHANNEL}`,
    ],
    needs: ["ids", "channel_id"],
    olds: 2,
  },
];

for (const { effect, d, steps, needs, keptBy, olds = 1 } of ROWS) {
  Deno.test(`StatePlan: ${effect}`, () => {
    assert.deepEqual(stepsOf(effect, d), steps);
    const withOld = stepsOf(effect, d, { old: true });
    assert.deepEqual(withOld.map((line) => line.replace(", wants old", "")), steps);
    const wanting = withOld.map((line) => line.includes(", wants old"));
    assert.deepEqual(wanting, steps.map((_, index) => index < olds), "the first is what the event is about");
    for (const name of needs) {
      for (
        const text of [without(d, name), d.replace(`"${name}":`, `"${name}":null,"x":`), "null", "[]", "7"]
      ) {
        assert.deepEqual(stepsOf(effect, text), [], `${name} in ${text}`);
      }
    }
    for (const kind of ["members", "presences", "voices"] as const) {
      assert.deepEqual(
        stepsOf(effect, d, { [kind]: false }),
        kind === keptBy ? [] : steps,
        `without ${kind}`,
      );
    }
  });
}

/** The text with another name for the member. */
function without(d: string, name: string): string {
  return d.replace(`"${name}":`, `"no_${name}":`);
}

Deno.test("StatePlan learns who the bot is from its user", () => {
  const plan = new StatePlan(EVERYTHING);
  const bytes = new TextEncoder().encode(`{"id":"${BOT}"}`);
  plan.steps("set_bot_user", bytes, 0);
  assert.equal(plan.botId, BOT);
});

Deno.test("StatePlan takes ids that came as integers, and none that is no snowflake", () => {
  assert.deepEqual(stepsOf("delete_role", `{"guild_id":41,"role_id":42}`), [
    "delete role:41:42 in guild_keys:41",
  ]);
  for (const id of ['"a"', '"1:2"', '""', "-1", "1.5", '"99999999999999999999"', "true", "{}"]) {
    assert.deepEqual(stepsOf("delete_role", `{"guild_id":"${GUILD}","role_id":${id}}`), [], id);
  }
});

Deno.test("StatePlan keeps the bot's own member for ever, whatever becomes of others", () => {
  const own = member.replace(USER, BOT);
  const change = `{"guild_id":"${GUILD}","user":{"id":"${BOT}"}}`;
  for (const members of [true, false]) {
    const keeping = { members, memberTtlMs: 5_000, botId: BOT };
    assert.deepEqual(stepsOf("set_member", own, keeping), [`set member:${GUILD}:${BOT} ${OF_GUILD}: ${own}`]);
    assert.deepEqual(stepsOf("change_member", change, keeping), [
      `merge member:${GUILD}:${BOT} ${OF_GUILD}: "guild_id":"${GUILD}" "user":{"id":"${BOT}"}`,
    ]);
  }
  assert.deepEqual(stepsOf("set_member", member, { members: false, botId: BOT }), []);
  assert.deepEqual(stepsOf("change_member", member, { members: false, botId: BOT }), []);
});

Deno.test("StatePlan lets members and messages expire, and nothing else", () => {
  const lifetimes = { memberTtlMs: 5_000, messageTtlMs: 7_000 };
  for (const { effect, d, steps } of ROWS) {
    const ttl = { members: " for 5000 ms", messages: " for 7000 ms" };
    const kind = /^(set|change)_(member|message)$/.exec(effect)?.[2];
    const expected = kind === undefined
      ? steps
      : steps.map((line) => line.replace(/_keys:\d+/, `$&${kind === "member" ? ttl.members : ttl.messages}`));
    assert.deepEqual(stepsOf(effect, d, lifetimes), expected, effect);
  }
});

Deno.test("StatePlan empties a guild of its parts, wherever these stand, and changes no other byte", () => {
  const d = `{ "presences" : [{"channels":[1]}] , "id":"${GUILD}","roles":null,${ODD},"members":[\n],` +
    `"emojis":[{"id":"1"}],"stickers":[{"roles":[2]}],"voice_states":[[]],"channels":[{"id":"3"},"]"]}`;
  const kept = `{ "presences" : [] , "id":"${GUILD}","roles":[],${ODD},"members":[],` +
    `"emojis":[],"stickers":[{"roles":[2]}],"voice_states":[],"channels":[]}`;
  assert.deepEqual(stepsOf("set_guild", d), [`set guild:${GUILD}: ${kept}`]);
});

Deno.test("StatePlan adds to a guild the parts that it came without, behind all others, but for one that is away", () => {
  const kept = (d: string) => stepsOf("set_guild", d).map((line) => line.replace(`set guild:${GUILD}: `, ""));
  assert.deepEqual(
    kept(`{"id":"${GUILD}","members":[{"user":{}}],"roles":[1], "emojis": [2] ,"unavailable":false }`),
    [
      `{"id":"${GUILD}","members":[],"roles":[], "emojis": [] ,"unavailable":false ,` +
      '"channels":[],"voice_states":[],"presences":[]}',
    ],
  );
  assert.deepEqual(kept(`{"voice\\u005fstates":{},"id":"${GUILD}"}`), [
    `{"voice\\u005fstates":[],"id":"${GUILD}",${NO_PARTS.replace('"voice_states":[],', "")}}`,
  ]);
  const away = `{"id":"${GUILD}", "unavailable": true}`;
  assert.deepEqual(kept(away), [away]);
  assert.deepEqual(kept(away.replace("}", ',"roles":[1]}')), [away.replace("}", ',"roles":[]}')]);
});

Deno.test("StatePlan gives a channel its guild only where it says nothing of one", () => {
  const plan = new StatePlan(EVERYTHING);
  const channel = (text: string, guild: string | null) => {
    const bytes = new TextEncoder().encode(text);
    return plan.channel(bytes, 0, guild, true).map(shownStep);
  };
  assert.deepEqual(channel(`{ "id":"${CHANNEL}",${ODD}}`, GUILD), [
    `set channel:${CHANNEL} ${OF_GUILD}: {"guild_id":"${GUILD}", "id":"${CHANNEL}",${ODD}}`,
  ]);
  const said = `{"id":"${CHANNEL}","guild_id":"${GUILD}"}`;
  assert.deepEqual(channel(said, "5"), [`set channel:${CHANNEL} ${OF_GUILD}: ${said}`]);
  const none = `{"id":"${CHANNEL}","guild_id":null}`;
  assert.deepEqual(channel(none, GUILD), [`set channel:${CHANNEL} ${OF_GUILD}: ${none}`]);
  const direct = `{"id":"${CHANNEL}","type":1}`;
  assert.deepEqual(channel(direct, null), [`set channel:${CHANNEL}: ${direct}`]);
});

Deno.test("StatePlan changes the pins of a direct channel, and forgets none that it is told of as null", () => {
  const d = `{"channel_id":"${CHANNEL}","last_pin_timestamp":null}`;
  assert.deepEqual(stepsOf("change_pins", d), [`merge channel:${CHANNEL}: "last_pin_timestamp":null`]);
  assert.deepEqual(stepsOf("change_pins", `{"channel_id":"${CHANNEL}"}`), []);
});

Deno.test("StatePlan deletes the voice state of whoever is in no channel any more", () => {
  const d = `{"guild_id":"${GUILD}","user_id":"${USER}","channel_id":null}`;
  const line = `delete voice:${GUILD}:${USER} ${OF_GUILD}`;
  assert.deepEqual(stepsOf("set_or_delete_voice", d), [line]);
  assert.deepEqual(stepsOf("set_or_delete_voice", d, { old: true }), [`${line}, wants old`]);
  assert.deepEqual(stepsOf("set_or_delete_voice", d, { voices: false }), []);
});

Deno.test("StatePlan passes over emojis and messages in a list that have no id", () => {
  const emojis = `{"guild_id":"${GUILD}","emojis":[{"id":null},7,{"name":"a"},{"id":"7"}]}`;
  assert.deepEqual(stepsOf("replace_emojis", emojis), [
    `clear emojis of ${GUILD}`,
    `set emoji:${GUILD}:7 ${OF_GUILD}: {"id":"7"}`,
  ]);
  assert.deepEqual(stepsOf("delete_messages", `{"channel_id":"${CHANNEL}","ids":[null,{},"8"]}`), [
    `delete message:${CHANNEL}:8 ${OF_CHANNEL}`,
  ]);
});

Deno.test("StatePlan takes the last of a member that is repeated, and finds names written with escapes", () => {
  assert.deepEqual(stepsOf("delete_role", `{"guild_id":"1","role\\u005fid":"3","guild_id":"${GUILD}"}`), [
    `delete role:${GUILD}:3 ${OF_GUILD}`,
  ]);
});
