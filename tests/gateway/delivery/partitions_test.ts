import assert from "node:assert/strict";
import fc from "fast-check";
import { Partitions } from "../../../gateway/delivery/partitions.ts";
import { LargeFrameReader } from "../../../gateway/protocol/frame_head.ts";
import { EVENT_NAMES } from "../../../simulator/world/events.ts";

const GUILD = "1100000000000000017";
const OTHER = "1100000000000000018";
const CHANNEL = "1100000000000000033";
const USER = "1100000000000000045";
const USER_INSIDE = "1100000000000000051";
const ITSELF = "1100000000000000064";

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
  const all = [0, ...[GUILD, OTHER, CHANNEL, USER, USER_INSIDE, ITSELF, "41"].map((id) => expected(id))];
  assert.equal(new Set(all).size, all.length);
});

/** In place of an id: what is none. What it holds is nobody's. */
const NO_ID = fc.constantFrom("null", '"none"', "true", "-1", `["${OTHER}"]`, `{"id":"${OTHER}"}`);
/** In place of a user: what has no id itself. */
const NO_USER = fc.constantFrom(
  "null",
  `"${OTHER}"`,
  "{}",
  '{"id":null}',
  `{"x":{"id":"${OTHER}"}}`,
  `[{"id":"${OTHER}"}]`,
);
/** JSON text of an id. */
const idText = (id: string) => fc.constantFrom(`"${id}"`, `"\\u0031${id.slice(1)}"`);

/** What one of the members that count holds in the end: no such member, no id, or an id. */
interface Told {
  /** Its values as JSON text, one behind the other: of a repeated member the last one counts. */
  readonly values: readonly string[];
  readonly id: string | null;
}

function told(
  id: string,
  noId: fc.Arbitrary<string> = NO_ID,
  holding = (text: fc.Arbitrary<string>) => text,
): fc.Arbitrary<Told> {
  const earlier = fc.array(fc.oneof(noId, holding(idText(OTHER))), { maxLength: 2 });
  const tell = (last: fc.Arbitrary<string>, id: string | null) =>
    fc.tuple(earlier, last).map(([values, value]) => ({ values: [...values, value], id }));
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant({ values: [], id: null }) },
    tell(noId, null),
    { weight: 2, arbitrary: tell(holding(idText(id)), id) },
  );
}

/** Names that count somewhere, but never inside a text or another value. */
const countingName = fc.constantFrom("guild_id", "channel_id", "user_id", "user", "id", "d", "t");

/** Whatever an event may hold besides, ids among it. */
const anyInside = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(OTHER, `"guild_id":"${OTHER}"`, `\\"guild_id\\":${OTHER},`, "}", '"', "\\"),
    fc.string(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(countingName, fc.string()), tie("value"), { maxKeys: 4 }),
    fc.constant({ guild_id: OTHER, user: { id: OTHER } }),
  ),
})).value.map((value) => JSON.stringify(value));

const otherMember = fc.tuple(
  fc.oneof(fc.constantFrom("embeds", "content", "member", "message", "guild_ids", "Guild_id"), fc.string()),
  anyInside,
);

const COUNTING = /^(?:guild_id|channel_id|user_id|user|id|__proto__)$/;

/** A name as JSON text, plain or with its first character as an escape. */
function nameText(name: string, isEscaped: boolean): string {
  const first = name.charCodeAt(0).toString(16).padStart(4, "0");
  return isEscaped && name !== ""
    ? `"\\u${first}${JSON.stringify(name.slice(1)).slice(1)}`
    : JSON.stringify(name);
}

const anyEvent = fc.record({
  t: fc.oneof(
    fc.constantFrom(...EVENT_NAMES),
    // Those whose `id` counts.
    fc.constantFrom("GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "USER_UPDATE"),
    fc.constantFrom("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"),
    fc.constantFrom("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE"),
  ),
  told: fc.record({
    id: told(ITSELF),
    guild_id: told(GUILD),
    channel_id: told(CHANNEL),
    user_id: told(USER),
    user: told(
      USER_INSIDE,
      NO_USER,
      (id) =>
        fc.tuple(id, anyInside).map(([id, inside]) => `{"x":${inside},"id":${id},"y":{"id":"${OTHER}"}}`),
    ),
  }),
  others: fc.array(otherMember.filter(([name]) => !COUNTING.test(name)), { maxLength: 4 }),
  /** Where each member goes, and whether its name is escaped. */
  places: fc.array(fc.tuple(fc.nat(1_000), fc.boolean()), { minLength: 19, maxLength: 19 }),
  space: fc.constantFrom("", " ", "\n\t"),
  isUsual: fc.boolean(),
});

type AnyEvent = typeof anyEvent extends fc.Arbitrary<infer Drawn> ? Drawn : never;

/** As Discord sends it, or with its members in another order. */
function textOf({ t, told, others, places, space, isUsual }: AnyEvent): string {
  const members = [
    ...Object.entries(told).flatMap(([name, { values }]) => values.map((value) => [name, value])),
    ...others,
  ];
  const placed = members.map(([name = "", value], index) => {
    const [place = 0, isEscaped = false] = places[index] ?? [];
    return { name, place, text: `${nameText(name, isEscaped)}${space}:${space}${value}` };
  });
  // Members of one name stay in their order: the last one counts.
  const lastOf = new Map<string, number>();
  for (const member of placed) {
    if (!Object.hasOwn(told, member.name)) continue;
    member.place = Math.max(member.place, lastOf.get(member.name) ?? 0);
    lastOf.set(member.name, member.place);
  }
  const inOrder = placed.sort((one, other) => one.place - other.place).map(({ text }) => text);
  const d = `{${inOrder.join(`${space},${space}`)}}`;
  return isUsual ? `{"t":"${t}","s":1,"op":0,"d":${d}}` : `{"op":0,"d":${d},"x":{"d":{}},"s":1,"t":"${t}"}`;
}

/** The wire contract's table, row by row. */
function ownerOf({ t, told }: AnyEvent): string | null {
  const isOf = (kinds: string) => new RegExp(`^(?:${kinds})_(?:CREATE|UPDATE|DELETE)$`).test(t);
  const guild = isOf("GUILD") ? told.id.id : told.guild_id.id;
  const channel = isOf("CHANNEL|THREAD") ? told.id.id : told.channel_id.id;
  const user = t === "USER_UPDATE" ? told.id.id : told.user_id.id ?? told.user.id;
  return guild ?? channel ?? user;
}

Deno.test("Partitions.of() goes by what an event itself holds, and takes no id inside a message, an embed or a text", () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const text = textOf(event);
      const { t, d } = JSON.parse(text);
      const parsedId = (value: unknown) => typeof value === "string" && /^\d+$/.test(value) ? value : null;
      const { id, guild_id, channel_id, user_id, user } = event.told;
      assert.deepEqual(
        [t, ...[d.id, d.guild_id, d.channel_id, d.user_id, d.user?.id].map(parsedId)],
        [event.t, id.id, guild_id.id, channel_id.id, user_id.id, user.id],
        "the event is what was meant",
      );
      const owner = ownerOf(event);
      const partition = owner === null ? 0 : expected(owner);
      const bytes = new TextEncoder().encode(text);
      assert.equal(partitions.of(bytes), partition);
      const reader = new LargeFrameReader(bytes);
      while (!reader.read(7));
      assert.equal(partitions.of(bytes, reader.head), partition, "read bit by bit");
    }),
    { numRuns: 3_000 },
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
