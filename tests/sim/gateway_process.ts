/**
 * The life of one simulated gateway process. It may die at any step: at any of its calls to the outside, and
 * whenever nothing of it runs. From then on its calls do nothing and nothing calls it back.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export class GatewayProcess {
  /** Counts processes from 1. */
  readonly number: number;
  /** The clock as this process sees it. */
  readonly clock: Clock;
  readonly #world: VirtualClock;
  readonly #died: () => void;
  #isAlive = true;
  /** Calls to the outside until it dies. */
  #stepsLeft = Infinity;

  constructor(options: { number: number; clock: VirtualClock; died: () => void }) {
    this.number = options.number;
    this.#world = options.clock;
    this.#died = options.died;
    this.clock = {
      nowMs: () => this.#world.nowMs(),
      wallMs: () => this.#world.wallMs(),
      schedule: (atMs, callback) =>
        this.#isAlive ? this.#world.schedule(atMs, this.into(callback)) : () => {},
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** One call of the process to the outside. False where it is dead, or dies of it: then the call does nothing. */
  calls(): boolean {
    if (!this.#isAlive) return false;
    this.#stepsLeft -= 1;
    if (this.#stepsLeft > 0) return true;
    this.die();
    return false;
  }

  /** A callback into the process: does nothing once it is dead. */
  into<Arguments extends unknown[]>(callback: (...args: Arguments) => void): (...args: Arguments) => void {
    return (...args) => {
      if (this.#isAlive) callback(...args);
    };
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
    this.#died();
  }
}
