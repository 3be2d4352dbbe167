import assert from "node:assert/strict";
import { type StateKeeping, StatePlan } from "../../../gateway/state/plan.ts";
import type { StateStep, WrittenShard } from "../../../gateway/state/store.ts";
import { StateWriter, type Writing } from "../../../gateway/state/writer.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { RecordingStore } from "./recording_store.ts";

const GUILD = "1100000000000000017";
const CHANNEL = "1100000000000000033";
const BOT = "1100000000000000099";
const OF_GUILD = `in guild_keys:${GUILD}`;

const MEBIBYTE = 1024 * 1024;

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

const NOTHING: StateKeeping = {
  ...EVERYTHING,
  members: false,
  messages: false,
  presences: false,
  emojis: false,
  voices: false,
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function payload(type: string, d: string): Uint8Array {
  return encoder.encode(`{"t":"${type}","s":7,"op":0,"d":${d}}`);
}

/** Tells which members it has read when. */
class WatchedPlan extends StatePlan {
  readonly starts: number[] = [];

  override member(bytes: Uint8Array, start: number, guild: string): StateStep[] {
    this.starts.push(start);
    return super.member(bytes, start, guild);
  }
}

const WRITTEN: WrittenShard = { shard: 3, sessions: [{ id: "one", sequence: 7 }] };

class Rig {
  readonly store = new RecordingStore();
  readonly plan: WatchedPlan;
  readonly writer: StateWriter;
  turns = 0;
  /** At each turn, how many pieces of work the store had been given, and how many members had been read. */
  readonly atTurns: { readonly pieces: number; readonly members: number }[] = [];
  /** Called with each turn. */
  onTurn: () => void = () => {};

  constructor(keeping: Partial<StateKeeping> = {}) {
    this.plan = new WatchedPlan({ ...EVERYTHING, ...keeping });
    this.writer = new StateWriter({
      store: this.store,
      plan: this.plan,
      nextTurn: () => {
        this.turns += 1;
        this.atTurns.push({ pieces: this.store.pieces.length, members: this.plan.starts.length });
        this.onTurn();
        return Promise.resolve();
      },
    });
  }

  write(type: string, d: string): Writing {
    return this.writer.write(type, payload(type, d), () => WRITTEN);
  }

  /** Writes, and resolves with what was kept before, as text. */
  async old(type: string, d: string): Promise<string | null> {
    const writing = this.write(type, d);
    assert(writing.kind !== "nothing", `${type} touches nothing`);
    const old = await writing.done;
    return old === null ? null : decoder.decode(old);
  }

  /** Writes, and resolves with the steps, as lines. */
  async lines(type: string, d: string): Promise<string[]> {
    await this.old(type, d);
    return this.store.lines;
  }
}

const old = (text: string) => encoder.encode(text);

// What an event is to whoever waits for it.

Deno.test("StateWriter does not heed an event that touches nothing, lacks its id, or is of what is not kept", () => {
  const rig = new Rig({ messages: false });
  assert.deepEqual(rig.write("TYPING_START", `{"channel_id":"${CHANNEL}"}`), { kind: "nothing" });
  assert.deepEqual(rig.write("CHANNEL_UPDATE", '{"name":"a"}'), { kind: "nothing" });
  assert.deepEqual(rig.write("CHANNEL_UPDATE", '"text"'), { kind: "nothing" });
  assert.deepEqual(rig.write("MESSAGE_CREATE", `{"id":"1","channel_id":"${CHANNEL}"}`), { kind: "nothing" });
  assert.deepEqual(
    rig.writer.write("CHANNEL_UPDATE", encoder.encode('{"t":"CHANNEL_UPDATE","s":1,"op":0}'), () => WRITTEN),
    {
      kind: "nothing",
    },
  );
  assert.deepEqual(rig.writer.write("CHANNEL_UPDATE", encoder.encode("none"), () => WRITTEN), {
    kind: "nothing",
  });
  assert.deepEqual(rig.store.pieces, []);
});

Deno.test("StateWriter asks the store at once, and once, for a small event", async () => {
  const rig = new Rig();
  const writing = rig.write("GUILD_MEMBER_REMOVE", `{"guild_id":"${GUILD}","user":{"id":"5"}}`);
  assert.equal(writing.kind, "small");
  assert.deepEqual(rig.store.pieces.map(({ length }) => length), [2]);
  assert.equal(writing.kind === "small" && await writing.done, null);
});

Deno.test("StateWriter writes an event whatever the order and spacing of its members", () => {
  const rig = new Rig();
  const text = `{ "d" : {"id":"${CHANNEL}"} , "op":0, "t":"CHANNEL_UPDATE", "s":1 } `;
  const writing = rig.writer.write("CHANNEL_UPDATE", encoder.encode(text), () => WRITTEN);
  assert.equal(writing.kind, "small");
  assert.deepEqual(rig.store.lines, [`set channel:${CHANNEL}: {"id":"${CHANNEL}"}`]);
});

// What was kept before.

Deno.test("StateWriter tells of one thing what was kept before it", async () => {
  const rig = new Rig({ old: true });
  rig.store.answers.push({ olds: [old('{"a": 1}')] }, { olds: [null] });
  const d = `{"guild_id":"${GUILD}","user":{"id":"5"}}`;
  assert.equal(await rig.old("GUILD_MEMBER_REMOVE", d), '{"a": 1}');
  assert.equal(await rig.old("GUILD_MEMBER_REMOVE", d), null);
});

Deno.test("StateWriter tells of many things all that was kept, and nothing where nothing was", async () => {
  const rig = new Rig({ old: true });
  const bulk = `{"channel_id":"${CHANNEL}","ids":["1","2","3"]}`;
  rig.store.answers.push({ olds: [old("1.0"), null, old('{"b": 2}')] }, { olds: [null, null, null] });
  assert.equal(await rig.old("MESSAGE_DELETE_BULK", bulk), '[1.0,{"b": 2}]');
  assert.equal(await rig.old("MESSAGE_DELETE_BULK", bulk), null);
  const emojis = `{"guild_id":"${GUILD}","emojis":[]}`;
  rig.store.answers.push({ olds: [old('{"id":"1"}')] }, {});
  assert.equal(await rig.old("GUILD_EMOJIS_UPDATE", emojis), '[{"id":"1"}]');
  assert.equal(await rig.old("GUILD_EMOJIS_UPDATE", emojis), null);
});

for (
  const [type, d] of [
    ["GUILD_CREATE", `{"id":"${GUILD}"}`],
    ["GUILD_DELETE", `{"id":"${GUILD}"}`],
    ["CHANNEL_DELETE", `{"id":"${CHANNEL}","guild_id":"${GUILD}"}`],
    ["THREAD_DELETE", `{"id":"${CHANNEL}","guild_id":"${GUILD}"}`],
  ] as const
) {
  Deno.test(`StateWriter tells what was kept before ${type}, and asks for it only where it is wanted`, async () => {
    const wanting = new Rig({ old: true });
    wanting.store.answers.push({ olds: [old('{"kept":1}')], left: 3 }, { left: 0 });
    assert.equal(await wanting.old(type, d), '{"kept":1}');
    assert.match(wanting.store.lines[0] ?? "", /^delete .*, wants old$/);
    assert.equal(wanting.store.lines.filter((line) => line.includes("wants old")).length, 1);
    const rig = new Rig();
    assert.equal(await rig.old(type, d), null);
    assert.doesNotMatch(rig.store.lines.join("\n"), /wants old/);
  });
}

for (
  const [type, d] of [
    ["READY", `{"user":{"id":"${BOT}"},"guilds":[{"id":"${GUILD}"}],"shard":[0,1]}`],
    ["GUILD_MEMBERS_CHUNK", `{"guild_id":"${GUILD}","members":[{"user":{"id":"1"}}]}`],
    ["THREAD_LIST_SYNC", `{"guild_id":"${GUILD}","threads":[{"id":"1"}]}`],
  ] as const
) {
  Deno.test(`StateWriter never asks what was kept before ${type}`, async () => {
    const rig = new Rig({ old: true });
    assert.equal(await rig.old(type, d), null);
    assert.notDeepEqual(rig.store.lines, []);
    assert.doesNotMatch(rig.store.lines.join("\n"), /wants old/);
  });
}

// Guilds.

Deno.test("StateWriter forgets a guild, in rounds while something is left, then writes its parts, and itself last", async () => {
  const rig = new Rig();
  rig.store.answers.push({ left: 1_500 }, { left: 500 });
  const lines = await rig.lines(
    "GUILD_CREATE",
    `{"members":[{"user":{"id":"5"},"n": 1.0}],"id":"${GUILD}","threads":[{"id":"2"}],"channels":[{"id":"1"}],` +
      `"voice_states":[{"user_id":"5","channel_id":"1"}],"presences":[{"user":{"id":"5"}}],` +
      `"roles":[{"id":"3"}],"emojis":[{"id":"4"}],"name":"a"}`,
  );
  assert.deepEqual(rig.store.pieces.map(({ length }) => length), [3, 1, 1, 9]);
  assert.deepEqual(lines, [
    `delete guild:${GUILD}`,
    ...Array(3).fill(`clear guild_keys:${GUILD} but messages of 1 2`),
    `set channel:1 ${OF_GUILD}: {"guild_id":"${GUILD}","id":"1"}`,
    `set channel:2 ${OF_GUILD}: {"guild_id":"${GUILD}","id":"2"}`,
    `set role:${GUILD}:3 ${OF_GUILD}: {"id":"3"}`,
    `set emoji:${GUILD}:4 ${OF_GUILD}: {"id":"4"}`,
    `set member:${GUILD}:5 ${OF_GUILD}: {"user":{"id":"5"},"n": 1.0}`,
    `set presence:${GUILD}:5 ${OF_GUILD}: {"user":{"id":"5"}}`,
    `set voice:${GUILD}:5 ${OF_GUILD}: {"user_id":"5","channel_id":"1"}`,
    `set guild:${GUILD}: {"members":[],"id":"${GUILD}","threads":[{"id":"2"}],"channels":[],"voice_states":[],` +
    `"presences":[],"roles":[],"emojis":[],"name":"a"}`,
  ]);
});

Deno.test("StateWriter forgets the messages of channels that a guild does not list any more", async () => {
  for (
    const [lists, but] of [
      ['"channels":[{"id":"1"},{"no":1},7],"threads":[{"name":"a","id":3}]', " but messages of 1 3"],
      ['"channels":[{"id":"1"}],"threads":null', " but messages of 1"],
      ['"name":"a"', ""],
    ]
  ) {
    const lines = await new Rig().lines("GUILD_CREATE", `{"id":"${GUILD}",${lists}}`);
    assert.equal(lines[1], `clear guild_keys:${GUILD}${but}`);
  }
});

Deno.test("StateWriter writes of a guild what is kept, and the bot's own member", async () => {
  const rig = new Rig(NOTHING);
  rig.plan.botId = BOT;
  const lines = await rig.lines(
    "GUILD_CREATE",
    `{"id":"${GUILD}","members":[{"user":{"id":"5"}},{"user":{"id":"${BOT}"}}],"presences":[{"user":{"id":"5"}}],` +
      `"voice_states":[{"user_id":"5"}],"emojis":[{"id":"4"}]}`,
  );
  assert.deepEqual(lines.map((line) => line.split(" ")[1]), [
    `guild:${GUILD}`,
    `guild_keys:${GUILD}`,
    `member:${GUILD}:${BOT}`,
    `guild:${GUILD}:`,
  ]);
});

Deno.test("StateWriter writes a guild that is away as it came", async () => {
  const d = `{"unavailable" : true,"id":"${GUILD}"}`;
  assert.equal((await new Rig().lines("GUILD_CREATE", d)).at(-1), `set guild:${GUILD}: ${d}`);
});

Deno.test("StateWriter gives the store small pieces of a large guild, and the next when one is done", async () => {
  const rig = new Rig();
  let underWay = 0;
  const apply = rig.store.apply.bind(rig.store);
  rig.store.apply = async (steps) => {
    underWay += 1;
    assert.equal(underWay, 1);
    await microtasksDone();
    underWay -= 1;
    return await apply(steps);
  };
  const small = Array.from({ length: 1_203 }, (_, id) => `{"user":{"id":"${id}"}}`);
  const large = Array.from({ length: 100 }, (_, id) => `{"user":{"id":"${id}"},"t":"${"x".repeat(10_000)}"}`);
  await rig.old("GUILD_CREATE", `{"id":"${GUILD}","members":[${small}],"presences":[${large}]}`);
  assert.equal(rig.store.lines.filter((line) => line.startsWith("set member")).length, 1_203);
  assert.equal(rig.store.lines.filter((line) => line.startsWith("set presence")).length, 100);
  assert.match(rig.store.lines.at(-1) ?? "", /^set guild:/);
  for (const piece of rig.store.pieces) {
    const bytes = piece.reduce((sum, step) => sum + (step.step === "set" ? step.value.length : 0), 0);
    assert(piece.length <= 250, `${piece.length} steps at once`);
    for (const step of piece) assert(step.step !== "clear" || step.atMost <= 250, "much to clear at once");
    assert(bytes <= 256 * 1024 + 10_100, `${bytes} bytes at once`);
  }
});

Deno.test("StateWriter forgets a guild that the bot has left, its messages too", async () => {
  const rig = new Rig();
  rig.store.answers.push({ left: 1 });
  assert.deepEqual(await rig.lines("GUILD_DELETE", `{"id":"${GUILD}"}`), [
    `delete guild:${GUILD}`,
    ...Array(2).fill(`clear guild_keys:${GUILD}`),
  ]);
  const known = await new Rig().lines("GUILD_DELETE", `{"id":"${GUILD}","unavailable":false}`);
  assert.deepEqual(known, [`delete guild:${GUILD}`, `clear guild_keys:${GUILD}`]);
});

Deno.test("StateWriter leaves a stub of a guild that is away, and the messages of its channels", async () => {
  const d = `{ "id":"${GUILD}","unavailable":true,"later":900719925474099312345}`;
  assert.deepEqual(await new Rig().lines("GUILD_DELETE", d), [
    `delete guild:${GUILD}`,
    `clear guild_keys:${GUILD} but all messages`,
    `set guild:${GUILD}: ${d}`,
  ]);
});

// Lists.

Deno.test("StateWriter keeps of READY the bot's user and a stub for each guild, and forgets what its shard has lost", async () => {
  const rig = new Rig();
  // Of shard 1 of 2: those of which id / 2^22 is odd.
  const [mine, lost, other] = [3n << 22n, 5n << 22n, 4n << 22n];
  rig.store.kept = [[`${mine}`, `${other}`, `${lost}`, "none", ""]];
  rig.store.answers.push({}, { left: 7 });
  const lines = await rig.lines(
    "READY",
    `{"v":10,"user":{"id":"${BOT}","n":1.0},"guilds":[{"unavailable":true,"id":"${mine}"},{}],"shard":[1,2]}`,
  );
  assert.deepEqual(lines, [
    `set bot_user: {"id":"${BOT}","n":1.0}`,
    `set guild:${mine}: {"unavailable":true,"id":"${mine}"}`,
    `delete guild:${lost}`,
    ...Array(2).fill(`clear guild_keys:${lost}`),
  ]);
  assert.equal(rig.plan.botId, BOT);
});

Deno.test("StateWriter asks for the guilds page by page, and forgets those of one before it asks for the next", async () => {
  const rig = new Rig();
  rig.store.kept = [["1", "2"], [], ["2", "3"]];
  const guilds = rig.store.guilds.bind(rig.store);
  const forgottenBefore: number[] = [];
  rig.store.guilds = (page) => {
    forgottenBefore.push(rig.store.lines.filter((line) => line.startsWith("delete")).length);
    return guilds(page);
  };
  const lines = await rig.lines("READY", '{"guilds":[],"shard":[0,1]}');
  assert.deepEqual(forgottenBefore, [0, 2, 2]);
  // What is in two pages is forgotten twice, which does no harm.
  assert.deepEqual(
    lines,
    ["1", "2", "2", "3"].flatMap((id) => [`delete guild:${id}`, `clear guild_keys:${id}`]),
  );
});

Deno.test("StateWriter.abandon() ends the asking for guilds between two pages", async () => {
  const rig = new Rig();
  rig.store.kept = [["1"], ["2"]];
  const guilds = rig.store.guilds.bind(rig.store);
  let asked = 0;
  rig.store.guilds = (page) => {
    asked += 1;
    return guilds(page);
  };
  rig.store.onPiece = () => rig.writer.abandon();
  const writing = rig.write("READY", '{"guilds":[],"shard":[0,1]}');
  assert(writing.kind === "large");
  let isSettled = false;
  writing.done.finally(() => isSettled = true);
  await microtasksDone();
  assert.deepEqual(rig.store.lines, ["delete guild:1", "clear guild_keys:1"]);
  assert.equal(asked, 1);
  assert.equal(isSettled, false);
});

for (const shard of ["null", "[]", "[0]", "[0,0]", '["a",1]', "7"]) {
  Deno.test(`StateWriter forgets no guild where READY says nothing of its shard: ${shard}`, async () => {
    const rig = new Rig();
    rig.store.kept = [[GUILD]];
    const lines = await rig.lines("READY", `{"user":{"id":"${BOT}"},"guilds":[],"shard":${shard}}`);
    assert.deepEqual(lines, [`set bot_user: {"id":"${BOT}"}`]);
  });
}

for (const type of ["CHANNEL_DELETE", "THREAD_DELETE"]) {
  Deno.test(`StateWriter forgets the messages of a channel with it: ${type}`, async () => {
    const rig = new Rig();
    rig.store.answers.push({ left: 4 });
    assert.deepEqual(await rig.lines(type, `{"id":"${CHANNEL}","guild_id":"${GUILD}"}`), [
      `delete channel:${CHANNEL} ${OF_GUILD}`,
      ...Array(2).fill(`clear channel_keys:${CHANNEL}`),
    ]);
    assert.equal((await new Rig().lines(type, `{"id":"${CHANNEL}"}`))[0], `delete channel:${CHANNEL}`);
  });
}

Deno.test("StateWriter keeps each of the threads that are listed, with their guild", async () => {
  assert.deepEqual(
    await new Rig().lines(
      "THREAD_LIST_SYNC",
      `{"guild_id":"${GUILD}","threads":[{"id":"1"},{"no":1}, {"id":"2"}]}`,
    ),
    [1, 2].map((id) => `set channel:${id} ${OF_GUILD}: {"guild_id":"${GUILD}","id":"${id}"}`),
  );
});

Deno.test("StateWriter keeps each of the members of a chunk, in pieces", async () => {
  const rig = new Rig({ memberTtlMs: 5 });
  const members = Array.from({ length: 1_000 }, (_, id) => `{"user":{"id":"${id}"}}`);
  const lines = await rig.lines("GUILD_MEMBERS_CHUNK", `{"guild_id":"${GUILD}","members":[${members}]}`);
  assert(rig.store.pieces.length > 1);
  assert.deepEqual(
    lines,
    members.map((member, id) => `set member:${GUILD}:${id} ${OF_GUILD} for 5 ms: ${member}`),
  );
});

for (const type of ["GUILD_CREATE", "GUILD_DELETE", "CHANNEL_DELETE", "GUILD_MEMBERS_CHUNK", "READY"]) {
  for (const d of ["null", "[]", "{}", '{"id":null}', `{"id":"${GUILD}"`, `{"id":"${GUILD}",}`]) {
    Deno.test(`StateWriter asks the store for nothing by ${type} of ${d}`, async () => {
      const rig = new Rig();
      assert.equal(await rig.old(type, d), null);
      assert.deepEqual(rig.store.pieces, []);
    });
  }
}

// Turns.

const padded = (id: number) => `{"user":{"id":"${id}"},"t":"${"x".repeat(1_000)}"}`;
const MEMBERS = Array.from({ length: 5_000 }, (_, id) => padded(id));

for (
  const [type, d, finding] of [
    // The head of a guild is read for its id too.
    ["GUILD_CREATE", `{"id":"${GUILD}","members":[${MEMBERS}]}`, 8],
    ["GUILD_MEMBERS_CHUNK", `{"guild_id":"${GUILD}","members":[${MEMBERS}]}`, 4],
  ] as const
) {
  for (const [what, keeping] of [["all", EVERYTHING], ["nothing", NOTHING]] as const) {
    Deno.test(`StateWriter reads a large ${type} in turns where ${what} of it is kept`, async () => {
      const rig = new Rig(keeping);
      // No member is the bot's own, yet each is looked at.
      rig.plan.botId = BOT;
      await rig.old(type, d);
      const before = rig.atTurns.filter(({ members }) => members === 0);
      assert(before.length >= finding, `${before.length} turns before the first member`);
      if (what === "all") return;
      const ends = [
        rig.plan.starts[0] ?? 0,
        ...rig.atTurns.map(({ members }) => rig.plan.starts[members - 1] ?? 0),
      ];
      ends.push(rig.plan.starts.at(-1) ?? 0);
      const reached = ends.filter((end) => end > 0);
      for (const [index, end] of reached.slice(1).entries()) {
        const stretch = end - (reached[index] ?? 0);
        // With one element more than fill it, and the commas.
        assert(stretch <= MEBIBYTE + 4_000, `${stretch} bytes in one turn`);
      }
      assert.equal(rig.plan.starts.length, MEMBERS.length);
    });
  }
}

Deno.test("StateWriter takes the whole of a large event from its members, whatever stands behind them", async () => {
  const d = `{"id":"${GUILD}","unavailable":true,"later":"${"x".repeat(MEBIBYTE)}"}`;
  const rig = new Rig();
  const writing = rig.writer.write(
    "GUILD_DELETE",
    encoder.encode(`{"d":${d}, "t":"GUILD_DELETE","s":1,"op":0}`),
    () => WRITTEN,
  );
  assert(writing.kind === "large");
  await writing.done;
  assert.equal(rig.store.lines.at(-1), `set guild:${GUILD}: ${d}`);
});

// What outlives the process.

Deno.test("StateWriter marks a guild as behind as long as not all of it is there", async () => {
  const marks: [type: string, d: string, guilds: string[]][] = [
    ["GUILD_CREATE", `{"id":"${GUILD}","channels":[{"id":"1"}]}`, [GUILD]],
    ["GUILD_DELETE", `{"id":"${GUILD}"}`, [GUILD]],
    ["GUILD_DELETE", `{"id":"${GUILD}","unavailable":true}`, [GUILD]],
    ["READY", `{"user":{"id":"9"},"guilds":[{"id":"${GUILD}"}],"shard":[0,1]}`, ["20971520"]],
    ["CHANNEL_DELETE", `{"id":"1","guild_id":"${GUILD}"}`, []],
  ];
  for (const [type, d, guilds] of marks) {
    const rig = new Rig();
    rig.store.kept = [[GUILD, "20971520"]];
    rig.store.answers.push({ left: 1 }, { left: 1 });
    await rig.old(type, d);
    const lines = rig.store.linesWithMarks;
    const marked = lines.filter((line) => line.startsWith("mark"));
    assert.deepEqual(
      marked,
      guilds.flatMap((guild) => [`mark ${guild} as behind`, `mark ${guild} as whole`]),
    );
    const [guild] = guilds;
    if (guild === undefined) continue;
    const deletedAt = lines.findIndex((line) => line.startsWith(`delete guild:${guild}`));
    assert(lines.indexOf(`mark ${guild} as behind`) < deletedAt, type);
    assert.equal(lines.at(-1), `mark ${guild} as whole`, type);
  }
});

Deno.test("StateWriter tells the store what is written with the steps of a small event, and behind all of a large one", async () => {
  const rig = new Rig();
  rig.write("CHANNEL_UPDATE", `{"id":"${CHANNEL}"}`);
  assert.deepEqual(rig.store.toldWritten, [WRITTEN]);
  const piecesAtTelling: number[] = [];
  rig.store.onPiece = () => piecesAtTelling.push(rig.store.toldWritten.length);
  rig.store.answers.push({ left: 1 });
  await rig.old("GUILD_DELETE", `{"id":"${GUILD}"}`);
  assert.deepEqual(piecesAtTelling, [1, 1, 2], "with its last piece");
  // Though it asks nothing else.
  await rig.old("THREAD_LIST_SYNC", `{"guild_id":"${GUILD}","threads":[]}`);
  assert.deepEqual(rig.store.toldWritten, [WRITTEN, WRITTEN, WRITTEN]);
});

Deno.test("StateWriter.markBehind() marks guilds, few at a time", async () => {
  const rig = new Rig();
  await rig.writer.markBehind([]);
  assert.deepEqual(rig.store.pieces, []);
  const guilds = Array.from({ length: 600 }, (_, id) => String(id));
  await rig.writer.markBehind(guilds);
  assert.deepEqual(rig.store.linesWithMarks, guilds.map((guild) => `mark ${guild} as behind`));
  assert(rig.store.pieces.every(({ length }) => length <= 250));
});

// A store that goes away.

Deno.test("StateWriter.abandon() ends what is under way, between two pieces and in another turn", async () => {
  const rig = new Rig();
  rig.store.answers.push({ left: 1 });
  rig.store.onPiece = () => rig.writer.abandon();
  const clearing = rig.write("GUILD_CREATE", `{"id":"${GUILD}"}`);
  assert(clearing.kind === "large");
  let settled = 0;
  clearing.done.finally(() => settled += 1);
  await microtasksDone();
  assert.equal(rig.store.pieces.length, 1);

  rig.store.onPiece = () => {};
  rig.onTurn = () => rig.writer.abandon();
  const reading = rig.write(
    "GUILD_CREATE",
    `{"id":"${GUILD}","later":"${"x".repeat(MEBIBYTE)}","members":[${MEMBERS}]}`,
  );
  assert(reading.kind === "large");
  reading.done.finally(() => settled += 1);
  await microtasksDone();
  assert.equal(rig.store.pieces.length, 1);
  assert.equal(settled, 0);

  rig.onTurn = () => {};
  await rig.old("GUILD_CREATE", `{"id":"${GUILD}"}`);
  assert.equal(rig.store.pieces.length, 3, "what is written afterwards is written");
});
