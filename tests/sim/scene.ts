/**
 * What all parts of one simulated world share.
 *
 * @module
 */
import type { BoundsChecker } from "./checkers/bounds.ts";
import type { GapChecker } from "./checkers/gaps.ts";
import type { IdChecker } from "./checkers/ids.ts";
import type { IdentifyChecker } from "./checkers/identifies.ts";
import type { LeaseChecker } from "./checkers/leases.ts";
import type { OrderChecker } from "./checkers/order.ts";
import type { PointChecker } from "./checkers/points.ts";
import type { SendChecker } from "./checkers/sends.ts";
import type { SessionEndChecker } from "./checkers/session_ends.ts";
import type { StateChecker } from "./checkers/state.ts";
import type { History } from "./history.ts";
import type { Ledger } from "./ledger.ts";
import type { Plan } from "./plan.ts";
import type { Report } from "./report.ts";
import type { VirtualClock } from "./virtual_clock.ts";

export interface Checkers {
  readonly bounds: BoundsChecker;
  readonly gaps: GapChecker;
  readonly identifies: IdentifyChecker;
  readonly ids: IdChecker;
  /** Null outside a fleet. */
  readonly leases: LeaseChecker | null;
  readonly order: OrderChecker;
  readonly points: PointChecker;
  readonly sends: SendChecker;
  readonly sessionEnds: SessionEndChecker;
  /** Null where no state cache is kept. */
  readonly state: StateChecker | null;
}

export interface Scene {
  readonly clock: VirtualClock;
  readonly history: History;
  readonly ledger: Ledger;
  readonly plan: Plan;
  readonly checkers: Checkers;
  /** Says that a promise was broken. */
  readonly report: Report;
}
