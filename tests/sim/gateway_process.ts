/**
 * The life of one simulated gateway process. It may die at any step: at any of its calls to the outside, and
 * whenever nothing of it runs. From then on its calls do nothing and nothing calls it back. It may also stand still:
 * what would have called it back meanwhile does so, all at once, when it goes on.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { Machine } from "./machine.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** What a process that goes on hears of first. */
export type Awakening = "in order" | "timers first" | "timers last";

interface HeldCall {
  readonly isTimer: boolean;
  readonly call: () => void;
}

export class GatewayProcess {
  /** Counts processes from 1. */
  readonly number: number;
  readonly machine: Machine;
  /** The clock as this process sees it. */
  readonly clock: Clock;
  readonly #world: VirtualClock;
  readonly #died: () => void;
  #isAlive = true;
  /** Calls to the outside until it dies. */
  #stepsLeft = Infinity;
  /** What waits for it to go on; null while nothing does. */
  #held: HeldCall[] | null = null;
  #pausedAtMs: number | null = null;
  /** By so much its monotonic clock is behind the world's. */
  #lagMs = 0;

  constructor(options: { number: number; clock: VirtualClock; machine?: Machine; died: () => void }) {
    this.number = options.number;
    this.machine = options.machine ?? new Machine("gateway");
    this.#world = options.clock;
    this.#died = options.died;
    this.clock = {
      nowMs: () => this.#world.nowMs() - this.#lagMs,
      wallMs: () => this.#world.wallMs() + this.machine.skewMs,
      schedule: (atMs, callback) => this.#schedule(atMs, callback),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Whether nothing of it runs now, though it lives. */
  get isPaused(): boolean {
    return this.#pausedAtMs !== null;
  }

  /** One call of the process to the outside. False where it is dead, or dies of it: then the call does nothing. */
  calls(): boolean {
    if (!this.#isAlive) return false;
    this.#stepsLeft -= 1;
    if (this.#stepsLeft > 0) return true;
    this.die();
    return false;
  }

  /** A callback into the process: waits while it stands still, and does nothing once it is dead. */
  into<Arguments extends unknown[]>(callback: (...args: Arguments) => void): (...args: Arguments) => void {
    return (...args) => this.#call(false, () => callback(...args));
  }

  /** A call that is answered later: `answer` is what the world does with it. Never settles once the process is dead. */
  asks<Value>(
    answer: (resolve: (value: Value) => void, reject: (error: Error) => void) => void,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.calls()) answer(this.into(resolve), this.into(reject));
    });
  }

  /** Lets it die at its next call but so many. */
  dieAfter(steps: number): void {
    this.#stepsLeft = steps + 1;
  }

  die(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held = null;
    this.#pausedAtMs = null;
    this.#died();
  }

  /** Nothing of it runs any more, until {@link goOn}. */
  pause(): void {
    if (!this.#isAlive || this.#held !== null) return;
    this.#held = [];
    this.#pausedAtMs = this.#world.nowMs();
  }

  /** `slept`: its monotonic clock stood still too, as it does while a machine sleeps. */
  goOn(awakening: Awakening, slept: boolean): void {
    if (this.#held === null || this.#pausedAtMs === null) return;
    if (slept) this.#lagMs += this.#world.nowMs() - this.#pausedAtMs;
    this.#pausedAtMs = null;
    if (awakening !== "in order") {
      const isFirst = awakening === "timers first";
      this.#held.sort((one, other) => Number(other.isTimer === isFirst) - Number(one.isTimer === isFirst));
    }
    this.#catchUp();
  }

  /** One after the other, as an event loop does. */
  #catchUp(): void {
    this.#world.after(0, () => {
      if (!this.#isAlive || this.#held === null || this.isPaused) return;
      const next = this.#held.shift();
      if (next === undefined) {
        this.#held = null;
        return;
      }
      next.call();
      this.#catchUp();
    });
  }

  #call(isTimer: boolean, call: () => void): void {
    if (!this.#isAlive) return;
    if (this.#held === null) call();
    else this.#held.push({ isTimer, call });
  }

  #schedule(atMs: number, callback: () => void): () => void {
    if (!this.#isAlive) return () => {};
    let isCancelled = false;
    let cancelTimer = () => {};
    const due = () => {
      if (isCancelled) return;
      // Its clock stood still since the timer was set.
      if (this.clock.nowMs() < atMs) set();
      else callback();
    };
    const set = () => {
      cancelTimer = this.#world.schedule(atMs + this.#lagMs, () => this.#call(true, due));
    };
    set();
    return () => {
      isCancelled = true;
      cancelTimer();
    };
  }
}
