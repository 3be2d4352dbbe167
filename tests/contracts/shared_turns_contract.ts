/**
 * What every store of shared turns promises.
 *
 * Nobody turns the clock of a real store. So what is to happen after some time takes a few milliseconds here, and is
 * asked for until it has; what must not happen yet takes an hour; and times are held against each other that the
 * store has told in one answer.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  AskedTurns,
  SharedTurn,
  SharedTurns,
  SpendMark,
  TurnOutcome,
  TurnsAnswer,
  TurnTimes,
} from "../../gateway/identify/shared_turns.ts";

/** A store, as the processes see it that share it. */
export interface SharedTurnsSubject extends AsyncDisposable {
  process(member: string, times: TurnTimes): Promise<SharedTurns>;
  /** At least so much time goes by for the store. */
  pass(ms: number): Promise<void>;
  /** Takes it away until {@link back}. */
  away(): Promise<void>;
  back(): Promise<void>;
  /** Another store takes over, which has the memory of this one. */
  failOver(): Promise<void>;
}

const HOUR_MS = 3_600_000;
/** Long enough for nothing to end while a test asks. */
const LONG: TurnTimes = {
  spacingMs: HOUR_MS,
  holdMs: HOUR_MS,
  confirmedMs: HOUR_MS,
  underWayMs: HOUR_MS,
};
const SHORT_MS = 20;

/** One process and what it knows of the budget. */
class Asker {
  readonly turns: SharedTurns;
  readonly #subject: SharedTurnsSubject;
  #remaining = 1_000;
  #mark: SpendMark | null = null;
  #number = 0;

  constructor(subject: SharedTurnsSubject, turns: SharedTurns) {
    this.#subject = subject;
    this.turns = turns;
  }

  static async of(subject: SharedTurnsSubject, member: string, times: TurnTimes): Promise<Asker> {
    return new Asker(subject, await subject.process(member, times));
  }

  turn(shard: number): SharedTurn {
    return { shard, token: `${this.turns.member}/${++this.#number}` };
  }

  /** Discord answers, when the newest mark is known. */
  async read(remaining: number): Promise<void> {
    this.#mark = await this.mark();
    this.#remaining = remaining;
  }

  async mark(): Promise<SpendMark> {
    const answer = await this.ask([], { mark: null });
    assert(answer?.kind === "uncounted");
    return answer.mark;
  }

  async ask(turns: SharedTurn[], fields: Partial<AskedTurns> = {}): Promise<TurnsAnswer | null> {
    return await this.turns.take({
      turns,
      concurrency: 1,
      remaining: this.#remaining,
      mark: this.#mark,
      ...fields,
    });
  }

  /** Asks for turns, with a reading that can be counted from. */
  async counted(
    turns: SharedTurn[],
    fields: Partial<AskedTurns> = {},
  ): Promise<Extract<TurnsAnswer, { kind: "counted" }>> {
    if (this.#mark === null) this.#mark = await this.mark();
    const answer = await this.ask(turns, fields);
    assert(answer?.kind === "counted", `${answer?.kind}`);
    return answer;
  }

  /** Takes what must be free. */
  async take(shard: number, fields: Partial<AskedTurns> = {}): Promise<SharedTurn> {
    const turn = this.turn(shard);
    const { outcomes } = await this.counted([turn], fields);
    assert.deepEqual(outcomes, [{ kind: "taken" }]);
    return turn;
  }

  /** How long the bucket of each shard is another's yet, in one answer. */
  async waitsMs(shards: number[], fields: Partial<AskedTurns> = {}): Promise<number[]> {
    const { outcomes } = await this.counted(shards.map((shard) => this.turn(shard)), fields);
    return outcomes.map(waitMs);
  }

  /** Takes it as soon as it is free. */
  async takeWhenFree(shard: number): Promise<SharedTurn> {
    const turn = this.turn(shard);
    while (true) {
      const [outcome] = (await this.counted([turn])).outcomes;
      if (outcome?.kind === "taken") return turn;
      await this.#subject.pass(waitMs(outcome));
    }
  }

  /** IDENTIFY goes out. */
  async identify(turn: SharedTurn): Promise<void> {
    assert.equal(await this.turns.confirm(turn), true);
    await this.turns.used(turn);
  }
}

function waitMs(outcome: TurnOutcome | undefined): number {
  assert(outcome?.kind === "busy", `${outcome?.kind}`);
  return outcome.waitMs;
}

export function testSharedTurnsContract(name: string, start: () => Promise<SharedTurnsSubject>): void {
  Deno.test(`${name} shared turns give a bucket to one process, and the others to others`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    const buckets = { concurrency: 4 };
    await one.take(1, buckets);
    const { outcomes } = await other.counted([other.turn(5), other.turn(2)], buckets);
    assert.deepEqual(outcomes.map(({ kind }) => kind), ["busy", "taken"]);
    const [waitMs = 0] = await one.waitsMs([6], buckets);
    assert(waitMs > HOUR_MS / 2 && waitMs <= HOUR_MS, `${waitMs}`);
  });

  Deno.test(`${name} shared turns give one of two shards that ask at once for the same bucket`, async () => {
    await using subject = await start();
    const askers = await Promise.all(
      Array.from({ length: 8 }, (_, number) => Asker.of(subject, `member-${number}`, LONG)),
    );
    for (const asker of askers) await asker.read(1_000);
    const answers = await Promise.all(askers.map((asker, shard) => asker.counted([asker.turn(shard)])));
    assert.equal(answers.filter(({ outcomes }) => outcomes[0]?.kind === "taken").length, 1);
  });

  Deno.test(`${name} shared turns share no bucket by either number of buckets that processes know of`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    await one.take(5, { concurrency: 2 });
    const { outcomes } = await other.counted([other.turn(7), other.turn(21), other.turn(4)], {
      concurrency: 16,
    });
    assert.deepEqual(outcomes.map(({ kind }) => kind), ["busy", "busy", "taken"]);
  });

  Deno.test(`${name} shared turns pass on a turn that nobody keeps, and the one who had it cannot use it`, async () => {
    await using subject = await start();
    const dead = await Asker.of(subject, "dead", { ...LONG, holdMs: SHORT_MS });
    const other = await Asker.of(subject, "other", LONG);
    const lost = await dead.take(0);
    const next = await other.takeWhenFree(0);
    assert.equal(await dead.turns.confirm(lost), false);
    await dead.turns.keep([lost]);
    await dead.turns.used(lost);
    await dead.turns.giveBack(lost);
    assert.equal(await other.turns.confirm(next), true);
  });

  Deno.test(`${name} shared turns do not confirm a turn that has run out, though nobody else wants it`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", { ...LONG, holdMs: 1 });
    const turn = await one.take(0);
    await subject.pass(2);
    await one.turns.keep([turn]);
    assert.equal(await one.turns.confirm(turn), false);
  });

  Deno.test(`${name} shared turns begin the hold anew of those that are kept`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    const buckets = { concurrency: 2 };
    const kept = await one.take(0, buckets);
    await one.take(1, buckets);
    await subject.pass(SHORT_MS);
    await one.turns.keep([kept]);
    const [keptMs = 0, leftMs = 0] = await other.waitsMs([2, 3], buckets);
    assert(keptMs - leftMs >= SHORT_MS, `${keptMs} and ${leftMs}`);
  });

  Deno.test(`${name} shared turns keep a confirmed bucket for the spacing, and for as long as IDENTIFY may yet be sent`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", { ...LONG, holdMs: 60_000 });
    const other = await Asker.of(subject, "other", LONG);
    const buckets = { concurrency: 2 };
    const [sent, silent] = [await one.take(0, buckets), await one.take(1, buckets)];
    assert.equal(await one.turns.confirm(sent), true);
    assert.equal(await one.turns.confirm(silent), true);
    const [confirmedMs = 0] = await other.waitsMs([2], buckets);
    assert(confirmedMs > 1.5 * HOUR_MS && confirmedMs <= 2 * HOUR_MS, `${confirmedMs}`);
    await one.turns.used(sent);
    const [usedMs = 0, silentMs = 0] = await other.waitsMs([2, 3], buckets);
    assert(usedMs > HOUR_MS / 2 && usedMs <= HOUR_MS, `${usedMs}`);
    assert(silentMs > 1.5 * HOUR_MS, `${silentMs}`);
  });

  Deno.test(`${name} shared turns free a bucket the spacing after its IDENTIFY`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", { ...LONG, spacingMs: SHORT_MS });
    const other = await Asker.of(subject, "other", LONG);
    await one.identify(await one.take(0));
    await other.takeWhenFree(0);
  });

  Deno.test(`${name} shared turns free a bucket at once whose turn is given back, by its holder only`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    const turn = await one.take(0);
    await other.turns.giveBack(other.turn(0));
    await other.waitsMs([0]);
    await one.turns.giveBack(turn);
    const next = await other.take(0);
    await one.turns.giveBack(turn);
    await one.waitsMs([0]);
    assert.equal(await other.turns.confirm(next), true);
    await other.turns.giveBack(next);
    const third = await one.take(0);
    await one.identify(third);
    await one.turns.giveBack(third);
    await other.waitsMs([0]);
  });

  Deno.test(`${name} shared turns bear each question twice, and count it once`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    await one.read(10);
    const turn = one.turn(0);
    for (const _time of [1, 2]) assert.deepEqual((await one.counted([turn])).outcomes, [{ kind: "taken" }]);
    for (const _time of [1, 2]) assert.equal(await one.turns.confirm(turn), true);
    assert.equal((await one.counted([])).left, 9);
    await one.turns.used(turn);
    const [firstMs = 0] = await other.waitsMs([0]);
    await subject.pass(SHORT_MS);
    await one.turns.used(turn);
    const [laterMs = 0] = await other.waitsMs([0]);
    assert(laterMs <= firstMs - SHORT_MS + 1, `${firstMs} and ${laterMs}`);
    assert.equal(await one.turns.confirm(turn), false);
    assert.equal((await one.counted([])).left, 9);
  });

  Deno.test(`${name} shared turns do not sell the last of the budget twice, however many have read that it is left`, async () => {
    await using subject = await start();
    const [one, other] = [await Asker.of(subject, "one", LONG), await Asker.of(subject, "other", LONG)];
    const buckets = { concurrency: 16 };
    await one.read(1);
    await other.read(1);
    const turn = await one.take(0, buckets);
    const ask = () => other.counted([other.turn(1)], buckets);
    assert.deepEqual(await ask().then(({ left, outcomes }) => [left, outcomes]), [1, [{
      kind: "unaffordable",
    }]]);
    await one.identify(turn);
    assert.deepEqual(await ask().then(({ left, outcomes }) => [left, outcomes]), [0, [{
      kind: "unaffordable",
    }]]);
    // Discord may not have counted it yet.
    await other.read(1);
    assert.deepEqual((await ask()).outcomes, [{ kind: "unaffordable" }]);
    await other.read(2);
    assert.deepEqual((await ask()).outcomes, [{ kind: "taken" }]);
  });

  Deno.test(`${name} shared turns give in one answer no more than is left`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", LONG);
    await one.read(2);
    const turns = [0, 1, 2].map((shard) => one.turn(shard));
    const { outcomes } = await one.counted(turns, { concurrency: 3 });
    assert.deepEqual(outcomes.map(({ kind }) => kind), ["taken", "taken", "unaffordable"]);
    const [first] = turns;
    assert(first !== undefined);
    await one.turns.giveBack(first);
    await one.take(2, { concurrency: 3 });
  });

  Deno.test(`${name} shared turns take no IDENTIFY off a reading that has counted it`, async () => {
    await using subject = await start();
    const times = { ...LONG, confirmedMs: 1, underWayMs: 1 };
    const [one, other] = [await Asker.of(subject, "one", times), await Asker.of(subject, "other", times)];
    await other.read(10);
    await one.identify(await one.take(0));
    await subject.pass(3);
    assert.equal((await other.counted([])).left, 9, "it was spent after that reading");
    await other.read(9);
    assert.equal((await other.counted([])).left, 9);
  });

  Deno.test(`${name} shared turns give nothing to a reading that began before its mark was known`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", LONG);
    assert.equal((await one.ask([one.turn(0)], { mark: null }))?.kind, "uncounted");
    await one.take(0);
  });

  Deno.test(`${name} shared turns give nothing, after another store took over, before all is over that it may not know of`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", LONG);
    const buckets = { concurrency: 2 };
    const held = await one.take(0, buckets);
    const old = await one.mark();
    await subject.failOver();
    const answer = await one.ask([one.turn(1)], buckets);
    assert(answer?.kind === "unsettled");
    assert(answer.waitMs > 1.5 * HOUR_MS && answer.waitMs <= 2 * HOUR_MS, `${answer.waitMs}`);
    assert.equal(await one.turns.confirm(held), true, "what it knows of stands");

    const times: TurnTimes = { spacingMs: SHORT_MS, holdMs: SHORT_MS, confirmedMs: 1, underWayMs: 1 };
    const other = await Asker.of(subject, "other", times);
    await subject.failOver();
    const turn = other.turn(3);
    while (true) {
      const answer = await other.ask([turn], { mark: old, concurrency: 2 });
      if (answer?.kind !== "unsettled") break;
      await subject.pass(answer.waitMs);
    }
    assert.equal((await other.ask([turn], { mark: old, concurrency: 2 }))?.kind, "uncounted");
    await other.take(3, buckets);
  });

  Deno.test(`${name} shared turns answer nothing while they are away, and do not reject`, async () => {
    await using subject = await start();
    const one = await Asker.of(subject, "one", LONG);
    const turn = await one.take(0);
    await subject.away();
    assert.equal(await one.ask([one.turn(0)]), null);
    assert.equal(await one.turns.confirm(turn), false);
    await one.turns.keep([turn]);
    await one.turns.used(turn);
    await one.turns.giveBack(turn);
    await subject.back();
    assert.equal(await one.turns.confirm(turn), true, "it was not given back");
  });
}
