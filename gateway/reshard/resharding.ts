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
  /** Shards here, and those of them that are connected. */
  readonly shards: number;
  readonly readyShards: number;
  /** Of how many shards all members together can take care. */
  readonly capacity: number;
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
  /**
   * Publishes what others have not seen, and stops. Resolves with how many events that were. `isHurried`: the process is to
   * end, and what RabbitMQ does not confirm by then waits in the spool.
   */
  end(seen: readonly string[], options?: { readonly isHurried: boolean }): Promise<number>;
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
  /** Stops, and leaves nothing behind that another change could take for its own. */
  discard(): Promise<void>;
  /** Nothing is looked for any more in what the old side has published. */
  letOn(): void;
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
  /** This process has missed too much to catch up with: it is to start anew. */
  readonly missed: () => void;
  /** How many IDENTIFYs Discord allows until it counts anew; null: it did not say. */
  readonly identifiesLeft: () => Promise<number | null>;
}

const LOOK_EVERY_MS = 1_000;
/** The same while a change is under way, and while events are held back. */
const FOLLOW_EVERY_MS = 250;
const HURRY_EVERY_MS = 50;

/** New sessions are left alone for so long once all are there: Discord still sends what guilds they have. */
const SETTLE_MS = 10_000;
/** What is to be published before others may take over is, by then, or it is not tried for now. */
const HOLD_MAX_MS = 2_000;
/** Held back for so long without the others, events go on. */
const HOLDING_MAX_MS = HOLD_MAX_MS + 1_500;
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
  /** What is published is noted. */
  isWatched: boolean;
  holdAgainAtMs: number;
  /** Since when events are held back; null while they are not. */
  heldSinceMs: number | null;
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
  /** Since when the plan is in the phase that it is in, as far as this process saw it. */
  #phaseSinceMs = -Infinity;
  /** As it was seen last; the store may forget it. */
  #plan: ReshardPlan | null = null;
  /** Ids of plans that it has seen, or was started by. */
  readonly #known = new Set<string>();
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
    if (plan !== null) this.#known.add(plan.id);
    this.#lookLater(0);
  }

  /** Looks no more, and ends an old side that only waits. What else it has begun is stopped by whoever began it. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelLook?.();
    const change = this.#change;
    if (change === null || change.tookOverAtMs === null || change.isEnding) return;
    change.isEnding = true;
    await change.old.end(change.next.seen, { isHurried: true });
  }

  /** Begins a change, for all processes. Resolves with why not, in one sentence; null: it is begun. */
  async ask(total: number): Promise<string | null> {
    const { store, clock, running, identifiesLeft } = this.#options;
    const { total: from, bank, capacity } = running();
    if (from === null) return "The shards are not running yet: send it again once they are";
    if (total === from) return `There are ${from} shards already: send another number`;
    if (capacity < total) {
      return `All replicas together take ${capacity} shards at most (SHARDS_MAX): send a smaller number, or start more`;
    }
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
        bank: otherBank(bank),
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
      for (let isMoved = false; !isMoved;) {
        const plan = (await store.read())?.plan ?? null;
        if (plan === null || !isUnderWay(plan)) return "No change of the number of shards is under way";
        if (hasTakenOver(plan)) {
          return "The new sessions have taken over already: change the number back instead";
        }
        isMoved = await store.move(plan, { to: "abandoned", reason });
      }
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
    return this.#change.heldSinceMs === null ? FOLLOW_EVERY_MS : HURRY_EVERY_MS;
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
      const { plan } = view;
      const isNews = !this.#known.has(plan.id);
      this.#known.add(plan.id);
      this.#tell(plan);
      if (this.#change?.plan.id !== plan.id) await this.#turnTo(plan, isNews);
      if (this.#change?.plan.id === plan.id) await this.#follow(this.#change, view);
      // Nobody may be left of those who took over.
      else if (plan.phase === "taking_over") await this.#moveOn(view, new Set());
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
    this.#phaseSinceMs = this.#options.clock.nowMs();
    const isOld = this.#plan === null && !isUnderWay(plan);
    this.#plan = plan;
    if (isOld) return;
    this.#options.observe(
      phase === "abandoned"
        ? { kind: "reshard.abandoned", from, to, reason }
        : { kind: "reshard.phase", phase, from, to },
    );
  }

  async #turnTo(plan: ReshardPlan, isNews: boolean): Promise<void> {
    const { clock, running, begin, missed } = this.#options;
    if (this.#change !== null) await this.#giveUp(this.#change);
    const old = running();
    const isCurrent = old.bank === runningBy(plan).bank;
    // One that has slept through a whole change is behind it, and takes over as well; through more, and nobody waits for it.
    const isBehind = hasTakenOver(plan) && !isCurrent;
    const hasMissed = hasTakenOver(plan) ? isCurrent && isNews : !isCurrent;
    if (hasMissed) return missed();
    if (!isBehind && (hasTakenOver(plan) || !isUnderWay(plan) || old.total === null)) return;
    this.#change = {
      plan,
      old,
      next: begin(plan),
      readySinceMs: clock.nowMs(),
      ready: 0,
      isWatched: false,
      holdAgainAtMs: -Infinity,
      heldSinceMs: null,
      hasTold: false,
      tookOverAtMs: null,
      hasLeft: false,
      hasSeen: false,
      isEnding: false,
      hasEnded: false,
    };
  }

  async #follow(change: Change, view: ReshardView): Promise<void> {
    const { plan } = view;
    if (change.tookOverAtMs !== null && !hasTakenOver(plan)) {
      // The store has forgotten it, and there is no way back.
      return await this.#move(plan, "taking_over");
    }
    const obstacle = this.#obstacle(change);
    switch (plan.phase) {
      case "rehearsing":
        if (change.heldSinceMs !== null) this.#letOn(change);
        change.next.keepAll(false);
        break;
      case "holding":
        if (await this.#holds(change, plan, obstacle)) break;
        return await this.#move(plan, "rehearsing");
      case "taking_over":
      case "done":
        await this.#takeOver(change, view);
        break;
      case "abandoned":
        return await this.#giveUp(change);
    }
    await this.#report(change, obstacle);
    await this.#moveOn(view, change.old.members);
    if (change.hasEnded && plan.phase === "done") this.#change = null;
  }

  async #moveOn(view: ReshardView, members: ReadonlySet<string>): Promise<void> {
    const isLate = this.#options.clock.nowMs() > this.#phaseSinceMs + ENDED_MAX_MS;
    const next = nextPhase(view, members, { isLate });
    if (next !== null) await this.#move(view.plan, next);
  }

  async #report(change: Change, obstacle: string | null): Promise<void> {
    const { store, replica, observe, clock } = this.#options;
    const { plan, old, next, ready, hasTold, hasSeen, hasEnded } = change;
    const report = { replica, running: old.readyShards, ready, obstacle, hasTold, hasSeen, hasEnded };
    await this.#asked(store.report(plan.id, old.member, report));
    const nowMs = clock.nowMs();
    if (change.tookOverAtMs !== null || nowMs < this.#progressToldAtMs + PROGRESS_EVERY_MS) return;
    this.#progressToldAtMs = nowMs;
    observe({ kind: "reshard.progress", ready, shards: next.shards, obstacle });
  }

  /** What this process waits for before its old side may be held back, and as long as it is. */
  #obstacle(change: Change): string | null {
    const { old, next, holdAgainAtMs, tookOverAtMs } = change;
    const nowMs = this.#options.clock.nowMs();
    if (tookOverAtMs !== null) return null;
    const ready = next.readyShards;
    if (ready !== change.ready || ready < next.shards) change.readySinceMs = nowMs;
    change.ready = ready;
    if (ready < next.shards) {
      return `${next.shards - ready} of its ${next.shards} new shards are not connected`;
    }
    // What was published in the last seconds is known by the time that the new shards have settled.
    if (!change.isWatched) old.watch();
    change.isWatched = true;
    if (nowMs < change.readySinceMs + SETTLE_MS) return "its new shards have just connected";
    if (nowMs < holdAgainAtMs) return "the old sessions could not be held back in time";
    const away = old.shards - old.readyShards;
    if (away > 0) return `${away} of its ${old.shards} old shards are not connected`;
    return old.obstacle;
  }

  /** Whether the old side is held back, and all that it had published. False: not in time, or not together with all others. */
  async #holds(change: Change, plan: ReshardPlan, obstacle: string | null): Promise<boolean> {
    const { store, clock } = this.#options;
    const startedAtMs = clock.nowMs();
    change.heldSinceMs ??= startedAtMs;
    const isTooLong = startedAtMs > change.heldSinceMs + HOLDING_MAX_MS;
    if (!change.hasTold && obstacle === null && !isTooLong) {
      change.next.keepAll(true);
      const told = await change.old.hold(HOLD_MAX_MS);
      if (told !== null) {
        await this.#asked(store.writeDigests(plan.id, "told", change.old.member, told));
        change.hasTold = true;
      }
    }
    if (change.hasTold && obstacle === null && !isTooLong) return true;
    change.holdAgainAtMs = clock.nowMs() + HOLD_AGAIN_AFTER_MS;
    return false;
  }

  #letOn(change: Change): void {
    change.heldSinceMs = null;
    change.hasTold = false;
    change.old.letOn();
    change.old.watch();
  }

  /** Nobody can say how it goes on. Whoever has taken over meanwhile publishes the same: twice is better than late. */
  #blind(): void {
    const { clock } = this.#options;
    const change = this.#change;
    if (change === null || change.heldSinceMs === null || change.tookOverAtMs !== null) return;
    if (clock.nowMs() <= this.#seenAtMs + BLIND_MAX_MS) return;
    // It is known that others have taken over, only not with what.
    if (this.#plan?.id === change.plan.id && hasTakenOver(this.#plan)) this.#switch(change, []);
    // What is kept stays: nobody else may publish what comes while others have taken over.
    else this.#letOn(change);
  }

  #switch(change: Change, published: readonly string[]): void {
    const { clock, tookOver } = this.#options;
    change.old.retire();
    change.next.takeOver(published);
    change.tookOverAtMs = clock.nowMs();
    tookOver();
  }

  async #takeOver(change: Change, { plan, reports }: ReshardView): Promise<void> {
    const { store, clock, observe } = this.#options;
    const { old, next } = change;
    if (change.tookOverAtMs === null) this.#switch(change, await this.#asked(store.readDigests("told")));
    const sinceMs = clock.nowMs() - (change.tookOverAtMs ?? NaN);
    if (sinceMs >= STAY_MS && !change.hasLeft) {
      change.hasLeft = true;
      await old.leaveSessions();
    }
    if (sinceMs >= OVERLAP_MS && !change.hasSeen) {
      await this.#asked(store.writeDigests(plan.id, "seen", old.member, next.seen));
      change.hasSeen = true;
      change.heldSinceMs = null;
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
      await change.next.discard();
    } else if (!change.isEnding) {
      change.isEnding = true;
      change.old.end([]);
    }
  }
}
