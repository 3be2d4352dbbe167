/**
 * A broker for the service's own messages in memory: it keeps them for the test to look at.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { NewsOutcome, Notices, ReplyBody } from "../../gateway/delivery/notices.ts";

/** Something that waits for the broker. */
interface Waiting {
  readonly isNews: boolean;
  readonly confirm: () => void;
  /** Set where somebody waits for the outcome of a piece of news. */
  readonly drop?: () => void;
}

export class MemoryNotices implements Notices {
  readonly rejections: { body: Uint8Array; reason: string }[] = [];
  readonly replies: { replyTo: string; correlationId: string | undefined; body: ReplyBody }[] = [];
  readonly newsItems: { routingKey: string; body: unknown }[] = [];
  readonly #newsMax: number;
  #isHeld = false;
  #waiting: Waiting[] = [];

  /** `newsMax`: how many pieces of news wait at most while the broker is away. */
  constructor({ newsMax = 1_000 } = {}) {
    this.#newsMax = newsMax;
  }

  reject(body: Uint8Array, reason: string): Promise<void> {
    return new Promise((resolve) =>
      this.#add({
        isNews: false,
        confirm: () => {
          this.rejections.push({ body, reason });
          resolve();
        },
      })
    );
  }

  reply(replyTo: string, correlationId: string | undefined, body: ReplyBody): void {
    this.#add({ isNews: false, confirm: () => this.replies.push({ replyTo, correlationId, body }) });
  }

  news(routingKey: string, body: unknown, settled?: (outcome: NewsOutcome) => void): void {
    this.#add({
      isNews: true,
      confirm: () => {
        this.newsItems.push({ routingKey, body });
        settled?.("confirmed");
      },
      ...(settled === undefined ? {} : { drop: () => settled("dropped") }),
    });
    this.#dropOldNews();
  }

  /** From now on the broker is away: everything waits for {@link confirmNext} or {@link release}. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Takes and confirms what has waited longest, while the broker is held. */
  confirmNext(): void {
    const next = this.#waiting.shift();
    assert(next !== undefined, "nothing waits");
    next.confirm();
  }

  /** The broker is back: what waited is confirmed, in order. */
  release(): void {
    this.#isHeld = false;
    while (this.#waiting.length > 0) this.confirmNext();
  }

  #add(waiting: Waiting): void {
    if (this.#isHeld) this.#waiting.push(waiting);
    else waiting.confirm();
  }

  #dropOldNews(): void {
    const news = this.#waiting.filter(({ isNews }) => isNews);
    if (news.length <= this.#newsMax) return;
    const dropped = news.find(({ drop }) => drop === undefined) ?? news[0];
    this.#waiting = this.#waiting.filter((waiting) => waiting !== dropped);
    dropped?.drop?.();
  }
}
