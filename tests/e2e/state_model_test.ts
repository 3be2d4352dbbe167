import { Buffer } from "node:buffer";
import assert from "node:assert/strict";
import fc from "fast-check";
import { TcpProxy } from "../../harness/tcp_proxy.ts";
import { ending, histories } from "../state/histories.ts";
import { StateModel } from "../state/model.ts";
import { keptNames } from "./kept_state.ts";
import { onStage } from "./stage.ts";
import { StatePlay, type StatePlaySettings } from "./state_play.ts";

const ALL = {
  prefix: "",
  member: true,
  message: true,
  presence: true,
  emoji: true,
  voice: true,
  old: true,
  shards: 1,
};
const NONE = { ...ALL, member: false, message: false, presence: false, emoji: false, voice: false };

const HISTORIES = 40;
/** What a failure may take to be shrunk. */
const SHRINKING_MS = 120_000;
const DEADLINE_MS = 300_000;

interface Combination {
  readonly what: string;
  readonly settings: StatePlaySettings;
  readonly environment?: Readonly<Record<string, string>>;
}

const COMBINATIONS: readonly Combination[] = [
  { what: "everything is kept, and told as old", settings: ALL },
  { what: "only what is always kept", settings: NONE },
  {
    what: "members and messages, on two shards, under a prefix, untold",
    settings: { ...NONE, member: true, message: true, prefix: "a prefix:", old: false, shards: 2 },
    environment: { COMPRESS: "zstd-stream" },
  },
  {
    what: "emojis, presences and voice states, on two shards",
    settings: { ...NONE, emoji: true, presence: true, voice: true, shards: 2 },
    environment: { COMPRESS: "none" },
  },
];

const simulator = (shards: number) => ({
  // All that a killed gateway may have missed.
  replayBufferEvents: 10_000,
  recommendedShards: shards,
  maxConcurrency: shards,
  shuffleKeys: true,
});

for (const { what, settings, environment = {} } of COMBINATIONS) {
  Deno.test(
    `Redis holds exactly what the model holds after any history: ${what}`,
    onStage({ simulator: simulator(settings.shards), deadlineMs: DEADLINE_MS }, async (stage) => {
      const play = await StatePlay.open(stage, settings, environment);
      const history = fc.asyncProperty(histories(play.botId), async (batches) => {
        try {
          for (const batch of [...batches, ending()]) {
            await play.take(batch);
            await play.compare();
          }
        } catch (error) {
          // The next history, and each to which this one is shrunk, begins with nothing as well.
          await play.take(ending());
          await play.deleteSurplus();
          throw error;
        }
      });
      await fc.assert(history, {
        numRuns: HISTORIES,
        interruptAfterTimeLimit: SHRINKING_MS,
        markInterruptAsFailure: true,
      });
      assert.equal(play.consumer.repeated, 0);
    }),
  );
}

const id = (number: number) => String(1_258_291_200_000_000_000n + (BigInt(number) << 22n));

/** An event of the guild that has the shard: that of id(0) is 0, of id(1) is 1. */
const event = (t: string, guild: string | null, d: unknown) => ({ t, guild, d: JSON.stringify(d) });

function guildWithMessage(guild: string, channel: string) {
  return [
    event("GUILD_CREATE", guild, { id: guild, channels: [{ id: channel }], roles: [{ id: guild }] }),
    event("MESSAGE_CREATE", guild, { id: channel, channel_id: channel, guild_id: guild }),
  ];
}

Deno.test(
  "A new session's READY clears the guilds of its shard that it does not name, and no others",
  onStage({ simulator: { ...simulator(2), guilds: 4 } }, async (stage) => {
    const { control } = stage.simulator;
    const play = await StatePlay.open(stage, { ...ALL, shards: 2 });
    await play.take([...guildWithMessage(id(0), id(10)), ...guildWithMessage(id(1), id(11))]);
    await play.compare();
    const lost = control.state().sessions.map((session) => session.id);
    control.inject({ fault: "invalid-session", resumable: false, shard: 1 });
    await control.until(() => {
      const { sessions } = control.state();
      return sessions.length === 2 && sessions.some((session) => !lost.includes(session.id));
    });
    await play.settle();
    await play.compare();
    const there = await play.redis.mget([`guild:${id(0)}`, `message:${id(10)}:${id(10)}`]);
    assert(there.every((text) => text !== null), "the guild of shard 0");
    const gone = await play.redis.mget([`guild:${id(1)}`, `role:${id(1)}:${id(1)}`, `channel:${id(11)}`]);
    assert.deepEqual(gone, [null, null, null], "the guild of shard 1");
  }),
);

/** `count` things with ids of their own, from the `first`-th on. */
function many<Thing>(first: number, count: number, make: (id: string) => Thing): Thing[] {
  return Array.from({ length: count }, (_, index) => make(id(first + index)));
}

/** A guild of thousands: more than anybody would write at once. */
function largeGuild(guild: string, name: string, members: number) {
  return event("GUILD_CREATE", guild, {
    id: guild,
    name,
    members: many(10_000, members, (id) => ({ user: { id }, nick: name })),
    presences: many(10_000, members, (id) => ({ user: { id }, status: "online" })),
    roles: many(20_000, 250, (id) => ({ id, name })),
    channels: many(30_000, 500, (id) => ({ id, name })),
    threads: many(31_000, 500, (id) => ({ id, name })),
  });
}

Deno.test(
  "The messages of channels that a guild has lost with a session go when it comes again, and no others",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const play = await StatePlay.open(stage, ALL);
    const guild = id(0);
    const [staying, going, thread] = [id(10), id(11), id(12)];
    const comes = (channels: readonly string[], threads: readonly string[]) =>
      event("GUILD_CREATE", guild, {
        id: guild,
        channels: channels.map((id) => ({ id })),
        threads: threads.map((id) => ({ id })),
      });
    const messages = [staying, going, thread].flatMap((channel, index) =>
      many(
        100 + 1_000 * index,
        600,
        (message) => event("MESSAGE_CREATE", guild, { id: message, channel_id: channel, guild_id: guild }),
      )
    );
    await play.take([comes([staying, going], [thread]), ...messages]);
    await play.compare();
    await play.take([comes([staying], [thread])]);
    await play.compare();
    assert.equal(await play.redis.exists(`channel_keys:${going}`), 0);
    assert.equal(await play.redis.scard("message_keys"), 1_200);
    await play.take([comes([staying], [])]);
    await play.compare();
    assert.equal(await play.redis.exists(`channel_keys:${thread}`), 0);
    assert.equal(await play.redis.scard(`channel_keys:${staying}`), 600);
    assert.equal(await play.redis.scard("message_keys"), 600);
  }),
);

Deno.test(
  "A guild of thousands is written and cleared as a whole, and what follows it finds it",
  onStage({ simulator: simulator(2) }, async (stage) => {
    const play = await StatePlay.open(stage, { ...ALL, shards: 2 });
    const [guild, other] = [id(0), id(1)];
    const renamed = event("GUILD_MEMBER_UPDATE", guild, {
      guild_id: guild,
      user: { id: id(12_999) },
      nick: "b",
    });
    const written = many(
      40_000,
      3_000,
      (message) =>
        event("MESSAGE_CREATE", guild, {
          id: message,
          channel_id: id(30_000),
          guild_id: guild,
          content: "a",
        }),
    );
    await play.take([
      largeGuild(guild, "first", 3_000),
      renamed,
      ...guildWithMessage(other, id(11)),
      ...written,
    ]);
    await play.compare();
    // Smaller now: what it has no more is gone.
    await play.take([largeGuild(guild, "second", 1_500), renamed, ...guildWithMessage(other, id(12))]);
    await play.compare();
    await play.take([event("GUILD_DELETE", guild, { id: guild })]);
    await play.compare();
    assert.equal(await play.redis.exists(`guild_keys:${guild}`), 0);
    assert.equal(await play.redis.scard("message_keys"), 1);
  }),
);

// Which messages these take along depends on what is kept then: repeated later they may take others.
const NOT_REPEATABLE_WITH_MESSAGES = ["GUILD_CREATE", "GUILD_DELETE"];

for (const message of [true, false]) {
  Deno.test(
    `A gateway that is killed in the midst, and resumes, leaves in Redis what the model holds, ${
      message ? "with" : "without"
    } messages`,
    onStage({ simulator: simulator(2) }, async (stage) => {
      const play = await StatePlay.open(stage, { ...ALL, message, old: false, shards: 2 });
      const repeatable = fc.sample(histories(play.botId), { seed: 1, numRuns: 30 }).flat(2)
        .filter(({ t }) => !message || !NOT_REPEATABLE_WITH_MESSAGES.includes(t));
      for (let from = 0; from < repeatable.length; from += 400) {
        const seenBefore = play.consumer.seen.size;
        play.dispatch(repeatable.slice(from, from + 400));
        await play.consumer.until(() => play.consumer.seen.size >= seenBefore + 50);
        await play.killGateway();
        await play.startGateway();
        await play.settle();
        await play.compare();
      }
      assert(play.consumer.repeated > 0, "some events were told twice");
    }),
  );
}

Deno.test(
  "What was asked of Redis while the line to it was cut is in it once all events have come",
  onStage({ simulator: simulator(2) }, async (stage) => {
    await using line = new TcpProxy(stage.redisUrl);
    const play = await StatePlay.open(stage, { ...ALL, old: false, shards: 2 }, {
      REDIS_URL: line.through(stage.redisUrl),
    });
    const sample = fc.sample(histories(play.botId), { seed: 1, numRuns: 30 }).flat(2);
    for (let from = 0; from < 400; from += 100) {
      const seenBefore = play.consumer.seen.size;
      play.dispatch(sample.slice(from, from + 100));
      await play.consumer.until(() => play.consumer.seen.size > seenBefore);
      line.cut();
      await play.settle();
      await play.compare();
    }
  }),
);

Deno.test(
  "An event that EVENTS_ALLOW leaves out is in the cache before what follows it is published",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const redis = await stage.redis();
    const settings = { STATE_ENABLED: "true", STATE_MESSAGE: "true", EVENTS_ALLOW: "TYPING_START" };
    await stage.startConnected(1, settings);
    const expected = new StateModel({ ...NONE, message: true });
    for (let round = 0; round < 20; round++) {
      const [guild, message] = guildWithMessage(id(0), id(10 + round));
      for (const { t, d } of [guild, message].filter((event) => event !== undefined)) {
        control.dispatch(t, d);
        expected.apply(t, JSON.parse(d), { shard: 0, shardsTotal: 1, botId: "" });
      }
      control.dispatch("TYPING_START", "{}");
      await consumer.until(() => consumer.messages.length === round + 1);
      for (const [name, value] of expected.keys()) {
        assert.deepEqual(JSON.parse(await redis.get(name) ?? "null"), value, name);
      }
      assert.equal(await redis.exists(`channel:${id(9 + round)}`), 0, "the channel of the round before");
    }
    assert(await redis.exists("bot_user") === 1, "READY, which is left out too");
    assert(consumer.messages.every(({ fields }) => fields.routingKey === "TYPING_START"));
  }),
);

const TABLE_EVENTS = [
  "USER_UPDATE",
  "GUILD_CREATE",
  "GUILD_UPDATE",
  "GUILD_DELETE",
  "GUILD_ROLE_CREATE",
  "GUILD_ROLE_UPDATE",
  "GUILD_ROLE_DELETE",
  "GUILD_EMOJIS_UPDATE",
  "GUILD_MEMBER_ADD",
  "GUILD_MEMBER_UPDATE",
  "GUILD_MEMBER_REMOVE",
  "GUILD_MEMBERS_CHUNK",
  "PRESENCE_UPDATE",
  "VOICE_STATE_UPDATE",
  "CHANNEL_CREATE",
  "CHANNEL_UPDATE",
  "CHANNEL_DELETE",
  "CHANNEL_PINS_UPDATE",
  "THREAD_CREATE",
  "THREAD_UPDATE",
  "THREAD_DELETE",
  "THREAD_LIST_SYNC",
  "MESSAGE_CREATE",
  "MESSAGE_UPDATE",
  "MESSAGE_DELETE",
  "MESSAGE_DELETE_BULK",
];

Deno.test(
  "An event that names nothing touches nothing, and goes out as it came",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const play = await StatePlay.open(stage, ALL);
    await play.take(guildWithMessage(id(0), id(10)));
    for (const d of [null, "a text", [], {}, 7, { id: null, guild_id: null, channel_id: null, user: null }]) {
      await play.take(TABLE_EVENTS.map((t) => event(t, null, d)));
      await play.compare();
    }
  }),
);

/** Fields that nobody knows, and all that would not survive being read into objects. */
const DELICATE = [
  '"large":12345678901234567890123,"neighbour":9007199254740993,"exact":1.10,"zero":-0,"small":1e-400',
  '"text":"\\u00e9 \\u00C9 \\/ \\" \\\\ \\ud83d\\ude00 \\ud800 é😀\u2028"',
  '"nested":{ "id" :\t[ 1 ,2 ],"guild_id":"1","__proto__":{"a":1},"2":2,"1":1,"twice":1,"twice":2 }',
].join(",");

const GUILD = id(0);
const CHANNEL = id(100);
const USER = id(500);

const ROLE = `{"id":"${GUILD}",${DELICATE}}`;
const EMOJI = `{${DELICATE},"id":"${id(400)}"}`;
const MEMBER = `{"user":{"id":"${USER}",${DELICATE}},"nick":"a",${DELICATE}}`;
const PRESENCE = `{${DELICATE},"user":{${DELICATE},"id":"${USER}"}}`;
const VOICE = `{"user_id":"${USER}",${DELICATE},"channel_id":"${CHANNEL}"}`;
const MESSAGE = `{"id":"${id(700)}",${DELICATE},"channel_id":"${CHANNEL}","content":"a"}`;
const THREAD = `{"guild_id":"${GUILD}",${DELICATE},"id":"${id(200)}"}`;

const WHOLE_GUILD =
  `{"id":"${GUILD}","roles":[${ROLE}],"emojis":[ ${EMOJI} ],${DELICATE},"members":[${MEMBER}],` +
  `"presences":[${PRESENCE}],"voice_states":[${VOICE}],"channels":[{"id":"${CHANNEL}",${DELICATE}}],` +
  `"threads":[${THREAD}]}`;

Deno.test(
  "What is kept has the very bytes that Discord sent: numbers beyond 2^53, escapes, fields that nobody knows",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const play = await StatePlay.open(stage, ALL);
    const take = (t: string, d: string) => play.take([{ t, d, guild: GUILD }]);
    const kept = (key: string) => play.redis.get(key);
    await take("GUILD_CREATE", WHOLE_GUILD);
    await take("MESSAGE_CREATE", MESSAGE);
    await play.compare();
    assert.equal(await kept(`role:${GUILD}:${GUILD}`), ROLE);
    assert.equal(await kept(`emoji:${GUILD}:${id(400)}`), EMOJI);
    assert.equal(await kept(`member:${GUILD}:${USER}`), MEMBER);
    assert.equal(await kept(`presence:${GUILD}:${USER}`), PRESENCE);
    assert.equal(await kept(`voice:${GUILD}:${USER}`), VOICE);
    assert.equal(await kept(`channel:${id(200)}`), THREAD);
    assert.equal(await kept(`message:${CHANNEL}:${id(700)}`), MESSAGE);
    for (const key of [`channel:${CHANNEL}`, `guild:${GUILD}`]) {
      assert((await kept(key))?.includes(DELICATE), key);
    }

    for (
      const [t, d, key, expected] of [
        ["GUILD_ROLE_UPDATE", `{"guild_id":"${GUILD}","role":${ROLE}}`, `role:${GUILD}:${GUILD}`, ROLE],
        [
          "GUILD_EMOJIS_UPDATE",
          `{"emojis":[${EMOJI}],"guild_id":"${GUILD}"}`,
          `emoji:${GUILD}:${id(400)}`,
          EMOJI,
        ],
        [
          "GUILD_MEMBERS_CHUNK",
          `{"guild_id":"${GUILD}","members":[ ${MEMBER}\t]}`,
          `member:${GUILD}:${USER}`,
          MEMBER,
        ],
        ["THREAD_LIST_SYNC", `{"guild_id":"${GUILD}","threads":[${THREAD}]}`, `channel:${id(200)}`, THREAD],
        ["CHANNEL_UPDATE", THREAD, `channel:${id(200)}`, THREAD],
      ] as const
    ) {
      await take(t, d);
      assert.equal(await kept(key), expected, t);
    }
  }),
);

Deno.test(
  "A change of some fields leaves the bytes of all others, and takes its own as they came",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const play = await StatePlay.open(stage, ALL);
    const take = (t: string, d: string) => play.take([{ t, d, guild: GUILD }]);
    const NEW = '"new":{"large":98765432109876543210,"exact":2.50,"text":"\\u00e9"}';
    const PINNED = '"last_pin_timestamp":"2024-01-01T00:00:00\\u002b00:00"';
    await take("GUILD_CREATE", WHOLE_GUILD);
    await take("MESSAGE_CREATE", MESSAGE);
    await take("MESSAGE_UPDATE", `{${NEW},"id":"${id(700)}","content":"b","channel_id":"${CHANNEL}"}`);
    await take("GUILD_MEMBER_UPDATE", `{"user":{"id":"${USER}"},"nick":"b",${NEW},"guild_id":"${GUILD}"}`);
    await take("CHANNEL_PINS_UPDATE", `{"guild_id":"${GUILD}",${PINNED},"channel_id":"${CHANNEL}"}`);
    await play.compare();
    for (
      const [key, changed] of [
        [`message:${CHANNEL}:${id(700)}`, [NEW, '"content":"b"']],
        [`member:${GUILD}:${USER}`, [NEW, '"nick":"b"']],
        [`channel:${CHANNEL}`, [PINNED]],
      ] as const
    ) {
      const text = await play.redis.get(key) ?? "";
      for (
        const part of [...DELICATE.split(/,(?="(?:text|nested|neighbour|exact|zero|small)":)/), ...changed]
      ) {
        assert(text.includes(part), `${part} is not in ${text}`);
      }
    }
  }),
);

Deno.test(
  "Without STATE_ENABLED nothing is kept and nothing is told, whatever the other settings say",
  onStage({ simulator: simulator(1) }, async (stage) => {
    const consumer = await stage.consumer();
    const names = ["MEMBER", "MESSAGE", "PRESENCE", "EMOJI", "VOICE", "OLD"].map((name) => `STATE_${name}`);
    await stage.startConnected(1, Object.fromEntries(names.map((name) => [name, "true"])));
    for (const { t, d } of [...guildWithMessage(id(0), id(10)), ...guildWithMessage(id(0), id(10))]) {
      stage.simulator.control.dispatch(t, d);
    }
    await consumer.untilComplete(stage.simulator);
    assert.equal(consumer.compare(stage.simulator).changed, 0);
    assert.deepEqual(await keptNames(await stage.redis(), ""), []);
  }),
);

/** Bytes that are no UTF-8: broken off, overlong, a surrogate, beyond the last. */
const INVALID_UTF8 = Uint8Array.of(
  0xc3,
  0x28,
  0xff,
  0xfe,
  0xe2,
  0x82,
  0xc0,
  0xaf,
  0xed,
  0xa0,
  0x80,
  0xf4,
  0x90,
);

Deno.test(
  "What is kept, and what is told as old, has bytes that are no UTF-8 as they came",
  onStage({}, async (stage) => {
    const { control } = stage.simulator;
    const consumer = await stage.consumer();
    const redis = await stage.redis();
    const settings = {
      STATE_ENABLED: "true",
      STATE_MESSAGE: "true",
      STATE_MESSAGE_TTL: "0",
      STATE_OLD: "true",
    };
    await stage.startConnected(1, settings);
    const message = Buffer.concat([
      Buffer.from(`{"id":"1","channel_id":"2",${DELICATE},"content":"`),
      INVALID_UTF8,
      Buffer.from('"}'),
    ]);
    const came = async (t: string, d: Uint8Array) => {
      control.dispatch(t, d);
      const [session] = control.state().sessions;
      await consumer.until(() => consumer.seen.has(`${session?.id}:${session?.sequence}`));
      return consumer.messages.at(-1)?.content ?? assert.fail();
    };
    await came("MESSAGE_CREATE", message);
    assert.deepEqual(await redis.getBuffer("message:2:1"), message);
    const changed = await came("MESSAGE_UPDATE", Buffer.from('{"id":"1","channel_id":"2","flags":4}'));
    assert(
      changed.includes(Buffer.concat([Buffer.from(',"old":'), message, Buffer.from("}")])),
      `${changed}`,
    );
    const kept = await redis.getBuffer("message:2:1");
    assert(kept?.includes(INVALID_UTF8) && kept.includes('"flags":4'), `${kept}`);
  }),
);
