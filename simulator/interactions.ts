/**
 * Interactions that wait for a bot's answer: a slash command, a pressed button (Discord docs, Receiving and Responding).
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { SimulatorClock } from "./clock.ts";
import { isObject } from "./message_form.ts";

/** An answer that a bot gave. */
export interface InteractionAnswer {
  readonly atMs: number;
  readonly interactionId: string;
  /** The request's body: `{ "type": 4, "data": … }`. */
  readonly body: unknown;
}

/** How long the first answer may take (Discord docs, Receiving and Responding: Interaction Callback). */
const ANSWER_WITHIN_MS = 3_000;
/** How many are known at a time; the oldest are forgotten. */
const KEPT_MAX = 10_000;

interface KnownInteraction {
  readonly token: string;
  readonly expiresAtMs: number;
  isAnswered: boolean;
}

/** Whether an interaction can be answered, and answered once. */
export class Interactions {
  readonly #clock: SimulatorClock;
  readonly #known = new Map<string, KnownInteraction>();

  constructor(clock: SimulatorClock) {
    this.#clock = clock;
  }

  /** An INTERACTION_CREATE was dispatched; `data` is its `d`, which whoever controls the simulator may have made up. */
  dispatched(data: Buffer): void {
    const interaction = parse(data);
    if (interaction === null || this.#known.has(interaction.id)) return;
    const { id, token } = interaction;
    this.#known.set(id, {
      token,
      expiresAtMs: this.#clock.nowMs() + ANSWER_WITHIN_MS,
      isAnswered: false,
    });
    if (this.#known.size > KEPT_MAX) {
      const [oldest = ""] = this.#known.keys();
      this.#known.delete(oldest);
    }
  }

  /** `unknown` where there is no such one, or its time is over. */
  stateOf(id: string, token: string): "unknown" | "waiting" | "answered" {
    const known = this.#known.get(id);
    if (known?.token !== token) return "unknown";
    if (known.isAnswered) return "answered";
    return known.expiresAtMs > this.#clock.nowMs() ? "waiting" : "unknown";
  }

  /** It is answered from now on. */
  answer(id: string): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.isAnswered = true;
  }
}

function parse(data: Buffer): { readonly id: string; readonly token: string } | null {
  try {
    const value: unknown = JSON.parse(data.toString());
    if (!isObject(value)) return null;
    const { id, token } = value;
    return typeof id === "string" && typeof token === "string" ? { id, token } : null;
  } catch {
    return null;
  }
}
