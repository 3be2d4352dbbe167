import assert from "node:assert/strict";
import fc from "fast-check";
import { Partitions } from "../../../gateway/delivery/partitions.ts";
import { EVENT_NAMES } from "../../../simulator/world/events.ts";

const GUILD = "1100000000000000017";
const OTHER = "1100000000000000018";
const CHANNEL = "1100000000000000033";
const USER = "1100000000000000045";

/** As many as let no two of these ids share one. */
const partitions = new Partitions(1_024);

const of = (t: string, d: unknown, count = partitions) =>
  count.of(new TextEncoder().encode(JSON.stringify({ t, s: 1, op: 0, d })));

/** The one that the wire contract says: FNV-1a of the digits, modulo how many there are. */
function expected(id: string, count = 1_024n): number {
  let hash = 0x811c9dc5n;
  for (const digit of id) hash = (hash ^ BigInt(digit.charCodeAt(0))) * 0x01000193n & 0xffffffffn;
  return Number(hash % count);
}

const CASES: readonly (readonly [what: string, t: string, d: unknown, owner: string | null])[] = [
  ["the guild of a message", "MESSAGE_CREATE", { id: "1", channel_id: CHANNEL, guild_id: GUILD }, GUILD],
  ["the guild before all else", "X", { user_id: USER, channel_id: CHANNEL, guild_id: GUILD }, GUILD],
  ["the channel of a direct message", "MESSAGE_CREATE", { id: "1", channel_id: CHANNEL }, CHANNEL],
  ["the channel where the guild is null", "X", { guild_id: null, channel_id: CHANNEL }, CHANNEL],
  ["the user where there is no channel", "ENTITLEMENT_CREATE", { id: "1", user_id: USER }, USER],
  ["the user of a presence", "PRESENCE_UPDATE", { user: { username: "a", id: USER } }, USER],
  ["user_id before user", "X", { user_id: USER, user: { id: OTHER } }, USER],
  ["user where user_id is null", "X", { user: { id: USER }, user_id: null }, USER],
  ["an integer for an id", "X", { guild_id: 41 }, "41"],
  ["nobody", "RESUMED", { _trace: [] }, null],
  ["nobody where d is no object", "X", "text", null],
  ["nobody where the id is no id", "X", { guild_id: "none" }, null],
  ...["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE"].map((t) =>
    ["the guild itself", t, { name: "a", id: GUILD, guild_id: OTHER }, GUILD] as const
  ),
  [
    "an event of a guild whose id is another thing's",
    "GUILD_ROLE_DELETE",
    { id: OTHER, guild_id: GUILD },
    GUILD,
  ],
  ["a direct channel itself", "CHANNEL_CREATE", { id: CHANNEL, type: 1 }, CHANNEL],
  ["a thread's guild", "THREAD_UPDATE", { id: CHANNEL, guild_id: GUILD }, GUILD],
  ["the bot's user", "USER_UPDATE", { id: USER }, USER],
];

for (const [what, t, d, owner] of CASES) {
  Deno.test(`Partitions.of() goes by ${what}: ${t}`, () => {
    assert.equal(of(t, d), owner === null ? 0 : expected(owner));
  });
}

Deno.test("The ids of these cases have partitions of their own, none of them 0", () => {
  const all = [0, ...[GUILD, OTHER, CHANNEL, USER, "41"].map((id) => expected(id))];
  assert.equal(new Set(all).size, all.length);
});

/** Whatever a message may hold, ids among it. */
const anyInside = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(`"guild_id":"${OTHER}"`, `\\"guild_id\\":${OTHER},`, "}", '"', "\\"),
    fc.string(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("guild_id", "channel_id", "user", "id", "d", "x"), tie("value"), {
      maxKeys: 4,
    }),
    fc.constant({ guild_id: OTHER }),
  ),
})).value;

Deno.test("Partitions.of() takes no id inside a message, an embed or a text for the event's own", () => {
  const given = fc.record({
    t: fc.constantFrom(...EVENT_NAMES.filter((name) => !/^GUILD_(CREATE|UPDATE|DELETE)$/.test(name))),
    before: fc.array(fc.tuple(fc.string({ minLength: 1 }), anyInside), { maxLength: 4 }),
    after: fc.array(fc.tuple(fc.string({ minLength: 1 }), anyInside), { maxLength: 4 }),
  });
  fc.assert(
    fc.property(given, ({ t, before, after }) => {
      // A letter before each name: none is one that counts.
      const named = (members: [string, unknown][]) => members.map(([name, value]) => [`x${name}`, value]);
      const members = [...named(before), ["embeds", before.map(([, value]) => value)], ["guild_id", GUILD]];
      const d = Object.fromEntries([...members, ...named(after)]);
      assert.equal(of(t, d), expected(GUILD));
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("Partitions.of() is below their number, and uses each of them", () => {
  for (const count of [1, 2, 7, 1_024]) {
    const some = new Partitions(count);
    const ids = Array.from(
      { length: 20 * count },
      (_, index) => String(1_100_000_000_000_000_000n + BigInt(index) * 4_194_304n),
    );
    const used = ids.map((id) => of("X", { guild_id: id }, some));
    assert.deepEqual(used, ids.map((id) => expected(id, BigInt(count))));
    assert.equal(new Set(used).size, count);
  }
});

Deno.test("Partitions.of() is 0 for bytes that are no dispatch", () => {
  for (const text of ["", "{", "[]", '{"t":1}']) {
    assert.equal(partitions.of(new TextEncoder().encode(text)), 0);
  }
});
