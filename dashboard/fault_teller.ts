/**
 * Tells faults of the dashboard's own, each once in a while: whoever looks at a broken page again and again, or asks for
 * one on purpose, is not to fill the log of the gateway beside it.
 *
 * @module
 */
import type { Clock } from "../gateway/clock.ts";
import { failureText } from "../gateway/failure.ts";

const AGAIN_AFTER_MS = 60_000;
/** More different ones in a minute tell no more. */
const TEXTS_MOST = 20;

export interface FaultTellerOptions {
  readonly clock: Clock;
  readonly warn: (message: string) => void;
}

export class FaultTeller {
  readonly #options: FaultTellerOptions;
  /** How often each was seen since it was told, and when that was. */
  readonly #told = new Map<string, { readonly atMs: number; unseen: number }>();

  constructor(options: FaultTellerOptions) {
    this.#options = options;
  }

  tell(fault: unknown): void {
    const { clock, warn } = this.#options;
    const nowMs = clock.nowMs();
    const text = failureText(fault);
    const told = this.#told.get(text);
    if (told !== undefined && nowMs - told.atMs < AGAIN_AFTER_MS) {
      told.unseen += 1;
      return;
    }
    for (const [old, { atMs }] of this.#told) {
      if (nowMs - atMs >= AGAIN_AFTER_MS) this.#told.delete(old);
    }
    if (this.#told.size >= TEXTS_MOST) return;
    this.#told.set(text, { atMs: nowMs, unseen: 0 });
    const more = told === undefined || told.unseen === 0
      ? ""
      : ` (and ${told.unseen} times since the last line)`;
    warn(`Please report this fault of the dashboard: ${text}${more}`);
  }
}
