/**
 * Interactions that wait for a bot's answer: a slash command, a pressed button (Discord docs, Receiving and Responding).
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { SimulatorClock } from "./clock.ts";
import { isObject } from "./message_form.ts";

/** An answer that a bot gave, or what it later made of that answer's message. */
export interface InteractionAnswer {
  readonly atMs: number;
  readonly interactionId: string;
  readonly kind: "callback" | "edit";
  /** The request's body: of a callback `{ "type": 4, "data": … }`, of an edit a message. */
  readonly body: unknown;
}

/** How long the first answer may take (Discord docs, Receiving and Responding: Interaction Callback). */
const ANSWER_WITHIN_MS = 3_000;
/** How long the token is good for edits (Discord docs, Receiving and Responding: Followup Messages). */
const EDIT_WITHIN_MS = 15 * 60_000;
/** Answers with a message, now or later (Discord docs, Interaction Callback Type); others have none to edit. */
const TYPES_WITH_MESSAGE: ReadonlySet<unknown> = new Set([4, 5, 6, 7]);
/** How many are known at a time; the oldest are forgotten. */
const KEPT_MAX = 10_000;

interface KnownInteraction {
  readonly id: string;
  readonly token: string;
  /** Null where the one that was dispatched names none: any will do. */
  readonly applicationId: string | null;
  /** Where it was used; null where the one that was dispatched does not say. */
  readonly channelId: string | null;
  readonly createdAtMs: number;
  /** Type of its answer; null where it has none yet. */
  answerType: unknown;
}

/** Whether the message of an answer can be edited. */
export type EditState =
  | { readonly kind: "unknown" | "expired" | "without-message" }
  | { readonly kind: "editable"; readonly interactionId: string; readonly channelId: string | null };

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
    this.#known.set(interaction.id, { ...interaction, createdAtMs: this.#clock.nowMs(), answerType: null });
    if (this.#known.size > KEPT_MAX) {
      const [oldest = ""] = this.#known.keys();
      this.#known.delete(oldest);
    }
  }

  /** `unknown` where there is no such one, or its time is over. */
  stateOf(id: string, token: string): "unknown" | "waiting" | "answered" {
    const known = this.#known.get(id);
    if (known?.token !== token) return "unknown";
    if (known.answerType !== null) return "answered";
    return this.#isWithin(known, ANSWER_WITHIN_MS) ? "waiting" : "unknown";
  }

  /** What becomes of an edit; `unknown` where there is no such interaction, or it has no answer. */
  editStateOf(applicationId: string, token: string): EditState {
    const known = [...this.#known.values()].find((each) =>
      each.token === token && applicationId === (each.applicationId ?? applicationId)
    );
    if (known === undefined || known.answerType === null) return { kind: "unknown" };
    if (!this.#isWithin(known, EDIT_WITHIN_MS)) return { kind: "expired" };
    if (!TYPES_WITH_MESSAGE.has(known.answerType)) return { kind: "without-message" };
    return { kind: "editable", interactionId: known.id, channelId: known.channelId };
  }

  /** It is answered from now on, by a callback of this type. */
  answer(id: string, type: unknown): void {
    const known = this.#known.get(id);
    if (known !== undefined) known.answerType = type;
  }

  #isWithin({ createdAtMs }: KnownInteraction, ms: number): boolean {
    return this.#clock.nowMs() < createdAtMs + ms;
  }
}

function parse(data: Buffer): Omit<KnownInteraction, "createdAtMs" | "answerType"> | null {
  try {
    const value: unknown = JSON.parse(data.toString());
    if (!isObject(value)) return null;
    const { id, token, application_id, channel_id } = value;
    if (typeof id !== "string" || typeof token !== "string") return null;
    return { id, token, applicationId: textOrNull(application_id), channelId: textOrNull(channel_id) };
  } catch {
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
