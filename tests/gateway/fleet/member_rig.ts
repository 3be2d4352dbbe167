/**
 * Members of one fleet in a test's hands: each with a clock of its own that one hand turns, on one store in memory.
 *
 * @module
 */
import { sleepUntil } from "../../../gateway/clock.ts";
import type { MemberCard } from "../../../gateway/fleet/leases.ts";
import { Membership, type SeenFleet } from "../../../gateway/fleet/membership.ts";
import { memberCard } from "../../contracts/leases_contract.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryLeases } from "../../fakes/memory_leases.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

const STEP_MS = 10;

/** One member, and what it was told. */
export class RiggedMember {
  readonly clock = new ManualClock();
  readonly membership: Membership;
  /** In order: `lost 0 1`, `lapsed`, `regained`, `proven 2`. */
  readonly told: string[] = [];
  readonly seen: SeenFleet[] = [];
  card: MemberCard;
  /** Its process stands still: it does nothing, and its clocks go on. */
  isPaused = false;
  /** It cannot reach the store. */
  isCutOff = false;
  /** What it takes it gets, and does not hear of it. */
  isTakingUnanswered = false;
  /** So long after the store has carried a renewal out it hears of that. */
  answersAfterMs = 0;

  constructor(id: string, store: MemoryLeases, { isBound = true, card = memberCard() } = {}) {
    this.card = card;
    const reached = <Result>(call: () => Promise<Result>) =>
      this.isCutOff ? Promise.reject(new Error("cut off")) : call();
    this.membership = new Membership({
      member: id,
      leases: {
        renew: async (...given) => {
          const view = await reached(() => store.renew(...given));
          if (this.answersAfterMs > 0) await sleepUntil(this.clock, this.clock.nowMs() + this.answersAfterMs);
          return view;
        },
        take: async (...given) => {
          const taken = await reached(() => store.take(...given));
          if (this.isTakingUnanswered) throw new Error("the connection is lost");
          return taken;
        },
        letGo: (...given) => reached(() => store.letGo(...given)),
        proclaim: (...given) => reached(() => store.proclaim(...given)),
        leave: (...given) => reached(() => store.leave(...given)),
      },
      clock: this.clock,
      card: () => this.card,
      isBound,
      events: {
        seen: (fleet) => this.seen.push(fleet),
        lost: (names) => this.told.push(`lost ${names.join(" ")}`),
        lapsed: () => this.told.push("lapsed"),
        regained: () => this.told.push("regained"),
        proven: (names) => this.told.push(`proven ${names.join(" ")}`),
      },
    });
    this.membership.start();
  }

  get held(): string[] {
    return [...this.membership.held.keys()];
  }
}

export class FleetRig {
  readonly #wall = new ManualClock();
  readonly store = new MemoryLeases(() => this.#wall.wallMs());
  readonly members: RiggedMember[] = [];

  member(id: string, options: { isBound?: boolean; card?: MemberCard } = {}): RiggedMember {
    const member = new RiggedMember(id, this.store, options);
    this.members.push(member);
    return member;
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.#wall.advance(STEP_MS);
      for (const { clock, isPaused } of this.members) {
        if (isPaused) clock.sleep(STEP_MS);
        else clock.advance(STEP_MS);
      }
      await microtasksDone();
    }
  }
}
