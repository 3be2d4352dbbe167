/**
 * The part of one process in a change of the number of shards. It looks at what is planned, brings its new side up beside the
 * old one, holds the old one back when all processes are ready, and lets the new one take over.
 *
 * Until they take over, giving up costs nothing: the old side goes on, and what it had held back is published. From then on
 * the old side only waits for what it may have seen alone.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import { type Bank, otherBank } from "../resume/bank.ts";
import { OVERLAP_MS } from "./event_way.ts";
import {
  hasTakenOver,
  isUnderWay,
  nextPhase,
  type ReshardPhase,
  type ReshardPlan,
  type ReshardStore,
  type ReshardView,
  runningBy,
  supersededBy,
} from "./plan.ts";

/** The service that runs when a change begins. */
export interface OldSide {
  /** Its id, and those of all that run shards of the same number and are there. */
  readonly member: string;
  readonly members: ReadonlySet<string>;
  /** Where what it runs is kept. */
  readonly bank: Bank;
  /** How many shards there are; null where that is not known yet. */
  readonly total: number | null;
  /** What keeps its events from being held back for a moment, one phrase; null: nothing. */
  readonly obstacle: string | null;
  /** Notes from now on what is published. */
  watch(): void;
  /** Resolves once all that came before is published, with digests of the last of it; null: that took too long. */
  hold(maxMs: number): Promise<readonly string[] | null>;
  /** Goes on as before. */
  letOn(): void;
  /** Others have taken over. */
  retire(): void;
  leaveSessions(): Promise<void>;
  /** Publishes what others have not seen, and stops. Resolves with how many events that were. */
  end(seen: readonly string[]): Promise<number>;
}

/** The one that comes. */
export interface NewSide {
  /** Shards here, and those of them that are connected. */
  readonly shards: number;
  readonly readyShards: number;
  /** Keeps all that has come lately for as long as it is kept. */
  keepAll(isKept: boolean): void;
  takeOver(published: readonly string[]): void;
  readonly seen: readonly string[];
  /** Nothing is looked for any more in what the old side has published. */
  letOn(): void;
  stop(): Promise<void>;
}

export interface ReshardingOptions {
  readonly store: ReshardStore;
  readonly clock: Clock;
  readonly observe: Observer;
  readonly replica: string;
  /** The service that runs. */
  readonly running: () => OldSide;
  /** Starts a service with what is planned, that rehearses. */
  readonly begin: (plan: ReshardPlan) => NewSide;
  /** The new side runs from now on. */
  readonly tookOver: () => void;
  /** How many IDENTIFYs Discord allows until it counts anew; null: it did not say. */
  readonly identifiesLeft: () => Promise<number | null>;
}

const LOOK_EVERY_MS = 1_000;
/** The same while a change is under way, and while events are held back. */
const FOLLOW_EVERY_MS = 250;
const HURRY_EVERY_MS = 50;

/** New sessions are left alone for so long once all are there: Discord still sends what guilds they have. */
const SETTLE_MS = 10_000;
/** Events are not held back for longer, or what the new sessions keep would not reach back far enough. */
const HOLD_MAX_MS = 2_000;
/** Where they could not be held back, or the store is not there to say how it goes on. */
const HOLD_AGAIN_AFTER_MS = 10_000;
const BLIND_MAX_MS = 3_000;
/** How long the old sessions stay, and how long it is waited for what others have seen. */
const STAY_MS = OVERLAP_MS / 2;
const SEEN_MAX_MS = 3 * OVERLAP_MS;
/** A process that has died says no more that its old side is gone. */
const ENDED_MAX_MS = 60_000;
const PROGRESS_EVERY_MS = 5_000;

/** What this process does of a change. */
interface Change {
  readonly plan: ReshardPlan;
  readonly old: OldSide;
  readonly next: NewSide;
  /** Since when as many of its new shards are there, and all of them. */
  readySinceMs: number;
  ready: number;
  holdAgainAtMs: number;
  isHeld: boolean;
  hasTold: boolean;
  tookOverAtMs: number | null;
  hasLeft: boolean;
  hasSeen: boolean;
  isEnding: boolean;
  hasEnded: boolean;
}

/** What was asked of the store was not answered. */
const AWAY = new Error("the store is away");

export class Resharding {
  readonly #options: ReshardingOptions;
  #change: Change | null = null;
  /** As it was seen last; the store may forget it. */
  #plan: ReshardPlan | null = null;
  #seenAtMs = -Infinity;
  #progressToldAtMs = -Infinity;
  #looking: Promise<void> | null = null;
  /** The plan is in another phase by now. */
  #hasMoved = false;
  #cancelLook: (() => void) | null = null;
  #isStopped = false;

  constructor(options: ReshardingOptions) {
    this.#options = options;
  }

  /** Looks at once, and then again and again until {@link stop}. `plan`: the one that this process has started with. */
  start(plan: ReshardPlan | null): void {
    this.#plan = plan;
    this.#lookLater(0);
  }

  /** Looks no more. What it has begun is stopped by whoever began it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelLook?.();
    await this.#looking;
  }

  /** Begins a change, for all processes. Resolves with why not, in one sentence; null: it is begun. */
  async ask(total: number): Promise<string | null> {
    const { store, clock, running, identifiesLeft } = this.#options;
    const from = running().total;
    if (from === null) return "The shards are not running yet: send it again once they are";
    if (total === from) return `There are ${from} shards already: send another number`;
    const left = await identifiesLeft();
    if (left === null) return "Discord did not say how many sessions may still be begun today: send it again";
    if (left < total) {
      return `${total} sessions would have to be begun, and Discord allows ${left} more today: send it again later`;
    }
    try {
      const last = (await store.read())?.plan ?? null;
      // Who hears no answer asks again.
      if (last !== null && isUnderWay(last) && last.to === total) return null;
      const isBegun = (last === null || !isUnderWay(last)) && await store.begin({
        id: crypto.randomUUID(),
        from,
        to: total,
        bank: otherBank(runningBy(last).bank),
        phase: "rehearsing",
        beganAtMs: clock.wallMs(),
        reason: null,
        superseded: supersededBy(last),
      });
      if (!isBegun) return "Another change of the number of shards is under way: abandon it, or wait";
    } catch (error) {
      return `Redis did not take the change (${failureText(error)}): send it again`;
    }
    this.#lookLater(0);
    return null;
  }

  /** Abandons the change that is under way. Resolves with why not; null: it is abandoned. */
  async abandon(reason: string): Promise<string | null> {
    const { store } = this.#options;
    try {
      const plan = (await store.read())?.plan ?? null;
      if (plan === null || !isUnderWay(plan)) return "No change of the number of shards is under way";
      const isMoved = plan.phase !== "taking_over" && await store.move(plan, { to: "abandoned", reason });
      if (!isMoved) return "The new sessions have taken over already: change the number back instead";
    } catch (error) {
      return `Redis did not take it (${failureText(error)}): send it again`;
    }
    this.#lookLater(0);
    return null;
  }

  #lookLater(inMs: number): void {
    if (this.#isStopped) return;
    const { clock } = this.#options;
    this.#cancelLook?.();
    this.#cancelLook = clock.schedule(clock.nowMs() + inMs, () => {
      this.#cancelLook = null;
      // One at a time, so that no step is taken twice.
      this.#looking ??= this.#look().finally(() => {
        this.#looking = null;
        this.#lookLater(this.#everyMs);
        this.#hasMoved = false;
      });
    });
  }

  get #everyMs(): number {
    if (this.#hasMoved) return 0;
    if (this.#change === null) return LOOK_EVERY_MS;
    return this.#change.isHeld ? HURRY_EVERY_MS : FOLLOW_EVERY_MS;
  }

  async #look(): Promise<void> {
    const { store, clock } = this.#options;
    try {
      const view = await this.#asked(store.read());
      this.#seenAtMs = clock.nowMs();
      if (this.#isStopped) return;
      if (view === null) {
        if (this.#plan !== null) await this.#asked(store.restore(this.#plan));
        return;
      }
      this.#tell(view.plan);
      if (this.#change?.plan.id !== view.plan.id) await this.#turnTo(view.plan);
      if (this.#change?.plan.id === view.plan.id) await this.#follow(this.#change, view);
    } catch (error) {
      if (error !== AWAY) throw error;
      this.#blind();
    }
  }

  /** Of the store, which may be away: its connection says so. */
  async #asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return await answer.catch(() => {
      throw AWAY;
    });
  }

  async #move(plan: ReshardPlan, to: ReshardPhase): Promise<void> {
    this.#hasMoved = await this.#asked(this.#options.store.move(plan, { to })) || this.#hasMoved;
  }

  /** Once for each phase. */
  #tell(plan: ReshardPlan): void {
    const { id, phase, from, to, reason } = plan;
    if (this.#plan?.id === id && this.#plan.phase === phase) return;
    const isOld = this.#plan === null && !isUnderWay(plan);
    this.#plan = plan;
    if (isOld) return;
    this.#options.observe(
      phase === "abandoned"
        ? { kind: "reshard.abandoned", from, to, reason }
        : { kind: "reshard.phase", phase, from, to },
    );
  }

  async #turnTo(plan: ReshardPlan): Promise<void> {
    const { clock, running, begin } = this.#options;
    if (this.#change !== null) await this.#giveUp(this.#change);
    const old = running();
    // One that has slept through a whole change is behind as well.
    const isBehind = hasTakenOver(plan) && old.bank !== plan.bank;
    if (old.total === null || !(isUnderWay(plan) || isBehind) || old.bank === plan.bank) return;
    old.watch();
    this.#change = {
      plan,
      old,
      next: begin(plan),
      readySinceMs: clock.nowMs(),
      ready: 0,
      holdAgainAtMs: -Infinity,
      isHeld: false,
      hasTold: false,
      tookOverAtMs: null,
      hasLeft: false,
      hasSeen: false,
      isEnding: false,
      hasEnded: false,
    };
  }

  async #follow(change: Change, view: ReshardView): Promise<void> {
    const { clock } = this.#options;
    const { plan } = view;
    if (change.tookOverAtMs !== null && !hasTakenOver(plan)) {
      // The store has forgotten it, and there is no way back.
      return await this.#move(plan, "taking_over");
    }
    switch (plan.phase) {
      case "rehearsing":
        if (change.isHeld) this.#letOn(change);
        break;
      case "holding":
        if (!change.isHeld) await this.#hold(change, plan);
        break;
      case "taking_over":
      case "done":
        await this.#takeOver(change, view);
        break;
      case "abandoned":
        return await this.#giveUp(change);
    }
    await this.#report(change);
    const isLate = change.tookOverAtMs !== null && clock.nowMs() > change.tookOverAtMs + ENDED_MAX_MS;
    const next = nextPhase(view, change.old.members, { isLate });
    if (next !== null) await this.#move(plan, next);
    if (change.hasEnded && plan.phase === "done") this.#change = null;
  }

  async #report(change: Change): Promise<void> {
    const { store, replica, observe, clock } = this.#options;
    const { plan, old, next, hasTold, hasSeen, hasEnded } = change;
    const ready = next.readyShards;
    const nowMs = clock.nowMs();
    if (ready !== change.ready || ready < next.shards) change.readySinceMs = nowMs;
    change.ready = ready;
    const obstacle = this.#obstacle(change, nowMs);
    const report = { replica, ready, obstacle, hasTold, hasSeen, hasEnded };
    await this.#asked(store.report(plan.id, old.member, report));
    if (change.tookOverAtMs !== null || nowMs < this.#progressToldAtMs + PROGRESS_EVERY_MS) return;
    this.#progressToldAtMs = nowMs;
    observe({ kind: "reshard.progress", ready, shards: next.shards, obstacle });
  }

  #obstacle(
    { old, next, ready, readySinceMs, holdAgainAtMs, tookOverAtMs }: Change,
    nowMs: number,
  ): string | null {
    if (tookOverAtMs !== null) return null;
    if (ready < next.shards) {
      return `${next.shards - ready} of its ${next.shards} new shards are not connected`;
    }
    if (nowMs < readySinceMs + SETTLE_MS) return "its new shards have just connected";
    if (nowMs < holdAgainAtMs) return "what it had was not published in time";
    return old.obstacle;
  }

  async #hold(change: Change, plan: ReshardPlan): Promise<void> {
    const { store, clock } = this.#options;
    change.isHeld = true;
    change.next.keepAll(true);
    const told = await change.old.hold(HOLD_MAX_MS);
    if (told === null) {
      change.holdAgainAtMs = clock.nowMs() + HOLD_AGAIN_AFTER_MS;
      return await this.#move(plan, "rehearsing");
    }
    await this.#asked(store.writeDigests(plan.id, "told", change.old.member, told));
    change.hasTold = true;
  }

  #letOn(change: Change): void {
    change.isHeld = false;
    change.hasTold = false;
    change.old.letOn();
    change.old.watch();
    change.next.keepAll(false);
  }

  /** Nobody can say how it goes on. Whoever has taken over meanwhile publishes the same: twice is better than late. */
  #blind(): void {
    const { clock } = this.#options;
    const change = this.#change;
    if (change === null || !change.isHeld || change.tookOverAtMs !== null) return;
    if (clock.nowMs() > this.#seenAtMs + BLIND_MAX_MS) this.#letOn(change);
  }

  async #takeOver(change: Change, { plan, reports }: ReshardView): Promise<void> {
    const { store, clock, observe, tookOver } = this.#options;
    const { old, next } = change;
    if (change.tookOverAtMs === null) {
      const published = await this.#asked(store.readDigests("told"));
      next.takeOver(published);
      old.retire();
      change.tookOverAtMs = clock.nowMs();
      tookOver();
    }
    const sinceMs = clock.nowMs() - change.tookOverAtMs;
    if (sinceMs >= STAY_MS && !change.hasLeft) {
      change.hasLeft = true;
      await old.leaveSessions();
    }
    if (sinceMs >= OVERLAP_MS && !change.hasSeen) {
      await this.#asked(store.writeDigests(plan.id, "seen", old.member, next.seen));
      change.hasSeen = true;
      change.isHeld = false;
      next.letOn();
    }
    if (!change.hasSeen || change.isEnding) return;
    const haveAllSeen = [...old.members].every((member) =>
      member === old.member || reports.get(member)?.hasSeen === true
    );
    if (!haveAllSeen && sinceMs < SEEN_MAX_MS) return;
    const seen = await this.#asked(store.readDigests("seen"));
    change.isEnding = true;
    // It may have to wait for the broker, and nothing else does for it.
    old.end(seen).then((late) => {
      change.hasEnded = true;
      observe({ kind: "reshard.ended", late });
    });
  }

  async #giveUp(change: Change): Promise<void> {
    this.#change = null;
    if (change.tookOverAtMs === null) {
      change.old.letOn();
      await change.next.stop();
    } else if (!change.isEnding) change.old.end([]);
  }
}
