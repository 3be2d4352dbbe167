/**
 * Histories of events, drawn at random: about few guilds, channels, people and messages, so that what changes or
 * deletes often finds something.
 *
 * @module
 */
import fc from "fast-check";

/** One event of a history. */
export interface HistoryEvent {
  readonly t: string;
  /** The text of `d`. */
  readonly d: string;
  /** Null for what belongs to no guild. */
  readonly guild: string | null;
}

/** A guild and the ids of all that is ever in it. */
interface GuildPool {
  readonly id: string;
  readonly channels: readonly string[];
  readonly threads: readonly string[];
  readonly roles: readonly string[];
  readonly emojis: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** An event before it is written down. */
interface Draft {
  readonly t: string;
  readonly guild: string | null;
  readonly fields: Fields;
}

/** No number holds such an id: all are beyond 2^53, and neighbours differ in the last digits. */
const FIRST_ID = 1_258_291_200_000_000_000n;

/** An id of the `number`-th millisecond, which is what shards are reckoned from. */
const idAt = (number: number) => String(FIRST_ID + (BigInt(number) << 22n));
const idsAt = (number: number, count: number) =>
  Array.from({ length: count }, (_, index) => idAt(number + index));

const GUILDS: readonly GuildPool[] = [0, 1].map((number) => ({
  id: idAt(number),
  channels: idsAt(100 + 10 * number, 2),
  threads: idsAt(200 + 10 * number, 2),
  // The role @everyone has the id of the guild.
  roles: [idAt(number), ...idsAt(300 + 10 * number, 2)],
  emojis: idsAt(400 + 10 * number, 3),
}));
const PEOPLE = idsAt(500, 2);
const DIRECT_CHANNELS = idsAt(600, 1);

/** The ids of the messages that are ever in a channel. */
const messagesIn = (channel: string) => [1n, 2n].map((number) => String(BigInt(channel) + number));

/** What somebody may write: ids and brackets that are none, letters of all lengths. */
const text = fc.constantFrom(
  "",
  "a",
  "b",
  '","guild_id":"1","id":"2"}],[{',
  'a \\ in front of a "',
  "é 😀 \u2028 \u0000",
  "long ".repeat(2_000),
);

const timestamp = fc.constantFrom("2024-01-01T00:00:00.000000+00:00", "2025-06-07T08:09:10.000000+00:00");

/** Fields that nobody knows yet. */
const unknown = fc.constantFrom<Fields>(
  {},
  { new_number: 1.5, new_nothing: null },
  { new_object: { id: "1", guild_id: "2", channel_id: "3", user: { id: "4" }, user_id: "5" } },
  { channels_of_tomorrow: [{ id: "1" }, [], ""] },
);

/** Some of the items, in any number, each made into what `draw` makes of it. */
function some<Drawn>(
  items: readonly string[],
  draw: (item: string) => fc.Arbitrary<Drawn>,
): fc.Arbitrary<Drawn[]> {
  return fc.subarray([...items]).chain((chosen) => fc.tuple(...chosen.map(draw)));
}

/** An object of these fields, of fields that may be left out, and of unknown ones. */
function object(
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
): fc.Arbitrary<Fields> {
  return fc.tuple(unknown, fc.record(fields), fc.record(optional, { requiredKeys: [] })).map(
    ([unknown, fields, optional]) => ({ ...unknown, ...fields, ...optional }),
  );
}

const is = (value: unknown) => fc.constant(value);
const named = (id: string) => object({ id: is(id), name: text });
const channelOf = (type: number, id: string) =>
  object({ id: is(id), type: is(type), name: text }, { topic: text, last_pin_timestamp: timestamp });
const member = (user: string, roles: readonly string[]) =>
  object(
    { user: object({ id: is(user), username: text }), roles: fc.subarray([...roles]) },
    { nick: fc.option(text), avatar: is(null) },
  );
const presence = (user: string) =>
  object({ user: is({ id: user }), status: fc.constantFrom("online", "idle") }, { activities: is([]) });
const voice = (user: string, channels: readonly string[]) =>
  object({ user_id: is(user), channel_id: fc.constantFrom(...channels), self_mute: fc.boolean() });

/** An event of a guild, or of none where that is null; its fields have `guild_id` where there is a guild. */
function draft(t: string, guild: string | null, fields: fc.Arbitrary<Fields>): fc.Arbitrary<Draft> {
  const where = guild === null ? {} : { guild_id: guild };
  return fields.map((fields) => ({ t, guild, fields: { ...fields, ...where } }));
}

/** Events of a guild's own. */
function ofGuild(guild: GuildPool, people: readonly string[]): fc.Arbitrary<Draft> {
  const { id, channels, threads, roles, emojis } = guild;
  const in_ = (t: string, fields: fc.Arbitrary<Fields>) => draft(t, id, fields);
  const itself = (t: string, fields: fc.Arbitrary<Fields>) =>
    fields.map((fields) => ({ t, guild: id, fields }));
  const user = fc.constantFrom(...people);
  const aMember = user.chain((user) => member(user, roles));
  const someRoles = some(roles, named);
  const someEmojis = some(emojis, named);
  const someMembers = some(people, (user) => member(user, roles));
  const somePresences = some(people, presence);
  const known = object({ id: is(id), name: text, roles: someRoles, emojis: someEmojis }, { icon: text });
  const whole = fc.tuple(
    known,
    object(
      {
        channels: some(channels, (id) => channelOf(0, id)),
        members: someMembers,
        voice_states: some(people, (user) => voice(user, channels)),
        presences: somePresences,
      },
      { threads: some(threads, (id) => channelOf(11, id)), unavailable: is(false), large: is(false) },
    ),
  ).map(([known, rest]) => ({ ...known, ...rest }));
  const aChannel = fc.constantFrom(...channels).chain((id) => channelOf(0, id));
  const aThread = fc.constantFrom(...threads).chain((id) => channelOf(11, id));
  const aRole = fc.constantFrom(...roles).chain(named);
  const pins = object({
    channel_id: fc.constantFrom(...channels, ...threads),
    last_pin_timestamp: fc.option(timestamp),
  });
  return fc.oneof(
    { weight: 4, arbitrary: itself("GUILD_CREATE", whole) },
    itself("GUILD_UPDATE", known),
    itself("GUILD_DELETE", object({ id: is(id) })),
    itself("GUILD_DELETE", object({ id: is(id), unavailable: is(true) })),
    in_("GUILD_ROLE_CREATE", object({ role: aRole })),
    in_("GUILD_ROLE_UPDATE", object({ role: aRole })),
    in_("GUILD_ROLE_DELETE", object({ role_id: fc.constantFrom(...roles) })),
    { weight: 2, arbitrary: in_("GUILD_EMOJIS_UPDATE", object({ emojis: someEmojis })) },
    in_("GUILD_MEMBER_ADD", aMember),
    {
      weight: 3,
      arbitrary: in_(
        "GUILD_MEMBER_UPDATE",
        object({ user: object({ id: user }) }, { nick: fc.option(text), roles: fc.subarray([...roles]) }),
      ),
    },
    in_("GUILD_MEMBER_REMOVE", object({ user: object({ id: user }) })),
    in_("GUILD_MEMBERS_CHUNK", object({ members: someMembers }, { presences: somePresences })),
    { weight: 2, arbitrary: in_("PRESENCE_UPDATE", user.chain(presence)) },
    { weight: 2, arbitrary: in_("VOICE_STATE_UPDATE", user.chain((user) => voice(user, channels))) },
    in_("VOICE_STATE_UPDATE", object({ user_id: user, channel_id: is(null) })),
    in_("CHANNEL_CREATE", aChannel),
    in_("CHANNEL_UPDATE", aChannel),
    in_("CHANNEL_DELETE", aChannel),
    in_("THREAD_CREATE", aThread),
    in_("THREAD_UPDATE", aThread),
    in_("THREAD_DELETE", object({ id: fc.constantFrom(...threads), type: is(11) })),
    in_("CHANNEL_PINS_UPDATE", pins),
    in_(
      "THREAD_LIST_SYNC",
      object({ threads: some(threads, (id) => channelOf(11, id)), members: is([]) }, {
        channel_ids: is(channels),
      }),
    ),
    in_(
      "THREAD_MEMBERS_UPDATE",
      object({ id: fc.constantFrom(...threads), added_members: someMembers, removed_member_ids: is(people) }),
    ),
    in_("GUILD_BAN_ADD", object({ user: object({ id: user }) })),
    in_("CHANNEL_OF_TOMORROW_UPDATE", aChannel),
  );
}

/** Events of the messages of a channel. */
function ofMessages(guild: string | null, channel: string, people: readonly string[]): fc.Arbitrary<Draft> {
  const id = fc.constantFrom(...messagesIn(channel));
  const in_ = (
    t: string,
    fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
    optional: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
  ) => draft(t, guild, object({ channel_id: is(channel), ...fields }, optional));
  const author = fc.constantFrom(...people).chain((id) => object({ id: is(id), username: text }));
  return fc.oneof(
    {
      weight: 4,
      arbitrary: in_("MESSAGE_CREATE", { id, author, content: text, embeds: is([]) }, {
        member: is({ roles: [] }),
      }),
    },
    {
      weight: 3,
      arbitrary: in_("MESSAGE_UPDATE", { id }, { content: text, edited_timestamp: timestamp, author }),
    },
    in_("MESSAGE_DELETE", { id }),
    in_("MESSAGE_DELETE_BULK", { ids: fc.subarray(messagesIn(channel)) }),
    in_("MESSAGE_REACTION_ADD", {
      message_id: id,
      user_id: fc.constantFrom(...people),
      emoji: is({ id: null }),
    }),
    in_("TYPING_START", { user_id: fc.constantFrom(...people) }),
  );
}

/** Events of what is in no guild. */
function ofNoGuild(people: readonly string[], botId: string): fc.Arbitrary<Draft> {
  const in_ = (t: string, fields: fc.Arbitrary<Fields>) => draft(t, null, fields);
  const aChannel = fc.constantFrom(...DIRECT_CHANNELS).chain((id) => channelOf(1, id));
  return fc.oneof(
    in_("CHANNEL_CREATE", aChannel),
    in_("CHANNEL_UPDATE", aChannel),
    in_("CHANNEL_DELETE", aChannel),
    in_(
      "CHANNEL_PINS_UPDATE",
      object({ channel_id: fc.constantFrom(...DIRECT_CHANNELS), last_pin_timestamp: fc.option(timestamp) }),
    ),
    in_("VOICE_STATE_UPDATE", fc.constantFrom(...people).chain((user) => voice(user, DIRECT_CHANNELS))),
    in_("USER_UPDATE", object({ id: is(botId), username: text })),
  );
}

/** A draft as Discord might write it: keys in any order, with spaces or without. */
function written(drafts: fc.Arbitrary<Draft>): fc.Arbitrary<HistoryEvent> {
  return fc.tuple(drafts, fc.boolean(), fc.boolean()).map(([{ t, guild, fields }, isReversed, isSpaced]) => {
    const entries = Object.entries(fields);
    const ordered = Object.fromEntries(isReversed ? entries.reverse() : entries);
    return eventOf(t, guild, ordered, isSpaced ? 1 : 0);
  });
}

function eventOf(t: string, guild: string | null, fields: Fields, indent = 0): HistoryEvent {
  const d = JSON.stringify(fields, null, indent);
  // How a counterexample is printed.
  const shown = { [fc.toStringMethod]: () => `\n  ${t} ${JSON.stringify(fields)}` };
  return Object.assign(shown, { t, d, guild });
}

/** Some batches of events, drawn for a bot of that id. */
export function histories(botId: string): fc.Arbitrary<HistoryEvent[][]> {
  const people = [...PEOPLE, botId];
  // In a channel, in a thread, and where there is no guild.
  const places = [
    ...GUILDS.flatMap(({ id, channels, threads }) =>
      [channels, threads].map(([channel = ""]) => ({ id, channel }))
    ),
    ...DIRECT_CHANNELS.map((channel) => ({ id: null, channel })),
  ];
  const event = written(fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...GUILDS).chain((guild) => ofGuild(guild, people)) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(...places).chain(({ id, channel }) => ofMessages(id, channel, people)),
    },
    { weight: 1, arbitrary: ofNoGuild(people, botId) },
  ));
  return fc.array(fc.array(event, { minLength: 1, maxLength: 50, size: "max" }), {
    minLength: 1,
    maxLength: 4,
    size: "max",
  });
}

/** Deletes everything that a history can have left, but for `bot_user`. */
export function ending(): HistoryEvent[] {
  const deleted = (guild: string | null, id: string) => {
    return eventOf("CHANNEL_DELETE", guild, { id, ...(guild === null ? {} : { guild_id: guild }) });
  };
  return [
    ...GUILDS.flatMap(({ id, channels, threads }) => [
      eventOf("GUILD_DELETE", id, { id }),
      ...[...channels, ...threads].map((channel) => deleted(id, channel)),
    ]),
    ...DIRECT_CHANNELS.map((channel) => deleted(null, channel)),
  ];
}
