/**
 * The pace of events: how many happen, and when.
 *
 * @module
 */
import type { Discord } from "./discord.ts";

/** How often events are generated; each time as many as are due. */
const TICK_MS = 20;

/** At most this stretch of time is made up for, so that a clock sent a day ahead does not bring a day's events at once. */
const CATCH_UP_MAX_MS = 1_000;

/** Lets things happen in the world, at the rate of the knob. */
export class Generator {
  readonly #discord: Discord;
  #owed = 0;
  #tickedAtMs = 0;
  #cancel = () => {};

  constructor(discord: Discord) {
    this.#discord = discord;
  }

  start(): void {
    this.#tickedAtMs = this.#discord.clock.nowMs();
    this.#wait();
  }

  stop(): void {
    this.#cancel();
  }

  /** Draws and announces `count` events now. */
  generate(count: number): void {
    const { world, clock, statistics } = this.#discord;
    for (let index = 0; index < count; index++) {
      this.#discord.announce(world.next(clock.nowMs()));
      statistics.eventsGenerated++;
    }
    if (count > 0) statistics.changed();
  }

  #wait(): void {
    this.#cancel = this.#discord.clock.schedule(this.#discord.clock.nowMs() + TICK_MS, () => {
      this.#tick();
      this.#wait();
    });
  }

  #tick(): void {
    const { knobs, clock } = this.#discord;
    const passedMs = Math.min(clock.nowMs() - this.#tickedAtMs, CATCH_UP_MAX_MS);
    this.#tickedAtMs = clock.nowMs();
    if (knobs.paused) return;
    this.#owed += knobs.eventsPerSecond * passedMs / 1_000;
    const due = Math.floor(this.#owed);
    this.#owed -= due;
    this.generate(due);
  }
}
