import assert from "node:assert/strict";
import { CommandDispatcher } from "../../../gateway/commands/dispatcher.ts";
import type { Observation } from "../../../gateway/observation.ts";
import type { ShardCommand } from "../../../gateway/shard/command_queue.ts";
import { AskedResharding } from "../../fakes/asked_resharding.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryCommandSource, type SentProperties } from "../../fakes/memory_command_source.ts";
import { MemoryNotices } from "../../fakes/memory_notices.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

const TTL_MS = 600_000;
const REPLY: SentProperties = { replyTo: "answers", correlationId: "7" };
const VOICE = { op: 4, d: { guild_id: "41771983423143937", channel_id: null } };

class DispatcherRig {
  readonly clock = new ManualClock();
  readonly notices = new MemoryNotices();
  readonly source = new MemoryCommandSource();
  readonly observed: Observation[] = [];
  /** What each shard was given and has neither sent nor let expire. */
  readonly held = new Map<number, ShardCommand[]>();
  readonly restarts: string[] = [];
  /** What is told of refused commands, as `error body`. */
  readonly refused: string[] = [];
  readonly dispatcher: CommandDispatcher;
  readonly resharding = new AskedResharding();
  total: number | null = null;

  constructor(...shards: number[]) {
    for (const shard of shards) this.held.set(shard, []);
    this.dispatcher = new CommandDispatcher({
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
      notices: this.notices,
      refused: (body, { error }) => this.refused.push(`${error} ${new TextDecoder().decode(body)}`),
      ttlMs: TTL_MS,
      reshard: this.resharding.reshard,
      total: () => this.total,
      shards: new Map(shards.map((shard) => [shard, {
        submit: (command) => this.of(shard).push(command),
        restart: (mode) => this.restarts.push(`${shard} ${mode}`),
      }])),
    });
    this.source.start((command) => this.dispatcher.handle(command));
  }

  of(shard: number): ShardCommand[] {
    const held = this.held.get(shard);
    assert(held !== undefined);
    return held;
  }

  /** The shard sends, or lets expire, the first command that it holds. */
  send(shard: number): void {
    this.dispatcher.sent(this.#take(shard));
  }

  expire(shard: number): void {
    this.dispatcher.expired(this.#take(shard));
  }

  /** Refused commands as `reason body`. */
  get rejections(): string[] {
    return this.notices.rejections.map(({ body, reason }) => `${reason} ${new TextDecoder().decode(body)}`);
  }

  #take(shard: number): ShardCommand {
    const command = this.of(shard).shift();
    assert(command !== undefined, `shard ${shard} holds nothing`);
    return command;
  }
}

Deno.test("CommandDispatcher hands op 0 to its shard as the very text, acknowledged only once it is sent", () => {
  const rig = new DispatcherRig(0, 1);
  const payload = '{ "op": 4, "d": {"guild_id": 900719925474099312345} }';
  rig.source.send(`{"op": 0, "shard": 1, "data": ${payload}}`, REPLY);
  assert.deepEqual(rig.of(0), []);
  assert.deepEqual(rig.of(1).map(({ opcode, text, presence }) => ({ opcode, text, presence })), [
    { opcode: 4, text: payload, presence: null },
  ]);
  assert.equal(rig.source.unacknowledged.length, 1);
  assert.deepEqual(rig.notices.replies, []);
  rig.send(1);
  assert.equal(rig.source.unacknowledged.length, 0);
  assert.deepEqual(rig.notices.replies, [{ replyTo: "answers", correlationId: "7", body: { ok: true } }]);
  assert.deepEqual(rig.observed, [{ kind: "command.carried_out", opcode: 4, shards: 1 }]);
});

Deno.test("CommandDispatcher hands a presence on with the text of its d", () => {
  const rig = new DispatcherRig(0);
  rig.source.send('{"op":0,"shard":0,"data":{"op":3,"d":{"status": "dnd"}}}');
  assert.equal(rig.of(0)[0]?.presence, '{"status": "dnd"}');
});

Deno.test("CommandDispatcher restarts the shards of op 1 and acknowledges at once", () => {
  const rig = new DispatcherRig(0, 1, 2);
  rig.source.send({ op: 1, shard: 2 }, REPLY);
  rig.source.send({ op: 1, shard: [0, 1], data: { mode: "identify" } });
  assert.deepEqual(rig.restarts, ["2 resume", "0 identify", "1 identify"]);
  assert.equal(rig.source.unacknowledged.length, 0);
  assert.deepEqual(rig.notices.replies.map(({ body }) => body), [{ ok: true }]);
  assert.deepEqual(
    rig.observed.map((seen) => seen.kind === "command.carried_out" && [seen.opcode, seen.shards]),
    [
      [null, 1],
      [null, 2],
    ],
  );
});

Deno.test("CommandDispatcher hands a command to a list of shards, or to all, and answers once, when all have sent it", () => {
  const rig = new DispatcherRig(0, 1, 2);
  rig.source.send({ op: 0, shard: [0, 2, 0], data: VOICE }, REPLY);
  rig.source.send({ op: 0, shard: "all", data: VOICE }, REPLY);
  assert.deepEqual([0, 1, 2].map((shard) => rig.of(shard).length), [2, 1, 2]);
  rig.send(0);
  assert.equal(rig.source.unacknowledged.length, 2);
  rig.send(2);
  assert.equal(rig.source.unacknowledged.length, 1);
  rig.send(1);
  rig.send(2);
  assert.equal(rig.source.unacknowledged.length, 1);
  rig.send(0);
  assert.equal(rig.source.unacknowledged.length, 0);
  assert.equal(rig.notices.replies.length, 2);
});

Deno.test("CommandDispatcher refuses a command for a shard that is not here, whole", async () => {
  const rig = new DispatcherRig(4, 5, 6);
  rig.source.send({ op: 0, shard: [4, 9], data: VOICE }, REPLY);
  await microtasksDone();
  assert.deepEqual(rig.of(4), [], "no part of it is carried out");
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["unknown_shard"]);
  assert.deepEqual(rig.notices.replies, [{
    replyTo: "answers",
    correlationId: "7",
    body: {
      ok: false,
      error: "unknown_shard",
      message: "There is no shard 9 here: send one of 4 to 6",
    },
  }]);
  assert.equal(rig.source.unacknowledged.length, 0);
});

Deno.test("CommandDispatcher finds the shard of a guild by Discord's formula, over all shards of the bot", async () => {
  const rig = new DispatcherRig(4, 5, 6);
  const send = (shard: bigint) =>
    rig.source.send({ op: 0, guild_id: String(shard << 22n | 1n), data: VOICE }, REPLY);
  send(5n);
  await microtasksDone();
  assert.deepEqual(rig.notices.replies.map(({ body }) => body), [{
    ok: false,
    error: "unknown_shard",
    message: "The number of shards is not known yet: send the command again once it is, or name a shard",
  }]);
  rig.total = 8;
  send(8n * 1_000_000_007n + 5n);
  assert.deepEqual([4, 5, 6].map((shard) => rig.of(shard).length), [0, 1, 0]);
  send(7n);
  await microtasksDone();
  const [, elsewhere] = rig.notices.replies;
  assert(elsewhere !== undefined && !elsewhere.body.ok);
  assert.equal(elsewhere.body.message, "There is no shard 7 here: send one of 4 to 6");
});

Deno.test("CommandDispatcher refuses a command for all shards while there are none", async () => {
  const rig = new DispatcherRig();
  rig.source.send({ op: 1, shard: "all" });
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["unknown_shard"]);
});

Deno.test("CommandDispatcher refuses what a shard holds that leaves, and nothing that it has sent", async () => {
  const rig = new DispatcherRig(0, 1);
  rig.source.send({ op: 0, shard: 0, data: VOICE });
  rig.source.send({ op: 0, shard: [0, 1], data: VOICE });
  rig.source.send({ op: 0, shard: 1, data: VOICE });
  rig.send(0);
  rig.dispatcher.left(0);
  await microtasksDone();
  assert.equal(rig.notices.rejections.length, 0, "shard 1 is still at it");
  rig.send(1);
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["unknown_shard"]);
  assert.equal(rig.source.unacknowledged.length, 1);
});

Deno.test("CommandDispatcher refuses every kind of broken command, goes on, and hands back the bytes it got", async () => {
  const rig = new DispatcherRig(0);
  const broken = new Map<string | Uint8Array, string>([
    ["{", "not_json"],
    [new Uint8Array([0xff, 0xfe, 0x00]), "not_json"],
    ["[]", "invalid"],
    ['{"op":4,"shard":0}', "unknown_op"],
    ['{"op":0,"shard":0,"data":{"op":2,"d":{}}}', "forbidden_op"],
    [`{"op":0,"shard":0,"data":{"op":4,"d":"${"x".repeat(4096)}"}}`, "too_large"],
    ['{"op":1,"shard":0,"data":{"mode":"now"}}', "invalid"],
  ]);
  for (const body of broken.keys()) rig.source.send(body);
  rig.source.send({ op: 0, shard: 0, data: VOICE });
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), [...broken.values()]);
  const encoder = new TextEncoder();
  assert.deepEqual(
    rig.notices.rejections.map(({ body }) => body),
    [...broken.keys()].map((body) => typeof body === "string" ? encoder.encode(body) : body),
  );
  assert.equal(rig.observed.filter(({ kind }) => kind === "command.rejected").length, broken.size);
  assert.equal(rig.of(0).length, 1);
  assert.equal(rig.source.unacknowledged.length, 1, "only the good one is still waited for");
});

Deno.test("CommandDispatcher answers and acknowledges a refused command only once it is safe in the other queue", async () => {
  const rig = new DispatcherRig(0);
  rig.notices.hold();
  rig.source.send("{", REPLY);
  await microtasksDone();
  assert.deepEqual([rig.source.unacknowledged.length, rig.notices.replies.length], [1, 0]);
  assert.deepEqual(rig.refused, []);
  rig.notices.release();
  await microtasksDone();
  assert.deepEqual([rig.source.unacknowledged.length, rig.notices.replies.length], [0, 1]);
  assert.deepEqual(rig.refused, ["not_json {"], "told once it can be found there");
});

Deno.test("CommandDispatcher leaves a command for the next process that could not be refused before the stop", async () => {
  const rig = new DispatcherRig(0);
  rig.notices.reject = () => Promise.reject(new Error("stopping"));
  rig.source.send("{", REPLY);
  await microtasksDone();
  assert.deepEqual([rig.source.unacknowledged.length, rig.notices.replies.length], [1, 0]);
});

Deno.test("CommandDispatcher lets a command live from its sender's own timestamp on", async () => {
  const rig = new DispatcherRig(0);
  rig.clock.advance(1_000_000);
  const nowMs = rig.clock.wallMs();
  const send = (sentAtMs?: number) =>
    rig.source.send({ op: 0, shard: 0, data: VOICE }, sentAtMs === undefined ? {} : { sentAtMs });
  send(nowMs - TTL_MS);
  send(nowMs - TTL_MS + 1);
  send(nowMs - 1_000);
  send(nowMs + 50_000);
  send();
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired"]);
  assert.deepEqual(rig.of(0).map(({ expiresAtMs }) => expiresAtMs - rig.clock.nowMs()), [
    1,
    TTL_MS - 1_000,
    TTL_MS,
    TTL_MS,
  ]);
});

Deno.test("CommandDispatcher refuses an old reconnect too", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 1, shard: 0 }, { sentAtMs: rig.clock.wallMs() - TTL_MS });
  await microtasksDone();
  assert.deepEqual(rig.restarts, []);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired"]);
});

Deno.test("CommandDispatcher refuses what a shard let expire, as it came", async () => {
  const rig = new DispatcherRig(0);
  const body = JSON.stringify({ op: 0, shard: 0, data: VOICE });
  rig.source.send(body, REPLY);
  rig.expire(0);
  await microtasksDone();
  assert.deepEqual(rig.rejections, [`expired ${body}`]);
  const [reply] = rig.notices.replies;
  assert(reply !== undefined && !reply.body.ok);
  assert.equal(reply.body.error, "expired");
  assert.match(reply.body.message, /COMMAND_TTL/);
  assert.equal(rig.source.unacknowledged.length, 0);
});

Deno.test("CommandDispatcher says how many shards did not send in time what others did", async () => {
  const rig = new DispatcherRig(0, 1, 2);
  rig.source.send({ op: 0, shard: "all", data: VOICE }, REPLY);
  rig.send(0);
  rig.expire(1);
  await microtasksDone();
  assert.equal(rig.source.unacknowledged.length, 1, "one shard is still at it");
  rig.send(2);
  await microtasksDone();
  const [reply] = rig.notices.replies;
  assert(reply !== undefined && !reply.body.ok);
  assert.match(reply.body.message, /1 of 3 shards did not send it in time/);
  assert.equal(rig.notices.rejections.length, 1);
  assert.equal(rig.source.unacknowledged.length, 0);
});

Deno.test("CommandDispatcher gives a command up whose channel is lost, until it is delivered again", () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 0, shard: 0, data: VOICE }, REPLY);
  const [first] = rig.of(0);
  assert.equal(first?.isCurrent(), true);
  rig.source.drop();
  assert.equal(first?.isCurrent(), false);
  rig.source.open();
  assert.equal(rig.of(0).length, 2);
  assert.equal(first?.isCurrent(), false, "not even after another channel is there");
  rig.send(0);
  assert.deepEqual(
    [rig.source.unacknowledged.length, rig.notices.replies.length],
    [1, 0],
    "the first means nothing",
  );
  rig.send(0);
  assert.deepEqual([rig.source.unacknowledged.length, rig.notices.replies.length], [0, 1]);
});

Deno.test("CommandDispatcher takes a fate it has been told before for nothing", () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 0, shard: 0, data: VOICE }, REPLY);
  const [command] = rig.of(0);
  assert(command !== undefined);
  rig.send(0);
  rig.dispatcher.sent(command);
  rig.dispatcher.expired(command);
  assert.equal(rig.notices.replies.length, 1);
});

Deno.test("CommandDispatcher answers nobody who did not ask for an answer", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 1, shard: 0 }, { correlationId: "7" });
  rig.source.send("{");
  await microtasksDone();
  assert.deepEqual(rig.notices.replies, []);
});

Deno.test("CommandDispatcher refuses to drain a process that is in no fleet", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 3, replica: "here", data: { drain: true } }, REPLY);
  await microtasksDone();
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["unknown_replica"]);
  assert.deepEqual(rig.notices.replies.map(({ body }) => body.ok), [false]);
});

Deno.test("CommandDispatcher has a change of the number of shards begun, and answers what comes of it", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 2, data: { total: 32 } }, REPLY);
  rig.source.send({ op: 1, shard: 0 });
  await microtasksDone();
  assert.deepEqual(rig.resharding.asked, [32]);
  assert.deepEqual(rig.restarts, ["0 resume"], "what comes behind it does not wait");
  assert.deepEqual(rig.source.unacknowledged, ['{"op":2,"data":{"total":32}}']);
  rig.resharding.answer(null);
  await microtasksDone();
  assert.deepEqual(rig.source.unacknowledged, []);
  assert.deepEqual(rig.notices.replies.map(({ body }) => body), [{ ok: true }]);
  assert.deepEqual(rig.observed.at(-1), { kind: "command.carried_out", opcode: null, shards: 0 });
});

Deno.test("CommandDispatcher refuses a change that cannot be made, and says why", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 2, data: { abandon: true } }, REPLY);
  await microtasksDone();
  assert.deepEqual(rig.resharding.asked, [null]);
  rig.resharding.answer("No change is under way");
  await microtasksDone();
  assert.deepEqual(rig.rejections, ['cannot_reshard {"op":2,"data":{"abandon":true}}']);
  assert.deepEqual(rig.notices.replies.map(({ body }) => body), [
    { ok: false, error: "cannot_reshard", message: "No change is under way" },
  ]);
  assert.deepEqual(rig.source.unacknowledged, []);
});

Deno.test("CommandDispatcher begins no change that has waited for too long", async () => {
  const rig = new DispatcherRig(0);
  rig.source.send({ op: 2, data: { total: 32 } }, { sentAtMs: rig.clock.wallMs() - TTL_MS });
  await microtasksDone();
  assert.deepEqual(rig.resharding.asked, []);
  assert.deepEqual(rig.notices.rejections.map(({ reason }) => reason), ["expired"]);
});

for (const answer of [null, "No change is under way"]) {
  const outcome = answer === null ? "done" : "refused";
  Deno.test(`CommandDispatcher does not conclude a change that is ${outcome} once its channel is lost`, async () => {
    const rig = new DispatcherRig(0);
    rig.source.send({ op: 2, data: { total: 32 } }, REPLY);
    rig.source.drop();
    rig.resharding.answer(answer);
    await microtasksDone();
    assert.deepEqual([rig.notices.replies, rig.notices.rejections, rig.observed], [[], [], []]);
    assert.equal(rig.source.unacknowledged.length, 1);
  });
}
