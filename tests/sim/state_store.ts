/**
 * The state cache of a simulated Redis, as one gateway process reaches it: the connection is lost with the first call that
 * Redis does not answer, and there is another when it answers again.
 *
 * @module
 */
import type {
  GuildPage,
  KeptAlready,
  StateOutcome,
  StateStep,
  StateStore,
  StateStoreEvents,
  WrittenShard,
} from "../../gateway/state/store.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Scene } from "./scene.ts";

/** What carries out and answers, in its time, or fails to. */
export interface SimulatedStateStoreOptions {
  readonly scene: Scene;
  readonly process: GatewayProcess;
  /** What is kept. */
  readonly state: Pick<StateStore, "apply" | "written" | "guilds">;
  readonly already: () => KeptAlready;
  readonly send: <Value>(
    carryOut: () => Value | Promise<Value>,
    answered: (value: Value | Promise<Value>) => void,
    failed: () => void,
  ) => void;
}

const RECONNECT_AFTER_MS = 500;

export class SimulatedStateStore implements StateStore {
  readonly #options: SimulatedStateStoreOptions;
  #events: StateStoreEvents | null = null;
  #isOpen = false;
  /** Counts the openings: an answer to an earlier one is nobody's. */
  #epoch = 0;
  /** What was asked and is not answered yet, oldest first: a connection answers in this order. Null: no answer yet. */
  #unanswered: { answer: (() => void) | null }[] = [];

  constructor(options: SimulatedStateStoreOptions) {
    this.#options = options;
  }

  start(events: StateStoreEvents): void {
    if (!this.#options.process.calls()) return;
    this.#events = events;
    this.#open();
  }

  apply(
    steps: readonly StateStep[],
    shard?: number,
    written?: WrittenShard["sessions"],
  ): Promise<StateOutcome> {
    return this.#ask(() => this.#options.state.apply(steps, shard, written));
  }

  written(shards: readonly number[]): Promise<readonly WrittenShard[]> {
    return this.#ask(() => this.#options.state.written(shards));
  }

  guilds(page: string | null): Promise<GuildPage> {
    return this.#ask(() => this.#options.state.guilds(page));
  }

  close(): Promise<void> {
    this.#events = null;
    this.#isOpen = false;
    this.#epoch += 1;
    return this.#options.process.asks((resolve) => this.#options.scene.clock.after(5, resolve));
  }

  #ask<Value>(carryOut: () => Promise<Value>): Promise<Value> {
    const { scene, process, send } = this.#options;
    if (!this.#isOpen && process.isAlive) scene.report("the state cache was asked while it is away");
    const epoch = this.#epoch;
    return process.asks((resolve) => {
      const asked: { answer: (() => void) | null } = { answer: null };
      this.#unanswered.push(asked);
      const answered = (value: Value | Promise<Value>) => {
        if (epoch !== this.#epoch) return;
        asked.answer = () => resolve(value as Value);
        this.#answer();
      };
      send(carryOut, answered, process.into(() => this.#lose(epoch)));
    });
  }

  #answer(): void {
    for (let answer; (answer = this.#unanswered[0]?.answer ?? null) !== null;) {
      this.#unanswered.shift();
      answer();
    }
  }

  #open(): void {
    const { scene, process, send, already } = this.#options;
    const answered = process.into((kept: KeptAlready | Promise<KeptAlready>) => {
      if (this.#events === null) return;
      this.#isOpen = true;
      scene.history.note("state", "gateway", "has a state cache");
      this.#events.opened(kept as KeptAlready);
    });
    send(already, answered, process.into(() => this.#openLater()));
  }

  #openLater(): void {
    const { scene, process } = this.#options;
    if (this.#events !== null) {
      scene.clock.after(RECONNECT_AFTER_MS, process.into(() => this.#events && this.#open()));
    }
  }

  #lose(epoch: number): void {
    const { scene } = this.#options;
    if (epoch !== this.#epoch || !this.#isOpen) return;
    this.#epoch += 1;
    this.#unanswered = [];
    this.#isOpen = false;
    scene.history.note("state", "gateway", "has lost the state cache");
    scene.checkers.state?.troubled(scene.clock.nowMs());
    this.#events?.closed();
    this.#openLater();
  }
}
