/**
 * Sees to it that the fleet has a lead: whoever finds that there is none takes the role, and says what the fleet runs.
 *
 * @module
 */
import type { Observer } from "../observation.ts";
import { LEAD_LEASE } from "./leases.ts";
import type { Membership, SeenFleet } from "./membership.ts";

export class Lead {
  readonly #membership: Membership;
  readonly #total: number;
  readonly #observe: Observer;

  /** `total`: what the fleet runs. */
  constructor(membership: Membership, total: number, observe: Observer) {
    this.#membership = membership;
    this.#total = total;
    this.#observe = observe;
  }

  /** Goes by what was just seen. */
  async consider(fleet: SeenFleet): Promise<void> {
    const { member } = this.#membership;
    const isLeaving = fleet.members.get(member)?.share?.leaving === true;
    if (this.#membership.tokenOf(LEAD_LEASE) === null && fleet.isFree(LEAD_LEASE) && !isLeaving) {
      const taken = await this.#membership.take([LEAD_LEASE]);
      if (taken.length > 0) this.#observe({ kind: "fleet.led", member });
    }
    const token = this.#membership.tokenOf(LEAD_LEASE);
    if (token === null || fleet.reign?.token === token) return;
    await this.#membership.proclaim({ total: this.#total, token });
  }
}
