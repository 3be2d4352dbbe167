/**
 * The store of leases in memory, for any number of members. It answers at once, unless the test makes it wait.
 *
 * @module
 */
import {
  type FleetReign,
  type FleetView,
  LEAD_LEASE,
  type Lease,
  type Leases,
  type LeaseToken,
  type MemberCard,
  type SeenLease,
} from "../../gateway/fleet/leases.ts";
import { Holdable } from "./holdable.ts";

interface Heard {
  readonly card: MemberCard;
  /** Microseconds. */
  readonly beat: number;
}

export interface MemoryFleet {
  readonly members: ReadonlyMap<string, Heard>;
  readonly leases: ReadonlyMap<string, Lease>;
  readonly reign: FleetReign | null;
}

export class MemoryLeases extends Holdable implements Leases {
  readonly #wallMs: () => number;
  #members = new Map<string, Heard>();
  #leases = new Map<string, Lease>();
  #reign: FleetReign | null = null;
  #isAway = false;

  /** `wallMs`: the store's own clock. */
  constructor(wallMs: () => number) {
    super();
    this.#wallMs = wallMs;
  }

  /** All there is, to be given to {@link restore}. */
  get everything(): MemoryFleet {
    return { members: new Map(this.#members), leases: new Map(this.#leases), reign: this.#reign };
  }

  /** Puts back what there was, or nothing. */
  restore(fleet: MemoryFleet = { members: new Map(), leases: new Map(), reign: null }): void {
    this.#members = new Map(fleet.members);
    this.#leases = new Map(fleet.leases);
    this.#reign = fleet.reign;
  }

  /** While it is away, calls reject. */
  set isAway(isAway: boolean) {
    this.#isAway = isAway;
  }

  holderOf(name: string): string | null {
    return this.#leases.get(name)?.holder ?? null;
  }

  tokenOf(name: string): LeaseToken {
    return this.#leases.get(name)?.token ?? 0;
  }

  renew(member: string, card: MemberCard): Promise<FleetView> {
    return this.whenThere(() => {
      this.#members.set(member, { card, beat: this.#later(this.#members.get(member)?.beat) });
      return this.#view();
    });
  }

  take(
    member: string,
    wanted: ReadonlyMap<string, SeenLease>,
  ): Promise<ReadonlyMap<string, LeaseToken>> {
    return this.whenThere(() => {
      const taken = new Map<string, LeaseToken>();
      if (!this.#members.has(member)) return taken;
      for (const [name, seen] of wanted) {
        const { token, holder } = this.#leases.get(name) ?? { token: 0, holder: null };
        if (token !== seen.token) continue;
        const isOthers = holder !== null && holder !== member;
        if (isOthers && this.#beatOf(holder) !== seen.holderBeat) continue;
        const newToken = this.#later(token);
        this.#leases.set(name, { token: newToken, holder: member });
        taken.set(name, newToken);
      }
      return taken;
    });
  }

  letGo(held: ReadonlyMap<string, LeaseToken>): Promise<void> {
    return this.whenThere(() => {
      for (const [name, token] of held) {
        if (this.#leases.get(name)?.token === token) this.#leases.set(name, { token, holder: null });
      }
    });
  }

  proclaim(reign: FleetReign): Promise<void> {
    return this.whenThere(() => {
      const lead = this.#leases.get(LEAD_LEASE);
      if (lead !== undefined && lead.holder !== null && lead.token === reign.token) this.#reign = reign;
    });
  }

  leave(member: string): Promise<void> {
    return this.whenThere(() => {
      this.#members.delete(member);
    });
  }

  #view(): FleetView {
    const members = [...this.#members].map(([id, { card, beat }]) =>
      [id, { ...card, beat: String(beat), ageMs: Math.max(0, this.#wallMs() - beat / 1_000) }] as const
    );
    return { members: new Map(members), leases: new Map(this.#leases), reign: this.#reign };
  }

  #beatOf(member: string): string | null {
    const heard = this.#members.get(member);
    return heard === undefined ? null : String(heard.beat);
  }

  #later(last = 0): number {
    return Math.max(last + 1, Math.round(this.#wallMs() * 1_000));
  }

  protected override whenThere<Result>(carryOut: () => Result): Promise<Result> {
    if (this.#isAway) return Promise.reject(new Error("not connected"));
    return super.whenThere(carryOut);
  }
}
