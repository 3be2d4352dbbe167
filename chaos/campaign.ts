/**
 * A plan carried out: faults struck and mended in their time, and counted.
 *
 * @module
 */

import { Random } from "../simulator/world/random.ts";
import type { FaultKind } from "./fault.ts";
import type { PlannedFault, Wave } from "./plan.ts";
import { sleep } from "./sleep.ts";
import type { Stage } from "./stage.ts";

/** Told of every fault when it strikes and when it is mended. */
export type CampaignObserver = (what: "struck" | "mended", fault: PlannedFault) => void;

export class Campaign {
  readonly #stage: Stage;
  readonly #observe: CampaignObserver;
  readonly #counts = new Map<FaultKind, number>();
  readonly #lasting = new Set<PlannedFault>();

  constructor(stage: Stage, observe: CampaignObserver = () => {}) {
    this.#stage = stage;
    this.#observe = observe;
  }

  /** How often each kind has struck. */
  get counts(): ReadonlyMap<FaultKind, number> {
    return this.#counts;
  }

  /** The faults that last at this moment. */
  get lasting(): Iterable<PlannedFault> {
    return this.#lasting;
  }

  /** Plays one wave after the other until the signal; resolves when everything is mended. */
  async play(plan: Iterable<Wave>, over: AbortSignal): Promise<void> {
    for (const { faults, peaceMs } of plan) {
      if (over.aborted) return;
      await Promise.all(faults.map((fault) => this.#inflict(fault, over)));
      await sleep(peaceMs, over);
    }
  }

  async #inflict(fault: PlannedFault, over: AbortSignal): Promise<void> {
    const { kind, afterMs, lastsMs, dice } = fault;
    await sleep(afterMs, over);
    if (over.aborted) return;
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#lasting.add(fault);
    this.#observe("struck", fault);
    const mend = await kind.strike(this.#stage, fault, new Random(dice));
    await sleep(lastsMs, over);
    await mend?.();
    this.#lasting.delete(fault);
    this.#observe("mended", fault);
  }
}
