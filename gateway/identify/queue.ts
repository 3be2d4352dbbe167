/**
 * The identify queue: who may send IDENTIFY when. One turn at a time per bucket of `max_concurrency`, spaced,
 * buckets in order, and never more in a day than Discord allows: a bot that overspends has its token reset.
 * A RESUME never waits here.
 *
 * A shard takes its turn before it connects, has it confirmed when it could send IDENTIFY, and says when IDENTIFY
 * went out; the spacing counts from there, so that a slow connection can neither bunch two IDENTIFYs together nor
 * leave open sockets waiting for hours.
 *
 * In a fleet each process has its own queue and keeps its own shards' order; a turn is granted here only when it has
 * been taken from what all of them share. Where that does not answer nobody identifies.
 *
 * Source: Discord gateway docs, Identifying, Rate Limiting, Sharding (Max Concurrency).
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { IdentifyBudget } from "./budget.ts";
import type { SharedTurn, SharedTurns, TurnsAnswer } from "./shared_turns.ts";

export interface IdentifyQueueOptions {
  readonly clock: Clock;
  readonly budget: IdentifyBudget;
  /** Between two IDENTIFYs of one bucket, `SHARDS_WAIT`. */
  readonly spacingMs: number;
  /** `SHARDS_CONCURRENCY`; null takes `max_concurrency` from Discord. */
  readonly concurrency: number | null;
  /** What others that identify for the same bot share with this process; null while there are none. */
  readonly shared: () => SharedTurns | null;
}

/** What a shard holds from its grant to its IDENTIFY. */
export interface IdentifyTurn {
  /**
   * Asks, right before IDENTIFY is sent, whether the turn is still this shard's. `answered` is called once, at once
   * where the process runs alone: with true, IDENTIFY is to be sent in that same call; with false the turn has passed
   * on, and is still to be given back. It is not called for a turn that was given back meanwhile.
   */
  confirm(answered: (isStillOurs: boolean) => void): void;
}

type Granted = (turn: IdentifyTurn) => void;

interface Grant {
  /** Null where the process runs alone. */
  readonly sharedTurn: SharedTurn | null;
  isConfirming: boolean;
  cancelConfirm: () => void;
}

/** How soon shared turns are asked again that did not answer, or whose holder may give them back. */
const ASK_AGAIN_MS = 1_000;

export class IdentifyQueue {
  readonly #options: IdentifyQueueOptions;
  readonly #waiting = new Map<number, Granted>();
  readonly #granted = new Map<number, Grant>();
  /** Bucket → when its next IDENTIFY may go out, or when to ask for it. */
  readonly #bucketFreeAtMs = new Map<number, number>();
  #cancelWake: (() => void) | null = null;
  #cancelKeep: (() => void) | null = null;
  #asking = false;
  #turnsAsked = 0;
  #stopped = false;

  constructor(options: IdentifyQueueOptions) {
    this.#options = options;
  }

  /** Asks for a turn; `granted` is called once, when it has come. Asking twice changes nothing. */
  request(shard: number, granted: Granted): void {
    if (this.#stopped || this.#granted.has(shard) || this.#waiting.has(shard)) return;
    this.#waiting.set(shard, granted);
    // Later in this turn of the event loop, so that shards that ask together are taken in order of their ids.
    this.#wakeAt(this.#options.clock.nowMs());
  }

  /** The shard has sent IDENTIFY on its turn. */
  used(shard: number): void {
    const sharedTurn = this.#release(shard);
    if (sharedTurn === undefined) return;
    const { clock, budget, spacingMs } = this.#options;
    if (sharedTurn !== null) this.#shared?.used(sharedTurn);
    budget.spend();
    this.#bucketFreeAtMs.set(this.#bucketOf(shard), clock.nowMs() + spacingMs);
    this.#pump();
  }

  /** The shard gives its turn back unused, or no longer wants one. */
  giveBack(shard: number): void {
    if (this.#waiting.delete(shard)) return this.#pump();
    const sharedTurn = this.#release(shard);
    if (sharedTurn === undefined) return;
    if (sharedTurn !== null) this.#shared?.giveBack(sharedTurn);
    this.#pump();
  }

  /** Grants nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting.clear();
    this.#cancelWake?.();
    this.#cancelWake = null;
    this.#cancelKeep?.();
    this.#cancelKeep = null;
  }

  get #shared(): SharedTurns | null {
    return this.#options.shared();
  }

  /** Undefined where the shard has no turn. */
  #release(shard: number): SharedTurn | null | undefined {
    const grant = this.#granted.get(shard);
    this.#granted.delete(shard);
    grant?.cancelConfirm();
    return grant?.sharedTurn;
  }

  #bucketOf(shard: number): number {
    return shard % this.#concurrency();
  }

  #concurrency(): number {
    return this.#options.concurrency ?? this.#options.budget.maxConcurrency;
  }

  #pump(): void {
    // What is asked is answered, and looked at again then.
    if (this.#stopped || this.#asking || this.#waiting.size === 0) return;
    const { clock, budget } = this.#options;
    const shared = this.#shared;
    const nowMs = clock.nowMs();
    // Turns that are out in a fleet are counted where all of them are known.
    const out = shared === null ? this.#granted.size : 0;
    const allowance = budget.allowance(nowMs, out, () => this.#pump());
    if (allowance.kind === "unknown") return;
    if (allowance.kind === "none") return this.#wakeAt(allowance.untilMs);
    const concurrency = this.#concurrency();
    const waiting = [...this.#waiting.keys()].sort((one, other) => one - other);
    const holders = [...this.#granted.keys()];
    // Buckets start in order: the whole of one run of `concurrency` shards before any of the next.
    const run = Math.floor(Math.min(waiting[0] ?? Infinity, ...holders) / concurrency);
    let nextFreeAtMs = Infinity;
    const shards: number[] = [];
    for (const shard of waiting) {
      if (shards.length === allowance.identifies || Math.floor(shard / concurrency) !== run) break;
      const freeAtMs = this.#bucketFreeAtMs.get(shard % concurrency) ?? nowMs;
      if (freeAtMs > nowMs) {
        nextFreeAtMs = Math.min(nextFreeAtMs, freeAtMs);
        continue;
      }
      // Two shards of one run never share a bucket, but a granted one of an earlier run may hold it.
      if (holders.some((other) => other % concurrency === shard % concurrency)) continue;
      shards.push(shard);
    }
    if (nextFreeAtMs !== Infinity) this.#wakeAt(nextFreeAtMs);
    if (shared === null) this.#grant(shards.map((shard) => ({ shard, sharedTurn: null })));
    else if (shards.length > 0) this.#ask(shared, shards, concurrency);
  }

  #grant(turns: readonly { shard: number; sharedTurn: SharedTurn | null }[]): void {
    const told = turns.flatMap(({ shard, sharedTurn }) => {
      const granted = this.#waiting.get(shard);
      if (granted === undefined) return [];
      this.#waiting.delete(shard);
      const grant: Grant = { sharedTurn, isConfirming: false, cancelConfirm: () => {} };
      this.#granted.set(shard, grant);
      return [{ shard, grant, granted }];
    });
    // Told once all is decided: a shard that is told may use its turn, or give back its own or another's, at once.
    for (const { shard, grant, granted } of told) {
      if (this.#granted.get(shard) !== grant) continue;
      granted({ confirm: (answered) => this.#confirm(shard, grant, answered) });
    }
  }

  // What a fleet shares.

  async #ask(shared: SharedTurns, shards: readonly number[], concurrency: number): Promise<void> {
    const { clock, budget } = this.#options;
    const { reading } = budget;
    if (reading === null) return;
    const { gateway, mark } = reading;
    const turns = shards.map((shard) => ({ shard, token: `${shared.member}/${++this.#turnsAsked}` }));
    this.#asking = true;
    const { remaining } = gateway.sessionStartLimit;
    const answer = await shared.take({ turns, concurrency, remaining, mark });
    this.#asking = false;
    const nowMs = clock.nowMs();
    if (answer === null) return this.#wakeAt(nowMs + ASK_AGAIN_MS);
    switch (answer.kind) {
      case "unsettled":
        return this.#wakeAt(nowMs + answer.waitMs);
      case "uncounted":
        budget.dateReadings(answer.mark);
        budget.uncountable(gateway);
        return this.#pump();
      case "counted":
        budget.dateReadings(answer.mark);
        budget.counted(gateway, answer.left);
        return this.#answered(shared, turns, concurrency, answer);
      default:
        answer satisfies never;
    }
  }

  #answered(
    shared: SharedTurns,
    turns: readonly SharedTurn[],
    concurrency: number,
    { left, outcomes }: Extract<TurnsAnswer, { kind: "counted" }>,
  ): void {
    const nowMs = this.#options.clock.nowMs();
    const askAgainAtMs = nowMs + ASK_AGAIN_MS;
    const taken: { shard: number; sharedTurn: SharedTurn }[] = [];
    let isUnaffordable = false;
    turns.forEach((sharedTurn, at) => {
      const { shard } = sharedTurn;
      const outcome = outcomes[at];
      if (outcome?.kind === "taken") {
        // The shard may have gone another way since.
        if (this.#waiting.has(shard)) taken.push({ shard, sharedTurn });
        else shared.giveBack(sharedTurn);
      } else if (outcome?.kind === "busy") {
        // Its holder may give it back before.
        this.#bucketFreeAtMs.set(shard % concurrency, Math.min(nowMs + outcome.waitMs, askAgainAtMs));
      } else isUnaffordable = true;
    });
    this.#grant(taken);
    this.#keepLater(shared);
    // Turns that are out may come back unused.
    if (isUnaffordable && left > 0) this.#wakeAt(askAgainAtMs);
    else this.#pump();
  }

  /** A connection may take longer than a hold lasts. */
  #keepLater(shared: SharedTurns): void {
    if (this.#stopped || this.#cancelKeep !== null) return;
    const { clock } = this.#options;
    if (this.#heldTurns.length === 0) return;
    this.#cancelKeep = clock.schedule(clock.nowMs() + Math.ceil(shared.times.holdMs / 3), () => {
      this.#cancelKeep = null;
      const held = this.#heldTurns;
      if (held.length > 0) shared.keep(held);
      this.#keepLater(shared);
    });
  }

  /** What is confirmed lasts without being kept. */
  get #heldTurns(): SharedTurn[] {
    return [...this.#granted.values()].flatMap(({ sharedTurn, isConfirming }) =>
      sharedTurn === null || isConfirming ? [] : [sharedTurn]
    );
  }

  #confirm(shard: number, grant: Grant, answered: (isStillOurs: boolean) => void): void {
    if (this.#granted.get(shard) !== grant || grant.isConfirming) return;
    const { sharedTurn } = grant;
    const shared = this.#shared;
    if (sharedTurn === null || shared === null) return answered(true);
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + shared.times.confirmedMs;
    grant.isConfirming = true;
    let isOpen = true;
    const answer = (isStillOurs: boolean) => {
      if (!isOpen) return;
      grant.cancelConfirm();
      answered(isStillOurs);
    };
    const cancelTimer = clock.schedule(untilMs, () => answer(false));
    grant.cancelConfirm = () => {
      isOpen = false;
      cancelTimer();
    };
    // A timer that is late, in a process that stood still, makes no late answer good.
    shared.confirm(sharedTurn).then((isStillOurs) => answer(isStillOurs && clock.nowMs() < untilMs));
  }

  #wakeAt(atMs: number): void {
    if (this.#stopped) return;
    this.#cancelWake?.();
    this.#cancelWake = this.#options.clock.schedule(atMs, () => {
      this.#cancelWake = null;
      this.#pump();
    });
  }
}
