/**
 * This process as a member of the fleet: renews itself, reads what others tell, and keeps what it holds.
 *
 * One call to the store is under way at a time, so that what was read is never older than what is held. Nothing is
 * decided here: whoever is told what there is takes and lets go.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { FleetReign, FleetView, Lease, Leases, LeaseToken, MemberCard, SeenLease } from "./leases.ts";
import { Neighbours } from "./neighbours.ts";
import { FORGOTTEN_MAX_MS, type Moment, TAKEN_AFTER_MS, Tenure } from "./tenure.ts";

/** Between two renewals. */
const RENEW_EVERY_MS = 250;
/** The same while something is about to change hands. */
const HURRY_EVERY_MS = 50;
/** The same of one that holds what it holds also without them. */
const UNBOUND_EVERY_MS = 1_000;

export interface MembershipOptions {
  /** Id of this member: no other process that lives has it. */
  readonly member: string;
  readonly leases: Leases;
  readonly clock: Clock;
  /** What it tells of itself now. */
  readonly card: () => MemberCard;
  /**
   * Whether what it holds may be relied on only for as long as it is renewed. Where it is alone it goes on without the
   * store, until it hears that another has taken over.
   */
  readonly isBound: boolean;
  readonly events: MembershipEvents;
}

export interface MembershipEvents {
  /** This is how things are, and what is held may be relied on. */
  seen(fleet: SeenFleet): void;
  /** Another holds these now, or may. */
  lost(names: readonly string[]): void;
  /** What is held may not be relied on, until {@link regained}. It is kept: nobody is known to have taken it. */
  lapsed(): void;
  regained(): void;
  /** These were taken, and the store cannot forget that any more: nobody else can hold them. */
  proven(names: readonly string[]): void;
}

/** The fleet at one moment, as this member judges it. */
export interface SeenFleet extends FleetView {
  /** Members that are not there any more, though nobody has said so. */
  readonly gone: ReadonlySet<string>;
  /** Whether this member may take the lease: nobody has it, or somebody who is gone, or an earlier process of its own. */
  isFree(name: string): boolean;
}

interface Held {
  readonly token: LeaseToken;
  /** As it was when it was taken. */
  readonly before: Lease | undefined;
  /** A renewal that is sent from then on proves it; null: nobody else can hold it too. */
  readonly provenFrom: Moment | null;
  /** See {@link Membership.isContinued}. */
  readonly isContinued: boolean;
}

export class Membership {
  readonly member: string;
  readonly #options: MembershipOptions;
  readonly #tenure: Tenure;
  readonly #neighbours = new Neighbours();
  readonly #held = new Map<string, Held>();
  /** Of these the store has not heard yet that they are held no more. */
  readonly #lettingGo = new Set<string>();
  /**
   * Leases that were seen not to be this member's. That they were shows for good: where it took one and was not answered,
   * it sees itself hold it afterwards.
   */
  readonly #interrupted = new Set<string>();
  #fleet: SeenFleet | null = null;
  /** Names of leases that somebody may hold who can say so only now: the store has forgotten them. */
  #forgottenUntilMs = -Infinity;
  #state: "new" | "held" | "lapsed" | "stopped" = "new";
  #isHurried = false;
  #isRenewalDue = false;
  #calls: Promise<unknown> = Promise.resolve();
  #cancelRenewal: (() => void) | null = null;
  #cancelEnd: (() => void) | null = null;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.member = options.member;
    this.#tenure = new Tenure(options.card().ttlMs);
  }

  /** Renews from now on, until {@link stop}. */
  start(): void {
    this.#renewLater(0);
  }

  /** What was seen last; null before anything was. */
  get fleet(): SeenFleet | null {
    return this.#fleet;
  }

  /** By name. */
  get held(): ReadonlyMap<string, LeaseToken> {
    return new Map([...this.#held].map(([name, { token }]) => [name, token]));
  }

  /** Of a lease that is held; null where it is not. */
  tokenOf(name: string): LeaseToken | null {
    return this.#held.get(name)?.token ?? null;
  }

  /** Whether a lease that is held is certain to be nobody else's. */
  isProven(name: string): boolean {
    return this.#held.get(name)?.provenFrom === null;
  }

  /**
   * Whether what is run under a lease that is held may connect at this moment. What could have been proven by now and was not
   * may not: another may have it too, and have come further with it.
   */
  mayConnect(name: string): boolean {
    const held = this.#held.get(name);
    if (held === undefined) return false;
    const { clock } = this.#options;
    const { provenFrom } = held;
    return provenFrom === null || (clock.nowMs() < provenFrom.nowMs && clock.wallMs() < provenFrom.wallMs);
  }

  /**
   * Whether a lease that is held was this member's before too, or nobody's ever, as far as it has seen: then nobody else can
   * have done since what an earlier process of its own, or this one, knows nothing of.
   */
  isContinued(name: string): boolean {
    return this.#held.get(name)?.isContinued ?? false;
  }

  /** Whether what is held may be relied on at this moment. To be asked before anything is done that only its holder may. */
  holds(): boolean {
    if (this.#state === "stopped") return false;
    const { isBound, clock } = this.#options;
    if (!isBound) return true;
    if (this.#tenure.holds({ nowMs: clock.nowMs(), wallMs: clock.wallMs() })) return this.#state === "held";
    this.#lapse();
    return false;
  }

  /** Renews, and looks, more often from now on where it is hurried. */
  hurry(isHurried: boolean): void {
    if (isHurried && !this.#isHurried) this.renewNow();
    this.#isHurried = isHurried;
  }

  /** Renews, and looks, at once. */
  renewNow(): void {
    this.#renewLater(0);
  }

  /**
   * Takes those of these that are free as it has seen by the time that it asks for them. Resolves with those it got: none
   * where the store did not answer.
   */
  take(names: readonly string[]): Promise<readonly string[]> {
    return this.#call(async () => {
      const fleet = this.#fleet;
      if (fleet === null || this.#state === "stopped") return [];
      const free = names.filter((name) => fleet.isFree(name));
      if (free.length === 0) return [];
      const { leases } = this.#options;
      const wanted = new Map(free.map((name) => [name, seenLease(fleet, name)]));
      const taken = await leases.take(this.member, wanted).catch(() => new Map<string, LeaseToken>());
      const provenFrom = this.#provenFrom;
      for (const [name, token] of taken) {
        const before = fleet.leases.get(name);
        const isContinued = !this.#interrupted.has(name);
        // Should the store forget it, then nobody else may take what this member is said to hold.
        const isCertain = !this.#options.isBound || before?.holder === this.member;
        this.#held.set(name, { token, before, provenFrom: isCertain ? null : provenFrom, isContinued });
      }
      return [...taken.keys()];
    });
  }

  /** Lets go of these. They are not held any more from now on, whether or not others hear of it. */
  letGo(names: Iterable<string>): Promise<void> {
    const tokens = new Map<string, LeaseToken>();
    for (const name of names) {
      const token = this.tokenOf(name);
      if (token === null) continue;
      tokens.set(name, token);
      this.#held.delete(name);
      this.#lettingGo.add(name);
    }
    return this.#call(async () => {
      if (tokens.size > 0) await this.#options.leases.letGo(tokens).catch(() => {});
      for (const name of tokens.keys()) this.#lettingGo.delete(name);
    });
  }

  /** See {@link Leases.proclaim}. */
  proclaim(reign: FleetReign): Promise<void> {
    return this.#call(() => this.#options.leases.proclaim(reign).catch(() => {}));
  }

  /** Renews no more, and is no member any more where it holds nothing. What it holds stays in its name for its time. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#cancelRenewal?.();
    this.#cancelEnd?.();
    if (this.#held.size > 0) return;
    await this.#call(() => this.#options.leases.leave(this.member).catch(() => {}));
  }

  // Renewals.

  #renewLater(inMs: number): void {
    if (this.#state === "stopped") return;
    const { clock } = this.#options;
    this.#cancelRenewal?.();
    this.#cancelRenewal = clock.schedule(clock.nowMs() + inMs, () => {
      this.#cancelRenewal = null;
      if (this.#isRenewalDue) return;
      this.#isRenewalDue = true;
      this.#call(() => this.#renew());
    });
  }

  async #renew(): Promise<void> {
    const { leases, card, clock } = this.#options;
    this.#isRenewalDue = false;
    if (this.#state === "stopped") return;
    const sent = { nowMs: clock.nowMs(), wallMs: clock.wallMs() };
    const view = await leases.renew(this.member, card()).catch(() => null);
    if (this.#isStopped) return;
    const answeredAtMs = clock.nowMs();
    let nextAtMs = sent.nowMs + this.#everyMs;
    if (view !== null) {
      this.#tenure.renewed(sent, answeredAtMs);
      this.#look(view);
      const goneAtMs = this.#neighbours.nextGoneAtMs(view.members, answeredAtMs);
      nextAtMs = Math.min(nextAtMs, goneAtMs, this.#nextProofAtMs(sent.nowMs));
    }
    this.#renewLater(Math.max(0, nextAtMs - answeredAtMs));
    if (view === null) return;
    await this.#holdOn();
    if (this.#isStopped) return;
    this.#prove(sent.nowMs);
    this.#judge();
    if (this.#fleet !== null && this.#state === "held") this.#options.events.seen(this.#fleet);
  }

  get #everyMs(): number {
    if (this.#isHurried) return HURRY_EVERY_MS;
    return this.#options.isBound || this.#held.size === 0 ? RENEW_EVERY_MS : UNBOUND_EVERY_MS;
  }

  /** Asked anew after each wait. */
  get #isStopped(): boolean {
    return this.#state === "stopped";
  }

  #look(view: FleetView): void {
    const nowMs = this.#options.clock.nowMs();
    const gone = new Set(this.#neighbours.look(view, nowMs));
    gone.delete(this.member);
    const before = this.#fleet?.leases ?? new Map<string, Lease>();
    if ([...before.keys()].some((name) => !view.leases.has(name))) {
      const ttlsMs = [...this.#fleet?.members.values() ?? []].map(({ ttlMs }) => ttlMs);
      this.#forgottenUntilMs = nowMs + Math.max(0, ...ttlsMs) + TAKEN_AFTER_MS;
    }
    for (const [name, { holder }] of view.leases) {
      if (holder !== this.member) this.#interrupted.add(name);
    }
    const isNeverTakenFree = nowMs >= this.#forgottenUntilMs;
    const leases = this.#withoutLeft(view.leases);
    this.#fleet = {
      ...view,
      leases,
      gone,
      isFree: (name) => {
        const lease = leases.get(name);
        if (lease === undefined) return isNeverTakenFree;
        const { holder } = lease;
        return holder === null || holder === this.member || gone.has(holder) || !view.members.has(holder);
      },
    };
  }

  #withoutLeft(leases: FleetView["leases"]): FleetView["leases"] {
    const left = [...this.#lettingGo].flatMap((name): [string, Lease][] => {
      const lease = leases.get(name);
      return lease?.holder === this.member ? [[name, { ...lease, holder: null }]] : [];
    });
    return left.length === 0 ? leases : new Map([...leases, ...left]);
  }

  /** Finds out which of what is held is held no more. What the store has forgotten is taken again. */
  async #holdOn(): Promise<void> {
    const fleet = this.#fleet;
    if (fleet === null) return;
    const lost: string[] = [];
    const forgotten: string[] = [];
    for (const [name, { token, before }] of this.#held) {
      const lease = fleet.leases.get(name);
      if (lease?.token === token && lease.holder === this.member) continue;
      // Whoever held it before, and is not known to have let go of it, may have come further with it since.
      const isAsBefore = lease?.token === before?.token && lease?.holder === before?.holder &&
        (lease?.holder === null || lease?.holder === this.member);
      (lease === undefined || isAsBefore ? forgotten : lost).push(name);
    }
    if (forgotten.length > 0) {
      const wanted = new Map(forgotten.map((name) => [name, seenLease(fleet, name)]));
      const again = await this.#options.leases.take(this.member, wanted).catch(() => null);
      const provenFrom = this.#provenFrom;
      // Without an answer the next renewal shows whose they are.
      if (again !== null) {
        for (const name of forgotten) {
          const token = again.get(name);
          const held = this.#held.get(name);
          if (token === undefined) lost.push(name);
          else if (held !== undefined) {
            // This taking may be forgotten as well.
            this.#held.set(name, { ...held, token, provenFrom: held.provenFrom && provenFrom });
          }
        }
      }
    }
    if (lost.length === 0) return;
    for (const name of lost) this.#held.delete(name);
    this.#options.events.lost(lost);
  }

  /** Of what has been taken just now. */
  get #provenFrom(): Moment {
    const { clock } = this.#options;
    return { nowMs: clock.nowMs() + FORGOTTEN_MAX_MS, wallMs: clock.wallMs() + FORGOTTEN_MAX_MS };
  }

  /** When the first renewal is to be sent that proves anything which one that was sent then does not; Infinity: none. */
  #nextProofAtMs(sentAtMs: number): number {
    const latersMs = [...this.#held.values()].map(({ provenFrom }) => provenFrom?.nowMs ?? -Infinity)
      .filter((atMs) => atMs > sentAtMs);
    return Math.min(Infinity, ...latersMs);
  }

  /** A renewal that was sent then has shown all that is held to be held. */
  #prove(sentAtMs: number): void {
    const proven: string[] = [];
    for (const [name, held] of this.#held) {
      const { provenFrom } = held;
      if (provenFrom === null || provenFrom.nowMs > sentAtMs) continue;
      this.#held.set(name, { ...held, provenFrom: null });
      proven.push(name);
    }
    if (proven.length > 0) this.#options.events.proven(proven);
  }

  // The time that is left.

  /** A renewal has been answered. */
  #judge(): void {
    const { clock, isBound, events } = this.#options;
    if (!isBound) {
      this.#state = "held";
      return;
    }
    this.#cancelEnd?.();
    this.#cancelEnd = null;
    if (!this.#tenure.holds({ nowMs: clock.nowMs(), wallMs: clock.wallMs() })) return this.#lapse();
    this.#cancelEnd = clock.schedule(this.#tenure.endsAtMs, () => {
      this.#cancelEnd = null;
      this.#lapse();
    });
    const wasLapsed = this.#state === "lapsed";
    this.#state = "held";
    if (wasLapsed) events.regained();
  }

  #lapse(): void {
    if (this.#state !== "held") return;
    this.#state = "lapsed";
    this.#options.events.lapsed();
  }

  /** One call after the other. */
  #call<Result>(call: () => Promise<Result>): Promise<Result> {
    const called = this.#calls.then(call);
    this.#calls = called;
    return called;
  }
}

function seenLease({ leases, members }: FleetView, name: string): SeenLease {
  const lease = leases.get(name);
  if (lease === undefined) return { token: 0, holderBeat: null };
  const { token, holder } = lease;
  return { token, holderBeat: holder === null ? null : members.get(holder)?.beat ?? null };
}
