/**
 * The port for what the service itself says on the broker, besides events: refused commands, replies, news.
 *
 * @module
 */

/** What became of a piece of news. */
export type NewsOutcome = "confirmed" | "dropped";

export interface Notices {
  /**
   * Publishes a refused command to `gateway.send.rejected` with header `reason`. Resolves once the broker has
   * confirmed it, however long the broker is away; rejects only when the service is stopping.
   */
  reject(body: Uint8Array, reason: string): Promise<void>;
  /**
   * Answers a command on its `reply_to` queue. Waits while the broker is away, the oldest dropped past a bound, and is
   * never sent twice. Best effort: a client that went away is no fault of ours.
   */
  reply(replyTo: string, correlationId: string | undefined, body: ReplyBody): void;
  /**
   * Publishes JSON to exchange `gateway.events`. Bounded while the broker is away: the oldest are dropped, those that
   * somebody waits for last. `settled` is called once, with `confirmed` or `dropped`, unless the service ends before.
   */
  news(routingKey: string, body: unknown, settled?: (outcome: NewsOutcome) => void): void;
}

/** contract: `{"ok": true}` or `{"ok": false, "error": "<code>", "message": "…"}`. */
export type ReplyBody = { ok: true } | { ok: false; error: string; message: string };
