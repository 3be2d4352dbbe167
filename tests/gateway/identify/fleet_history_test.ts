import assert from "node:assert/strict";
import fc from "fast-check";
import { sleepUntil } from "../../../gateway/clock.ts";
import { failureText } from "../../../gateway/failure.ts";
import { type GatewayBot, IdentifyBudget } from "../../../gateway/identify/budget.ts";
import { IdentifyQueue, type IdentifyTurn } from "../../../gateway/identify/queue.ts";
import { turnTimes } from "../../../gateway/identify/shared_turns.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryTurnStore } from "../../fakes/memory_shared_turns.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { SessionStarts } from "./session_starts.ts";

// Whatever becomes of the processes of a fleet, of what they share and of Discord's answers: no two IDENTIFYs of one
// bucket within the spacing, never more than the budget, and every shard that waits gets its turn.

const MEMBERS = 3;
const SHARDS = 9;
/** What a store may lack that takes over from another. */
const FORGOTTEN_MAX_MS = 1_000;

type Step =
  | { kind: "request"; shard: number }
  /** A shard that has its turn would send IDENTIFY now. */
  | { kind: "connected"; at: number }
  | { kind: "giveBack"; shard: number }
  | { kind: "die"; member: number }
  | { kind: "pass"; ms: number }
  /** How long what is asked of the store is on its way, and its answer. */
  | { kind: "slow"; member: number; ms: number }
  | { kind: "storeAnswering"; answering: boolean }
  | { kind: "failOver" }
  | { kind: "discordAnswering"; answering: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("request"), shard: fc.nat(SHARDS - 1) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("connected"), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("giveBack"), shard: fc.nat(SHARDS - 1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("die"), member: fc.nat(MEMBERS - 1) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("pass"),
      ms: fc.oneof(fc.nat(2_000), fc.constantFrom(0, 1, 999, 1_000, 3_000, 6_000, 60_000)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("slow"),
      member: fc.nat(MEMBERS - 1),
      ms: fc.constantFrom(0, 1, 300, 499, 500, 700, 4_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("storeAnswering"), answering: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("failOver") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("discordAnswering"), answering: fc.boolean() }) },
);

interface Setting {
  readonly concurrency: number;
  readonly spacingMs: number;
  readonly total: number;
  /** How long an IDENTIFY is on its way to Discord. */
  readonly wayMs: number;
  /** How old what Discord says of the budget is when it arrives. */
  readonly readingMs: number;
}

class World {
  readonly clock = new ManualClock();
  readonly store = new MemoryTurnStore(this.clock);
  readonly discord: SessionStarts;
  readonly setting: Setting;
  readonly waiting = new Set<number>();
  discordIsAnswering = true;
  /** What must not happen, and happened where nobody waits for the outcome. */
  readonly faults: string[] = [];
  readonly #members: Member[] = [];
  readonly #identifiedAtMs = new Map<number, number>();
  #snapshots: { atMs: number; memory: ReturnType<MemoryTurnStore["snapshot"]> }[] = [];
  #started = 0;

  constructor(setting: Setting) {
    this.setting = setting;
    this.discord = new SessionStarts(this.clock, { ...setting, windowMs: 100_000 });
    for (let number = 0; number < MEMBERS; number++) this.#start(number);
  }

  memberOf(shard: number): Member {
    const member = this.#members[shard % MEMBERS];
    assert(member !== undefined);
    return member;
  }

  /** Shards that have a turn, and have not asked yet whether it still stands. */
  get granted(): number[] {
    return this.#members.flatMap(({ turns }) => [...turns.keys()]);
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "request":
        this.waiting.add(step.shard);
        this.memberOf(step.shard).request(step.shard);
        break;
      case "connected": {
        const { granted } = this;
        const shard = granted[step.at % granted.length];
        if (shard !== undefined) this.memberOf(shard).connected(shard);
        break;
      }
      case "giveBack":
        this.waiting.delete(step.shard);
        this.memberOf(step.shard).giveBack(step.shard);
        break;
      case "die":
        this.#members[step.member]?.die();
        this.#start(step.member);
        break;
      case "pass":
        await this.pass(step.ms);
        break;
      case "slow": {
        const member = this.#members[step.member];
        if (member !== undefined) member.wayMs = step.ms;
        break;
      }
      case "storeAnswering":
        if (step.answering) this.store.back();
        else this.store.away();
        break;
      case "failOver":
        this.store.failOver(this.#snapshots[0]?.memory);
        break;
      case "discordAnswering":
        this.discordIsAnswering = step.answering;
    }
    await microtasksDone();
    assert.deepEqual(this.faults, []);
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.nowMs() + ms;
    while (true) {
      await microtasksDone();
      const nowMs = this.clock.nowMs();
      this.#snapshots.push({ atMs: nowMs, memory: this.store.snapshot() });
      this.#snapshots = this.#snapshots.filter(({ atMs }) => atMs >= nowMs - FORGOTTEN_MAX_MS);
      const dueMs = this.clock.deadlinesMs[0] ?? Infinity;
      if (nowMs >= untilMs && dueMs > nowMs) break;
      this.clock.advance(Math.min(untilMs, Math.max(dueMs, nowMs)) - nowMs);
    }
  }

  identify(shard: number): void {
    const nowMs = this.clock.nowMs();
    const { concurrency, spacingMs } = this.setting;
    const bucket = shard % concurrency;
    const freeAtMs = (this.#identifiedAtMs.get(bucket) ?? -Infinity) + spacingMs;
    if (nowMs < freeAtMs) this.faults.push(`shard ${shard} identifies at ${nowMs}, not after ${freeAtMs}`);
    this.#identifiedAtMs.set(bucket, nowMs);
    this.waiting.delete(shard);
    this.discord.identify();
  }

  /** `GET /gateway/bot`, as it is when it is asked. */
  async read(): Promise<GatewayBot | null> {
    if (!this.discordIsAnswering) return null;
    const { total, concurrency: maxConcurrency, readingMs } = this.setting;
    try {
      const { remaining, resetAfterMs } = this.discord;
      if (readingMs > 0) await sleepUntil(this.clock, this.clock.nowMs() + readingMs);
      const sessionStartLimit = { total, remaining, resetAfterMs, maxConcurrency };
      return { url: "wss://gateway.example", shards: SHARDS, sessionStartLimit };
    } catch (error) {
      this.faults.push(failureText(error));
      return null;
    }
  }

  /** All shards of the member before are the new one's, which asks for those that waited. */
  #start(number: number): void {
    const member = new Member(this, `member-${++this.#started}`);
    this.#members[number] = member;
    for (const shard of this.waiting) {
      if (shard % MEMBERS === number) member.request(shard);
    }
  }

  /** From here on nothing fails. */
  async settle(): Promise<void> {
    this.discordIsAnswering = true;
    this.store.back();
    for (const member of this.#members) member.wayMs = 1;
    for (let round = 0; round < 400 && this.waiting.size > 0; round++) {
      for (const shard of this.granted) this.memberOf(shard).connected(shard);
      await this.pass(5_000);
      assert.deepEqual(this.faults, []);
    }
    assert.deepEqual([...this.waiting], [], "they wait for ever");
    assert(this.discord.remaining >= 0);
    for (const member of this.#members) member.die();
  }
}

class Member {
  readonly turns = new Map<number, IdentifyTurn>();
  wayMs = 0;
  readonly #world: World;
  readonly #queue: IdentifyQueue;
  readonly #budget: IdentifyBudget;
  #isDead = false;

  constructor(world: World, name: string) {
    this.#world = world;
    const { clock, setting } = world;
    this.#budget = new IdentifyBudget({
      clock,
      dice: () => 0.5,
      observe: () => {},
      read: () => world.read(),
    });
    const shared = world.store.process(name, turnTimes(setting.spacingMs), () =>
      new Promise((resolve) => {
        // What was on its way arrives; nobody hears the answer.
        if (this.#isDead) return;
        if (this.wayMs === 0) resolve();
        else clock.schedule(clock.nowMs() + this.wayMs, resolve);
      }));
    this.#queue = new IdentifyQueue({
      clock,
      budget: this.#budget,
      spacingMs: setting.spacingMs,
      concurrency: null,
      shared: () => shared,
    });
  }

  request(shard: number): void {
    this.#queue.request(shard, (turn) => this.turns.set(shard, turn));
  }

  /** HELLO is there: IDENTIFY goes out where the turn still stands, and otherwise the shard asks anew. */
  connected(shard: number): void {
    const turn = this.turns.get(shard);
    this.turns.delete(shard);
    turn?.confirm((isStillOurs) => {
      if (this.#isDead) return;
      if (isStillOurs) {
        this.#world.identify(shard);
        return this.#queue.used(shard);
      }
      this.#queue.giveBack(shard);
      this.request(shard);
    });
  }

  giveBack(shard: number): void {
    this.turns.delete(shard);
    this.#queue.giveBack(shard);
  }

  die(): void {
    this.#isDead = true;
    this.turns.clear();
    this.#queue.stop();
    this.#budget.stop();
  }
}

Deno.test("IdentifyQueues of a fleet keep spacing and budget through any history, and forget nobody", async () => {
  const setting = fc.record({
    concurrency: fc.integer({ min: 1, max: 3 }),
    spacingMs: fc.constantFrom(0, 3_000, 6_000),
    total: fc.integer({ min: 1, max: 8 }),
    wayMs: fc.constantFrom(0, 1, 1_000, 4_000),
    readingMs: fc.constantFrom(0, 300, 2_000),
  });
  await fc.assert(
    fc.asyncProperty(setting, fc.array(step, { maxLength: 120, size: "max" }), async (setting, steps) => {
      const world = new World(setting);
      for (const step of steps) await world.take(step);
      await world.settle();
    }),
    { numRuns: 150 },
  );
});
