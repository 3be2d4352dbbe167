/**
 * The daily identify budget: read from Discord, counted down here, or by a fleet's shared turns, read again before it
 * is relied on.
 *
 * Discord resets the token of a bot that identifies more often than `session_start_limit` allows (gateway docs,
 * Session Start Limit), so nothing is spent on a reading that is missing or old.
 *
 * @module
 */
import type { Clock, Dice } from "../clock.ts";
import type { Observer } from "../observation.ts";
import type { SpendMark } from "./shared_turns.ts";

/** What `GET /gateway/bot` said. */
export interface GatewayBot {
  /** Where shards connect: `wss://gateway.discord.gg`. */
  readonly url: string;
  /** Number of shards that Discord recommends. */
  readonly shards: number;
  /** The daily budget (Discord gateway docs, Session Start Limit Object). */
  readonly sessionStartLimit: {
    readonly total: number;
    readonly remaining: number;
    /** Until `remaining` is `total` again; at most a day. */
    readonly resetAfterMs: number;
    /** IDENTIFYs allowed per 5 s. */
    readonly maxConcurrency: number;
  };
}

export interface IdentifyBudgetOptions {
  readonly clock: Clock;
  readonly dice: Dice;
  readonly observe: Observer;
  /** Asks Discord. Null: no answer this time; what went wrong has been observed by whoever asked. */
  readonly read: () => Promise<GatewayBot | null>;
}

export type Allowance =
  | { kind: "some"; identifies: number }
  /** None before `untilMs`. */
  | { kind: "none"; untilMs: number }
  /** A reading is under way. */
  | { kind: "unknown" };

interface Reading {
  readonly gateway: GatewayBot;
  /** See {@link IdentifyBudget.dateReadings}. */
  readonly mark: SpendMark | null;
  readonly atMs: number;
  readonly resetsAtMs: number;
  remaining: number;
  /** Set where the fleet's spending cannot be counted from it. */
  isUncountable: boolean;
}

/** Others may spend from the same budget, so a reading is only good for about one run of identifies. */
const READING_MAX_AGE_MS = 5_000;
/** How long an IDENTIFY may be on its way before Discord has counted it. */
const UNDER_WAY_MAX_MS = 5_000;
/** While Discord's REST does not answer, an older reading counted down here is used up to this age. */
const READING_USABLE_MS = 600_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A budget that is spent may be raised before its reset. */
const EXHAUSTED_RECHECK_MS = 60_000;
/** Below this part of the total it is warned about. */
const LOW_SHARE = 0.1;

export class IdentifyBudget {
  readonly #options: IdentifyBudgetOptions;
  #reading: Reading | null = null;
  #mark: SpendMark | null = null;
  #underWay: Promise<void> | null = null;
  #changeAwaited = false;
  /** When IDENTIFYs went out that the reading under way, or the newest one, may not have counted. */
  #spentAtMs: number[] = [];
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #warnedUntilMs = 0;
  #exhaustedSaid = false;
  #stopped = false;

  constructor(options: IdentifyBudgetOptions) {
    this.#options = options;
  }

  /** The newest answer of Discord's, null before the first. */
  get gateway(): GatewayBot | null {
    return this.#reading?.gateway ?? null;
  }

  /** IDENTIFYs Discord takes at the same time. Only asked once there is a reading; 1 before. */
  get maxConcurrency(): number {
    return this.#reading?.gateway.sessionStartLimit.maxConcurrency ?? 1;
  }

  /**
   * How many more turns may be granted while `granted` are out. Where that is not known, a reading is started
   * and `changed` is called when it is there: once, however often this was asked meanwhile.
   */
  allowance(nowMs: number, granted: number, changed: () => void): Allowance {
    const reading = this.#reading;
    const ageMs = reading === null ? Infinity : nowMs - reading.atMs;
    const reset = reading !== null && nowMs >= reading.resetsAtMs;
    const outdated = reset || reading?.isUncountable === true;
    // Put like what is told below to wait for: at that moment it is to be over, fractions of times notwithstanding.
    const old = reading === null || outdated || nowMs >= reading.atMs + READING_MAX_AGE_MS;
    if (old) this.#refreshThen(changed);
    const usable = !old || (!outdated && this.#failures > 0 && ageMs <= READING_USABLE_MS);
    if (reading === null || !usable) return { kind: "unknown" };
    const left = reading.remaining - granted;
    if (left > 0) {
      this.#exhaustedSaid = false;
      return { kind: "some", identifies: left };
    }
    // Turns that are out may come back unused; the queue asks again then.
    if (reading.remaining > 0) return { kind: "some", identifies: 0 };
    // Only our own count says so, which is on the safe side: Discord is asked again before it is believed.
    if (reading.gateway.sessionStartLimit.remaining > 0) {
      return old ? { kind: "unknown" } : { kind: "none", untilMs: reading.atMs + READING_MAX_AGE_MS };
    }
    if (!this.#exhaustedSaid) {
      this.#exhaustedSaid = true;
      this.#options.observe({ kind: "identify.exhausted", resetsInMs: reading.resetsAtMs - nowMs });
    }
    return { kind: "none", untilMs: Math.min(reading.resetsAtMs, nowMs + EXHAUSTED_RECHECK_MS) };
  }

  /** One IDENTIFY went out. */
  spend(): void {
    this.#spentAtMs.push(this.#options.clock.nowMs());
    if (this.#reading === null) return;
    this.#reading.remaining -= 1;
    this.#tell(this.#reading);
  }

  // What a fleet spends together is counted outside, from a mark that is older than the reading it is taken off.

  /** What Discord said last, and the mark that was known when it was asked. Null before the first. */
  get reading(): { readonly gateway: GatewayBot; readonly mark: SpendMark | null } | null {
    return this.#reading;
  }

  /** Readings that begin from now on are counted from `mark`. */
  dateReadings(mark: SpendMark): void {
    this.#mark = mark;
  }

  /** With all that the fleet has spent, `left` are left of what `gateway` says. */
  counted(gateway: GatewayBot, left: number): void {
    const reading = this.#reading;
    if (reading?.gateway !== gateway || reading.remaining === Math.max(0, left)) return;
    reading.remaining = Math.max(0, left);
    this.#tell(reading);
  }

  /** What the fleet has spent cannot be taken off what `gateway` says: Discord is asked anew before anything is granted. */
  uncountable(gateway: GatewayBot): void {
    if (this.#reading?.gateway === gateway) this.#reading.isUncountable = true;
  }

  /** Reads now, or waits for the reading that is under way. Resolves when there is an answer, or at `stop`. */
  refresh(): Promise<void> {
    this.#underWay ??= this.#read().finally(() => this.#underWay = null);
    return this.#underWay;
  }

  /** Starts a reading where the last one is old, and does not wait for it. */
  freshen(): void {
    const ageMs = this.#options.clock.nowMs() - (this.#reading?.atMs ?? -Infinity);
    if (ageMs >= READING_MAX_AGE_MS) this.refresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRetry?.();
  }

  async #refreshThen(changed: () => void): Promise<void> {
    if (this.#changeAwaited) return;
    this.#changeAwaited = true;
    await this.refresh();
    this.#changeAwaited = false;
    changed();
  }

  async #read(): Promise<void> {
    const { clock, read, dice } = this.#options;
    if (this.#failures > 0 && !this.#stopped) {
      const delayMs = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (this.#failures - 1)) * (0.5 + dice() / 2);
      await new Promise<void>((resolve) => {
        const cancelTimer = clock.schedule(clock.nowMs() + delayMs, resolve);
        this.#cancelRetry = () => {
          cancelTimer();
          resolve();
        };
      });
    }
    if (this.#stopped) return;
    const countedMs = clock.nowMs() - UNDER_WAY_MAX_MS;
    this.#spentAtMs = this.#spentAtMs.filter((atMs) => atMs > countedMs);
    const mark = this.#mark;
    const gateway = await read();
    if (gateway === null) {
      this.#failures += 1;
      return;
    }
    this.#failures = 0;
    const nowMs = clock.nowMs();
    const limit = gateway.sessionStartLimit;
    this.#reading = {
      gateway,
      mark,
      isUncountable: false,
      atMs: nowMs,
      resetsAtMs: nowMs + limit.resetAfterMs,
      // Whether the latest IDENTIFYs are in the answer is not known: counted twice is safe.
      remaining: Math.max(0, limit.remaining - this.#spentAtMs.length),
    };
    this.#tell(this.#reading);
  }

  #tell(reading: Reading): void {
    const { clock, observe } = this.#options;
    const nowMs = clock.nowMs();
    const { total } = reading.gateway.sessionStartLimit;
    const { remaining } = reading;
    const resetsInMs = Math.max(0, reading.resetsAtMs - nowMs);
    observe({ kind: "identify.budget", remaining, total, resetsInMs });
    if (remaining > total * LOW_SHARE || nowMs < this.#warnedUntilMs) return;
    this.#warnedUntilMs = reading.resetsAtMs;
    observe({ kind: "identify.low", remaining, total, resetsInMs });
  }
}
