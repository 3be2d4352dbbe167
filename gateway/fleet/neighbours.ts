/**
 * Which of the other members are gone, by this member's own clock.
 *
 * One is gone where it was watched for its time, and what its own rule adds to it, without being seen renewed. Only what
 * was watched counts: where this member itself heard nothing for a while, it begins anew, so that after an outage of the
 * store nobody is taken for dead who could not speak either.
 *
 * @module
 */
import type { FleetView, SeenMember } from "./leases.ts";
import { TAKEN_AFTER_MS } from "./tenure.ts";

/** Between two looks: after a longer pause what was watched before it counts no more. */
const PAUSE_MAX_MS = 2_000;
/** Where even the store's clock has a member unheard for so long beyond its time, it need not be watched first. */
const LONG_GONE_MS = 30_000;

interface Watched {
  readonly beat: string;
  readonly sinceMs: number;
  /** As it stays until it is seen renewed. */
  readonly isGone: boolean;
}

export class Neighbours {
  #watched = new Map<string, Watched>();
  #lookedAtMs = -Infinity;

  /** Takes in what was read from the store; `nowMs`: monotonic, after it was read. Says who is gone. */
  look({ members }: FleetView, nowMs: number): ReadonlySet<string> {
    const isContinued = nowMs - this.#lookedAtMs <= PAUSE_MAX_MS;
    this.#lookedAtMs = nowMs;
    const watched = new Map<string, Watched>();
    const gone = new Set<string>();
    for (const [id, { beat, ttlMs, ageMs }] of members) {
      const before = this.#watched.get(id);
      const isSame = before?.beat === beat;
      const sinceMs = isSame && isContinued ? before.sinceMs : nowMs;
      const waitMs = ttlMs + TAKEN_AFTER_MS;
      const isGone = (isSame && before.isGone) || nowMs - sinceMs >= waitMs || ageMs >= waitMs + LONG_GONE_MS;
      watched.set(id, { beat, sinceMs, isGone });
      if (isGone) gone.add(id);
    }
    this.#watched = watched;
    return gone;
  }

  /** When the next of those watched would be gone, if nothing is heard of it; Infinity without any. */
  nextGoneAtMs(members: ReadonlyMap<string, SeenMember>, nowMs: number): number {
    let nextMs = Infinity;
    for (const [id, { sinceMs }] of this.#watched) {
      const member = members.get(id);
      if (member === undefined) continue;
      const goneAtMs = sinceMs + member.ttlMs + TAKEN_AFTER_MS;
      if (goneAtMs > nowMs) nextMs = Math.min(nextMs, goneAtMs);
    }
    return nextMs;
  }
}
