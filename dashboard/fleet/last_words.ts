/**
 * How long ago each process of the gateway spoke last, whatever the clock of its machine says.
 *
 * Two machines' clocks may differ by more than a gateway may be silent. So how far they do counts only for a process
 * that is seen for the first time; a word that is new since the last look was spoken since then, and as long after the
 * word before as the process itself says.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";

interface Word {
  /** As the process says, milliseconds since the epoch of its own clock. */
  readonly heardAtMs: number;
  /** By our clock, monotonic. */
  readonly atMs: number;
}

export class LastWords {
  readonly #clock: Clock;
  #words: ReadonlyMap<string, Word> = new Map();
  #lookedAtMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Milliseconds since the last word of each process, whole ones and never fewer than 0.
   *
   * @param heard The time that each gives for it, as was just read. Those that are not among them are forgotten.
   */
  agoMs(heard: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    const nowMs = this.#clock.nowMs();
    this.#words = new Map([...heard].map(([name, heardAtMs]) => [name, this.#word(name, heardAtMs, nowMs)]));
    this.#lookedAtMs = nowMs;
    return new Map([...this.#words].map(([name, { atMs }]) => [name, Math.round(nowMs - atMs)]));
  }

  #word(name: string, heardAtMs: number, nowMs: number): Word {
    const before = this.#words.get(name);
    if (before?.heardAtMs === heardAtMs) return before;
    const atMs = before === undefined
      ? nowMs - (this.#clock.wallMs() - heardAtMs)
      : before.atMs + (heardAtMs - before.heardAtMs);
    return { heardAtMs, atMs: Math.min(nowMs, Math.max(this.#lookedAtMs, atMs)) };
  }
}
