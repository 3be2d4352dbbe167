/**
 * The way of embeds into one Discord channel: one message at a time, each as full as may be with what has
 * gathered meanwhile, so that a thousand shards that change at once become a hundred messages.
 *
 * @module
 */
import { type Clock, sleepUntil } from "../clock.ts";
import type { Observer } from "../observation.ts";
import type { Embed, RestClient, RestFailure } from "./rest/client.ts";

/** Full: the oldest goes, for the newest says how things are. */
const EMBEDS_MAX = 1_000;

/** Of one message (Discord docs, Message Resource). */
const EMBEDS_PER_MESSAGE = 10;

/** Over all embeds of one message (Discord docs, Embed Limits). */
const CHARACTERS_PER_MESSAGE = 6_000;

const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** An answer that leaves hope. */
type Refusal = Exclude<RestFailure, { kind: "token_refused" }>;

export interface EmbedQueueOptions {
  readonly channelId: string;
  readonly rest: Pick<RestClient, "createMessage">;
  readonly clock: Clock;
  readonly observe: Observer;
}

export class EmbedQueue {
  readonly #options: EmbedQueueOptions;
  readonly #deadline = new AbortController();
  #embeds: Embed[] = [];
  #dropped = 0;
  /** Set when the channel will not take messages, and when it is all over. */
  #closed = false;
  #sending: Promise<void> | null = null;

  constructor(options: EmbedQueueOptions) {
    this.#options = options;
  }

  /** Never waits and never fails. */
  push(embed: Embed): void {
    if (this.#closed) return;
    if (this.#embeds.length === EMBEDS_MAX) {
      this.#embeds.shift();
      this.#dropped += 1;
    }
    this.#embeds.push(embed);
    // Later, because this is called on the way of an event, and more may be pushed in the same turn.
    this.#sending ??= Promise.resolve().then(() => this.#sendAll());
  }

  /** Takes no more, and resolves when everything is sent or, at the latest, soon after the deadline. */
  async flush(deadline: AbortSignal): Promise<void> {
    this.#closed = true;
    const abort = () => this.#deadline.abort();
    deadline.addEventListener("abort", abort);
    if (deadline.aborted) abort();
    await this.#sending;
    deadline.removeEventListener("abort", abort);
  }

  async #sendAll(): Promise<void> {
    while (this.#embeds.length > 0 && !this.#deadline.signal.aborted) {
      await this.#send(this.#takeMessage());
      this.#noteDropped();
    }
    this.#dropped += this.#embeds.length;
    this.#embeds = [];
    this.#noteDropped();
    this.#sending = null;
  }

  #takeMessage(): Embed[] {
    let count = 0;
    let characters = 0;
    for (const { title, description = "" } of this.#embeds) {
      characters += title.length + description.length;
      if (count === EMBEDS_PER_MESSAGE || (count > 0 && characters > CHARACTERS_PER_MESSAGE)) break;
      count += 1;
    }
    return this.#embeds.splice(0, count);
  }

  /** Sends one message, however often it takes, until the deadline. */
  async #send(embeds: readonly Embed[]): Promise<void> {
    const { channelId, rest, clock, observe } = this.#options;
    const signal = this.#deadline.signal;
    const message = { embeds, nonce: crypto.randomUUID().replaceAll("-", "").slice(0, 25) };
    const route = `POST /channels/${channelId}/messages`;

    for (let refusals = 0; !signal.aborted;) {
      const outcome = await rest.createMessage(channelId, message, signal);
      if (outcome.kind === "ok") return;
      if (signal.aborted) break;

      if (outcome.kind === "token_refused") {
        this.#giveUp("the token is refused (401), check BOT_TOKEN");
        break;
      }
      if (outcome.kind === "failed" && (outcome.status === 403 || outcome.status === 404)) {
        this.#giveUp(`${outcome.message}, check its id and that the bot may send messages there`);
        break;
      }
      if (outcome.kind === "limited" && outcome.status === null) { // No request went out: nothing has failed.
        await sleepUntil(clock, clock.nowMs() + outcome.retryAfterMs, signal);
        continue;
      }
      const retryInMs = retryDelayMs(outcome, refusals);
      const error = outcome.kind === "failed" ? outcome.message : "rate limited";
      observe({ kind: "rest.failed", route, status: outcome.status, error, retryInMs });
      this.#noteDropped();
      if (retryInMs === null) break;
      refusals += 1;
      await sleepUntil(clock, clock.nowMs() + retryInMs, signal);
    }
    this.#dropped += embeds.length;
  }

  #giveUp(why: string): void {
    const { channelId, observe } = this.#options;
    this.#closed = true;
    this.#dropped += this.#embeds.length;
    this.#embeds = [];
    const message = `Cannot write to log channel ${channelId}: ${why}; nothing is sent there until a restart`;
    observe({ kind: "service.warning", message });
  }

  #noteDropped(): void {
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.#options.observe({ kind: "log_channel.dropped", count });
  }
}

/** Doubles with every refusal; null: this message is not to be sent again. */
function retryDelayMs(outcome: Refusal, refusals: number): number | null {
  const ownMs = Math.min(RETRY_MIN_MS * 2 ** refusals, RETRY_MAX_MS);
  if (outcome.kind === "limited") return Math.max(ownMs, outcome.retryAfterMs);
  return outcome.retry ? ownMs : null;
}
