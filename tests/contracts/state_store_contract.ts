/**
 * What every store of the state cache promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  BOT_USER,
  channelEntity,
  channelGroup,
  type Entity,
  guildEntity,
  guildGroup,
  guildPartEntity,
  KINDS,
  messageEntity,
} from "../../gateway/state/entity.ts";
import type {
  ChannelSelection,
  GuildPage,
  KeptAlready,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../gateway/state/store.ts";

/** A cache, as the processes see it that share it, and as bots read it. */
export interface StateStoreSubject extends AsyncDisposable {
  /** The store as one more process has it, not started. */
  process(): StateStore;
  /** From now on no process hears an answer, until the cache has been {@link away} and is {@link back}. */
  hold(): void;
  /** Takes the cache away; resolves when every process has noticed. */
  away(): Promise<void>;
  back(): void;
  /** What is kept under a key; null: nothing. */
  text(key: string): Promise<string | null>;
  /** The keys that a set names, sorted. Fails where the name of one lacks the prefix. */
  named(set: string): Promise<string[]>;
}

/** What a store said, in order: `opened`, with a bot's id where it came with one, and `closed`. */
export class StateOpenings implements StateStoreEvents {
  readonly heard: string[] = [];
  readonly #waiting = new Set<() => void>();

  /** As each opening told. */
  readonly written: (readonly WrittenShard[])[] = [];

  opened({ botId, written }: KeptAlready): void {
    this.written.push(written);
    this.#hear(botId === null ? "opened" : `opened ${botId}`);
  }

  closed(): void {
    this.#hear("closed");
  }

  /** Resolves when this many have been heard. */
  async heardAtLeast(count: number): Promise<void> {
    while (this.heard.length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #hear(what: string): void {
    this.heard.push(what);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

const GUILD = "1100000000000000017";
const OTHER_GUILD = "1100000000000000018";
const CHANNEL = "1100000000000000033";
const OTHER_CHANNEL = "1100000000000000034";
const DIRECT_CHANNEL = "1100000000000000035";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function setStep(
  entity: Entity,
  text = "{}",
  { ttlMs = 0, wantsOld = false } = {},
): StateStep {
  return { step: "set", entity, value: encoder.encode(text), ttlMs, wantsOld };
}

/** @param members Names, as plain text, and values as JSON, in turn. */
export function mergeStep(
  entity: Entity,
  members: readonly string[],
  { ttlMs = 0, wantsOld = false } = {},
): StateStep {
  const parts = members.map((part, index) => encoder.encode(index % 2 === 0 ? JSON.stringify(part) : part));
  return { step: "merge", entity, members: parts, ttlMs, wantsOld };
}

export function deleteStep(entity: Entity, { wantsOld = false } = {}): StateStep {
  return { step: "delete", entity, wantsOld };
}

/** @param keepsMessagesOf None, where it is not said. */
export function clearStep(
  group: string,
  { keepsMessagesOf = [], atMost = 1_000 }: { keepsMessagesOf?: ChannelSelection; atMost?: number } = {},
): StateStep {
  return { step: "clear", group, keepsMessagesOf, atMost };
}

/** One thing of each kind that a guild has, the messages of a channel last. */
export const GUILD_THINGS: readonly Entity[] = [
  guildEntity(GUILD),
  channelEntity(GUILD, CHANNEL),
  guildPartEntity("role", GUILD, "5"),
  guildPartEntity("emoji", GUILD, "6"),
  guildPartEntity("member", GUILD, "7"),
  guildPartEntity("presence", GUILD, "7"),
  guildPartEntity("voice", GUILD, "7"),
  messageEntity(CHANNEL, "8"),
];

/** What is kept, members that change it, and what is kept then. */
const MERGES: readonly (readonly [what: string, kept: string, members: readonly string[], result: string])[] =
  [
    ["a member of many", '{"a":1,"b":2,"c":3}', ["b", "20"], '{"a":1,"b":20,"c":3}'],
    ["the first and the last", '{"a":1,"b":2,"c":3}', ["c", "30", "a", "10"], '{"a":10,"b":2,"c":30}'],
    ["new ones behind all others", '{"a":1}', ["c", "3", "b", "2"], '{"a":1,"c":3,"b":2}'],
    ["an object without members", "{}", ["a", "1"], '{"a":1}'],
    ["nothing by no members", '{"a":1}', [], '{"a":1}'],
    [
      "numbers beyond 2^53, and such as JavaScript writes otherwise",
      '{"id":9007199254740993,"x":1.10,"y":-0,"z":1E2}',
      ["id", "18446744073709551615", "w", "1.0"],
      '{"id":18446744073709551615,"x":1.10,"y":-0,"z":1E2,"w":1.0}',
    ],
    [
      "texts with quotes, braces and backslashes",
      String.raw`{"a":"\"}","b":"\\","c":"{[\\\"","d":"\u00e9é","e":"]},"}`,
      ["b", String.raw`"\\\\\"}"`],
      String.raw`{"a":"\"}","b":"\\\\\"}","c":"{[\\\"","d":"\u00e9é","e":"]},"}`,
    ],
    [
      "values with others inside, and names as of the outer object in them",
      '{"a":{"b":[{"c":"}"},[]],"c":{}},"b":[[],{"b":"]"}],"c":[]}',
      ["b", '{"a":[1]}', "c", "null"],
      '{"a":{"b":[{"c":"}"},[]],"c":{}},"b":{"a":[1]},"c":null}',
    ],
    ["names that begin alike", '{"ab":1,"a":2,"":3,"abc":4}', ["a", "5"], '{"ab":1,"a":5,"":3,"abc":4}'],
    ["a name with a quote", String.raw`{"a\"b":1,"b":2}`, ['a"b', "3"], String.raw`{"a\"b":3,"b":2}`],
    ["the last of what is given twice", '{"a":1}', ["a", "2", "b", "3", "a", "4"], '{"a":4,"b":3}'],
    ["all of what is kept twice", '{"a":1,"b":2,"a":3}', ["a", "4"], '{"a":4,"b":2}'],
    ["true, false and null", '{"a":true,"b":false,"c":null}', ["b", "true"], '{"a":true,"b":true,"c":null}'],
  ];

export function testStateStoreContract(name: string, open: () => Promise<StateStoreSubject>): void {
  Deno.test(`${name} state store keeps texts as they came`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const texts = ['{"id":9007199254740993}', String.raw`{ "a" : "\u0000é😀\\" }`, "{}", " ", "a\0b"];
    for (const text of texts) {
      await store.apply([setStep(guildEntity(GUILD), text)]);
      assert.equal(await subject.text(`guild:${GUILD}`), text);
    }
  });

  Deno.test(`${name} state store names what it keeps in the set of its kind, and of what it belongs to`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    await store.apply(GUILD_THINGS.map((entity) => setStep(entity)));
    for (const kind of KINDS) {
      const keys = GUILD_THINGS.map(({ key }) => key).filter((key) => key.startsWith(`${kind}:`));
      assert.deepEqual(await subject.named(`${kind}_keys`), keys, kind);
    }
    const parts = GUILD_THINGS.slice(1, -1).map(({ key }) => key).sort();
    assert.deepEqual(await subject.named(`guild_keys:${GUILD}`), parts);
    assert.deepEqual(await subject.named(`channel_keys:${CHANNEL}`), [`message:${CHANNEL}:8`]);
  });

  Deno.test(`${name} state store names a direct channel among the channels alone, and the bot's user nowhere`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    await store.apply([setStep(BOT_USER, '{"id":"7"}'), setStep(channelEntity(null, DIRECT_CHANNEL))]);
    assert.equal(await subject.text("bot_user"), '{"id":"7"}');
    assert.deepEqual(await subject.named("channel_keys"), [`channel:${DIRECT_CHANNEL}`]);
    for (const kind of KINDS.filter((kind) => kind !== "channel")) {
      assert.deepEqual(await subject.named(`${kind}_keys`), []);
    }
  });

  Deno.test(`${name} state store answers what was kept before, in order, where it is wanted`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const [one, two] = [guildEntity(GUILD), guildPartEntity("role", GUILD, "5")];
    const wanted = { wantsOld: true };
    await store.apply([setStep(one, '{"a":1}')]);
    const outcome = await store.apply([
      setStep(two, '{"b":1}', wanted),
      setStep(one, '{"a":2}', wanted),
      setStep(one, '{"a":3}'),
      mergeStep(one, ["a", "4"], wanted),
      mergeStep(two, ["b", "2"]),
      deleteStep(two, wanted),
      deleteStep(one),
      deleteStep(one, wanted),
      mergeStep(two, ["b", "3"], wanted),
    ]);
    assert.deepEqual(olds(outcome), [null, '{"a":1}', '{"a":3}', '{"b":2}', null, null]);
    assert.equal(outcome.left, 0);
    assert.deepEqual(await store.apply([]), { olds: [], left: 0 });
  });

  Deno.test(`${name} state store takes what it deletes out of its sets`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    await store.apply(GUILD_THINGS.map((entity) => setStep(entity)));
    for (const entity of GUILD_THINGS) {
      await store.apply([deleteStep(entity)]);
      assert.equal(await subject.text(entity.key), null);
      const sets = [`${entity.key.split(":")[0]}_keys`, ...entity.group === null ? [] : [entity.group]];
      for (const set of sets) {
        assert.equal((await subject.named(set)).includes(entity.key), false, `${entity.key} in ${set}`);
      }
      await store.apply([deleteStep(entity)]);
    }
    const sets = [...KINDS.map((kind) => `${kind}_keys`), guildGroup(GUILD), channelGroup(CHANNEL)];
    for (const set of sets) assert.deepEqual(await subject.named(set), []);
  });

  for (const [what, kept, members, result] of MERGES) {
    Deno.test(`${name} state store changes ${what}`, async () => {
      await using subject = await open();
      const { store } = await started(subject);
      const entity = guildPartEntity("member", GUILD, "7");
      await store.apply([setStep(entity, kept), mergeStep(entity, members)]);
      assert.equal(await subject.text(entity.key), result);
      await store.apply([mergeStep(entity, members)]);
      assert.equal(await subject.text(entity.key), result, "the same again changes nothing");
    });
  }

  Deno.test(`${name} state store changes an object with spaces in it, whose values stay as they are`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const entity = messageEntity(CHANNEL, "8");
    const kept = '{ "a" : 1 ,\n\t"b" :[ 1 , {} ],\r\n"c": "x y" , "d":true\n}';
    await store.apply([setStep(entity, kept), mergeStep(entity, ["c", '{ "x": 1 }', "e", "[ ]"])]);
    assert.equal(await subject.text(entity.key), '{"a":1,"b":[ 1 , {} ],"c":{ "x": 1 },"d":true,"e":[ ]}');
  });

  Deno.test(`${name} state store changes nothing where nothing is kept`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const entity = guildPartEntity("member", GUILD, "7");
    await store.apply([mergeStep(entity, ["a", "1"])]);
    assert.equal(await subject.text(entity.key), null);
    assert.deepEqual([await subject.named("member_keys"), await subject.named(guildGroup(GUILD))], [[], []]);
  });

  Deno.test(`${name} state store does first what is asked first`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const entity = guildPartEntity("role", GUILD, "5");
    const wanted = { wantsOld: true };
    const outcomes = await Promise.all([
      store.apply([setStep(entity, '{"a":0}', wanted)]),
      ...Array.from({ length: 50 }, (_, at) => store.apply([mergeStep(entity, ["a", `${at + 1}`], wanted)])),
      store.apply([deleteStep(entity, wanted)]),
    ]);
    const expected = [null, ...Array.from({ length: 51 }, (_, at) => `{"a":${at}}`)];
    assert.deepEqual(outcomes.flatMap(olds), expected);
  });

  Deno.test(`${name} state store clears what belongs to a guild, and neither the guild nor its messages`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const others = [guildEntity(OTHER_GUILD), guildPartEntity("role", OTHER_GUILD, "5")];
    await store.apply([...GUILD_THINGS, ...others].map((entity) => setStep(entity)));
    const clear = clearStep(guildGroup(GUILD), { keepsMessagesOf: "all" });
    assert.deepEqual(await store.apply([clear]), { olds: [], left: 0 });
    assert.deepEqual(await subject.named(guildGroup(GUILD)), []);
    for (const { key } of GUILD_THINGS.slice(1, -1)) assert.equal(await subject.text(key), null, key);
    const left = {
      guild: [`guild:${GUILD}`, `guild:${OTHER_GUILD}`],
      role: [`role:${OTHER_GUILD}:5`],
      message: [`message:${CHANNEL}:8`],
    };
    for (const kind of KINDS) {
      assert.deepEqual(await subject.named(`${kind}_keys`), left[kind as keyof typeof left] ?? []);
    }
    assert.deepEqual(await subject.named(channelGroup(CHANNEL)), [`message:${CHANNEL}:8`]);
    assert.equal(await subject.text(`message:${CHANNEL}:8`), "{}");
  });

  Deno.test(`${name} state store clears the messages of a channel`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    await store.apply([
      ...["1", "2", "3"].map((id) => setStep(messageEntity(CHANNEL, id))),
      setStep(messageEntity(OTHER_CHANNEL, "1")),
      setStep(channelEntity(GUILD, CHANNEL)),
    ]);
    assert.equal((await store.apply([clearStep(channelGroup(CHANNEL))])).left, 0);
    assert.deepEqual(await subject.named("message_keys"), [`message:${OTHER_CHANNEL}:1`]);
    assert.deepEqual(await subject.named(channelGroup(CHANNEL)), []);
    assert.equal(await subject.text(`message:${CHANNEL}:1`), null);
    assert.equal(await subject.text(`channel:${CHANNEL}`), "{}");
  });

  Deno.test(`${name} state store clears no more than it may at a time, and says how much is left`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const roles = Array.from({ length: 25 }, (_, id) => guildPartEntity("role", GUILD, String(id)));
    await store.apply(roles.map((entity) => setStep(entity)));
    for (const left of [15, 5, 0, 0]) {
      assert.equal((await store.apply([clearStep(guildGroup(GUILD), { atMost: 10 })])).left, left);
      assert.equal((await subject.named(guildGroup(GUILD))).length, left);
      assert.equal((await subject.named("role_keys")).length, left);
    }
    assert.equal((await store.apply([clearStep(guildGroup("404"))])).left, 0);
  });

  Deno.test(`${name} state store clears a guild's messages with its channels, no more than it may at a time`, async () => {
    const kept = [
      ...[CHANNEL, OTHER_CHANNEL].flatMap((channel) => [
        channelEntity(GUILD, channel),
        ...Array.from({ length: 23 }, (_, id) => messageEntity(channel, String(id))),
      ]),
      ...Array.from({ length: 30 }, (_, id) => guildPartEntity("role", GUILD, String(id))),
    ];
    for (const atMost of [1, 7, 31, 78, 1_000]) {
      await using subject = await open();
      const { store } = await started(subject);
      await store.apply([
        ...kept.map((entity) => setStep(entity)),
        setStep(messageEntity(DIRECT_CHANNEL, "1")),
      ]);
      const count = async () => {
        const sets = ["channel_keys", "role_keys", "message_keys"].map((set) => subject.named(set));
        return (await Promise.all(sets)).flat().length;
      };
      const clear = clearStep(guildGroup(GUILD), { atMost });
      for (let left = Infinity, before = await count(); left > 0;) {
        ({ left } = await store.apply([clear]));
        const after = await count();
        assert(before - after <= atMost, `${before - after} are gone where ${atMost} may`);
        assert(after < before, `nothing is gone of ${before}`);
        assert.equal(left, (await subject.named(guildGroup(GUILD))).length);
        before = after;
      }
      assert.deepEqual(await subject.named("message_keys"), [`message:${DIRECT_CHANNEL}:1`]);
      assert.equal(await count(), 1);
      for (const { key } of kept) assert.equal(await subject.text(key), null, key);
    }
  });

  Deno.test(`${name} state store clears the messages of a guild's channels but for those that it is told stay`, async () => {
    // Ids of which one begins with another.
    const [staying, going, empty] = [CHANNEL, CHANNEL.slice(0, -1), OTHER_CHANNEL];
    const many = Array.from({ length: 1_500 }, (_, index) => `${OTHER_CHANNEL}${index}`.slice(-19));
    for (const atMost of [1, 5, 1_000]) {
      await using subject = await open();
      const { store } = await started(subject);
      await store.apply([
        ...[staying, going, empty].map((channel) => setStep(channelEntity(GUILD, channel))),
        ...[staying, going].flatMap((channel) =>
          Array.from({ length: 12 }, (_, id) => setStep(messageEntity(channel, String(id))))
        ),
      ]);
      const clear = clearStep(guildGroup(GUILD), { keepsMessagesOf: [...many, staying, empty], atMost });
      for (let left = Infinity; left > 0;) {
        ({ left } = await store.apply([clear]));
        // Nobody is left without the name of the channel by which its messages are found.
        if ((await subject.named(channelGroup(going))).length === 0) continue;
        assert.notEqual(await subject.text(`channel:${going}`), null);
        assert((await subject.named(guildGroup(GUILD))).includes(`channel:${going}`));
      }
      assert.deepEqual(await subject.named("channel_keys"), []);
      assert.equal((await subject.named(channelGroup(staying))).length, 12);
      assert.deepEqual(await subject.named("message_keys"), await subject.named(channelGroup(staying)));
      assert.equal(await subject.text(`message:${going}:0`), null);
    }
  });

  Deno.test(`${name} state store forgets all emojis of a guild, and answers them where they are wanted`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const emoji = (id: string) => guildPartEntity("emoji", GUILD, id);
    const others = [guildPartEntity("emoji", OTHER_GUILD, "1"), guildPartEntity("role", GUILD, "1")];
    const clear = (wantsOld: boolean): StateStep => ({ step: "clear_emojis", guild: GUILD, wantsOld });
    await store.apply(others.map((entity) => setStep(entity)));
    for (const wantsOld of [true, false]) {
      await store.apply(["1", "2", "3"].map((id) => setStep(emoji(id), `{"id":"${id}"}`)));
      await store.apply([deleteStep(emoji("2"))]);
      const outcome = await store.apply([clear(wantsOld), setStep(emoji("4"), '{"id":"4"}')]);
      assert.deepEqual(olds(outcome).sort(), wantsOld ? ['{"id":"1"}', '{"id":"3"}'] : []);
      const left = [`emoji:${GUILD}:4`, `emoji:${OTHER_GUILD}:1`];
      assert.deepEqual(await subject.named("emoji_keys"), left);
      assert.equal(await subject.text(`emoji:${GUILD}:1`), null);
      assert.deepEqual(await subject.named(guildGroup(GUILD)), [left[0], `role:${GUILD}:1`]);
      await store.apply([deleteStep(emoji("4"))]);
    }
    assert.deepEqual(await store.apply([clear(true)]), { olds: [], left: 0 });
  });

  Deno.test(`${name} state store knows all guilds that are kept, however many, page by page`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    assert.deepEqual(await guildsOf(store), []);
    const ids = Array.from(
      { length: 5_000 },
      (_, index) => String(1_100_000_000_000_000_000n + BigInt(index)),
    );
    await store.apply(ids.map((id) => setStep(guildEntity(id))));
    await store.apply([deleteStep(guildEntity(ids[17] ?? "")), setStep(guildPartEntity("role", "404", "1"))]);
    const expected = ids.toSpliced(17, 1);
    assert.deepEqual(await guildsOf(store), expected);
    // Those of a page are forgotten before the next is asked for.
    const seen = await guildsOf(store, (page) => store.apply(page.map((id) => deleteStep(guildEntity(id)))));
    assert.deepEqual(seen, expected);
    assert.deepEqual(await guildsOf(store), []);
  });

  Deno.test(`${name} state store names guilds that are marked as behind among those that are kept`, async () => {
    await using subject = await open();
    const { store } = await started(subject);
    const mark = (guild: string, isBehind: boolean): StateStep => ({ step: "mark", guild, isBehind });
    await store.apply([setStep(guildEntity("5")), mark("5", true), mark("6", true), mark("7", true)]);
    assert.deepEqual(await guildsOf(store), ["5", "6", "7"]);
    await store.apply([mark("7", false), mark("8", false)]);
    assert.deepEqual(await guildsOf(store), ["5", "6"]);
  });

  Deno.test(`${name} state store tells the next process what was written`, async () => {
    await using subject = await open();
    const { store, openings } = await started(subject);
    assert.deepEqual(openings.written, [[]]);
    const sessions = [{ id: 'a "quoted"\n id', sequence: 7 }, { id: "b", sequence: 2 ** 40 }];
    await store.apply([setStep(guildEntity("5"))], 12, sessions.slice(0, 1));
    await store.apply([], 12, sessions);
    await store.apply([], 0, []);
    const other = await started(subject);
    const [written = []] = other.openings.written;
    assert.deepEqual(written.toSorted((one, two) => one.shard - two.shard), [{ shard: 0, sessions: [] }, {
      shard: 12,
      sessions,
    }]);
    await store.apply([], 3, [{ id: "c", sequence: 1 }]);
    const some = await other.store.written([3, 4, 12]);
    assert.deepEqual(some.toSorted((one, two) => one.shard - two.shard), [{
      shard: 3,
      sessions: [{ id: "c", sequence: 1 }],
    }, { shard: 12, sessions }]);
    assert.deepEqual(await other.store.written([]), []);
  });

  Deno.test(`${name} state store opens with the id of the bot whose user is kept`, async () => {
    await using subject = await open();
    const { store, openings } = await started(subject);
    assert.deepEqual(openings.heard, ["opened"]);
    const cases: readonly (readonly [user: string, heard: string])[] = [
      ['{"username":"x","id":"81384788765712384"}', "opened 81384788765712384"],
      ['{"id":7}', "opened"],
      ["null", "opened"],
      ["{", "opened"],
    ];
    for (const [user, heard] of cases) {
      await store.apply([setStep(BOT_USER, user)]);
      assert.deepEqual((await started(subject)).openings.heard, [heard], user);
    }
  });

  Deno.test(`${name} state store closes when the cache goes away, and opens when it is back`, async () => {
    await using subject = await open();
    const { store, openings } = await started(subject);
    await store.apply([setStep(BOT_USER, '{"id":"7"}')]);
    await subject.away();
    await openings.heardAtLeast(2);
    subject.back();
    await openings.heardAtLeast(3);
    assert.deepEqual(openings.heard, ["opened", "closed", "opened 7"]);
    assert.deepEqual(await guildsOf(store), []);
    await store.apply([setStep(guildEntity(GUILD))]);
    assert.deepEqual(await guildsOf(store), [GUILD]);
  });

  Deno.test(`${name} state store settles nothing that was asked before it closed`, async () => {
    await using subject = await open();
    const { store, openings } = await started(subject);
    subject.hold();
    const settled: string[] = [];
    const settle = (what: string) => () => settled.push(what);
    store.apply([setStep(guildEntity(GUILD))]).then(settle("applied"), settle("apply failed"));
    store.guilds(null).then(settle("guilds"), settle("guilds failed"));
    await subject.away();
    await openings.heardAtLeast(2);
    subject.back();
    await openings.heardAtLeast(3);
    await store.apply([]);
    await store.guilds(null);
    assert.deepEqual(settled, []);
  });

  Deno.test(`${name} state store settles nothing once it is closed for good, safe twice`, async () => {
    await using subject = await open();
    const { store, openings } = await started(subject);
    subject.hold();
    const settled: string[] = [];
    const settle = (what: string) => () => settled.push(what);
    store.apply([setStep(guildEntity(GUILD))]).then(settle("applied"), settle("apply failed"));
    await store.close();
    await store.close();
    await Promise.resolve();
    assert.deepEqual(settled, []);
    assert.deepEqual(openings.heard, ["opened"]);
  });

  Deno.test(`${name} state store closes before it is started`, async () => {
    await using subject = await open();
    await subject.process().close();
  });

  /** One that is open. */
  async function started(subject: StateStoreSubject) {
    const store = subject.process();
    const openings = new StateOpenings();
    store.start(openings);
    await openings.heardAtLeast(1);
    return { store, openings };
  }
}

/** All guilds that are kept, sorted, each once. Fails where a page is long. */
async function guildsOf(
  store: StateStore,
  afterPage: (ids: readonly string[]) => Promise<unknown> = () => Promise.resolve(),
): Promise<string[]> {
  const guilds = new Set<string>();
  let page: string | null = null;
  do {
    const { ids, next }: GuildPage = await store.guilds(page);
    assert(ids.length < 1_000, `${ids.length} guilds on one page`);
    for (const id of ids) guilds.add(id);
    await afterPage(ids);
    page = next;
  } while (page !== null);
  return [...guilds].sort();
}

function olds(outcome: StateOutcome): (string | null)[] {
  return outcome.olds.map((old) => old === null ? null : decoder.decode(old));
}
