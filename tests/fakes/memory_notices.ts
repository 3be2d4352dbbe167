/**
 * A broker for the service's own messages in memory: it keeps them for the test to look at.
 *
 * @module
 */
import type { Notices, ReplyBody } from "../../gateway/delivery/notices.ts";

export class MemoryNotices implements Notices {
  readonly rejections: { body: Uint8Array; reason: string }[] = [];
  readonly replies: { replyTo: string; correlationId: string | undefined; body: ReplyBody }[] = [];
  readonly newsItems: { routingKey: string; body: unknown }[] = [];
  #held: (() => void)[] | null = null;

  reject(body: Uint8Array, reason: string): Promise<void> {
    if (this.#held === null) {
      this.rejections.push({ body, reason });
      return Promise.resolve();
    }
    return new Promise((resolve) =>
      this.#held?.push(() => {
        this.rejections.push({ body, reason });
        resolve();
      })
    );
  }

  reply(replyTo: string, correlationId: string | undefined, body: ReplyBody): void {
    this.replies.push({ replyTo, correlationId, body });
  }

  news(routingKey: string, body: unknown): void {
    this.newsItems.push({ routingKey, body });
  }

  /** From now on the broker is away: rejections wait for {@link release}. */
  hold(): void {
    this.#held ??= [];
  }

  /** The broker is back: what waited is confirmed, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const confirm of held) confirm();
  }
}
