/**
 * Time that a bench moves on: what is done once a second is then done when it is measured, and no timer's delay is
 * measured with it.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { HandClock } from "../../simulator/clock.ts";

export class SteppedClock extends HandClock implements Clock {
  wallMs(): number {
    return this.nowMs();
  }
}
