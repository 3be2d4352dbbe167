/**
 * A store of the state cache, moved by hand: it opens, answers and goes away when the test says so, and keeps nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  GuildPage,
  KeptAlready,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../../gateway/state/store.ts";
import { shownStep } from "./shown_steps.ts";

interface Question {
  readonly steps: readonly StateStep[];
  readonly written: WrittenShard | undefined;
  readonly answer: PromiseWithResolvers<StateOutcome>;
}

export class HandStore implements StateStore {
  /** Every step it was asked for, repeats included, as lines. */
  readonly asked: string[] = [];
  /** What it was told that is written, in order. */
  readonly toldWritten: WrittenShard[] = [];
  isClosed = false;
  #events: StateStoreEvents | null = null;
  #isOpen = false;
  /** What was written by what is answered. */
  readonly #kept = new Map<number, WrittenShard>();
  #unanswered: Question[] = [];

  get unanswered(): number {
    return this.#unanswered.length;
  }

  start(events: StateStoreEvents): void {
    this.#events = events;
  }

  /** What asks nothing is answered with what was asked before it. */
  apply(
    steps: readonly StateStep[],
    shard?: number,
    sessions?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    const written = shard === undefined || sessions === undefined ? undefined : { shard, sessions };
    assert(this.#isOpen, "only an open store is asked");
    this.asked.push(...steps.map(shownStep));
    const answer = Promise.withResolvers<StateOutcome>();
    this.#unanswered.push({ steps, written, answer });
    if (written !== undefined) this.toldWritten.push(written);
    this.#answerNothing();
    return answer.promise;
  }

  /** What was told by what is answered. */
  written(shards: readonly number[]): Promise<readonly WrittenShard[]> {
    return Promise.resolve([...this.#kept.values()].filter(({ shard }) => shards.includes(shard)));
  }

  guilds(): Promise<GuildPage> {
    return Promise.resolve({ ids: [], next: null });
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  open(kept: Partial<KeptAlready> = {}): void {
    assert(!this.#isOpen, "the store is open already");
    this.#isOpen = true;
    this.#events?.opened({ botId: null, written: [...this.#kept.values()], ...kept });
  }

  /** It goes away, and answers nothing of what it was asked. */
  drop(): void {
    assert(this.#isOpen, "only an open store goes away");
    this.#isOpen = false;
    this.#unanswered = [];
    this.#events?.closed();
  }

  /** Answers the oldest question: this was kept before, and so much is left to clear. */
  answer(old: string | null = null, left = 0): void {
    const { steps, answer } = this.#next();
    const wanted = steps.filter((step) => "wantsOld" in step && step.wantsOld);
    const olds = wanted.map((_, index) => index === 0 && old !== null ? new TextEncoder().encode(old) : null);
    answer.resolve({ olds, left });
    this.#answerNothing();
  }

  /** Answers the question behind the oldest: whoever asked must not depend on the order. */
  answerSecond(): void {
    const [second] = this.#unanswered.splice(1, 1);
    assert(second !== undefined, "nothing more is asked");
    if (second.written !== undefined) this.#kept.set(second.written.shard, second.written);
    second.answer.resolve({ olds: [], left: 0 });
  }

  fail(message: string): void {
    this.#next().answer.reject(new Error(message));
    this.#answerNothing();
  }

  #answerNothing(): void {
    while (this.#unanswered[0]?.steps.length === 0) this.#next().answer.resolve({ olds: [], left: 0 });
  }

  #next(): Question {
    const next = this.#unanswered.shift();
    assert(next !== undefined, "nothing is asked");
    if (next.written !== undefined) this.#kept.set(next.written.shard, next.written);
    return next;
  }
}
