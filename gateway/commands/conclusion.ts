/**
 * The end of a command of `gateway.send`: it is answered and acknowledged, and what is refused goes to
 * `gateway.send.rejected` first.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Notices } from "../delivery/notices.ts";
import type { Observer } from "../observation.ts";
import type { Command, CommandRefusal } from "./command.ts";
import type { IncomingCommand } from "./source.ts";

export interface CommandConclusionOptions {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly notices: Notices;
  /** What was refused lies in `gateway.send.rejected` now. */
  readonly refused: (body: Uint8Array, refusal: CommandRefusal) => void;
  /** `COMMAND_TTL`. */
  readonly ttlMs: number;
}

export class CommandConclusion {
  readonly #options: CommandConclusionOptions;
  /** Refused, and not acknowledged yet. */
  readonly #refusing = new Set<Promise<void>>();

  constructor(options: CommandConclusionOptions) {
    this.#options = options;
  }

  /** How much longer it may wait, counted from the sender's own `timestamp` where it set one, else from now. */
  remainingMs(incoming: IncomingCommand): number {
    const { clock, ttlMs } = this.#options;
    // Some libraries send a zero where nothing was set.
    if (!incoming.sentAtMs) return ttlMs;
    return ttlMs - Math.max(0, clock.wallMs() - incoming.sentAtMs);
  }

  carriedOut(incoming: IncomingCommand, command: Command, shards: number): void {
    const opcode = command.kind === "send" ? command.opcode : null;
    this.#options.observe({
      kind: "command.carried_out",
      opcode,
      shards: command.kind === "drain" ? 0 : shards,
    });
    this.#reply(incoming, { ok: true });
    incoming.acknowledge();
  }

  refuse(incoming: IncomingCommand, refusal: CommandRefusal): void {
    const { notices, observe, refused } = this.#options;
    observe({ kind: "command.rejected", reason: refusal.error, message: refusal.message });
    const refusing = notices.reject(incoming.body, refusal.error).then(() => {
      refused(incoming.body, refusal);
      this.#reply(incoming, refusal);
      incoming.acknowledge();
    }, () => {
      // The service is stopping: unacknowledged, the command is delivered to the next process.
    });
    this.#refusing.add(refusing);
    refusing.then(() => this.#refusing.delete(refusing));
  }

  /** Resolves once all that was refused so far is acknowledged. */
  async done(): Promise<void> {
    await Promise.all(this.#refusing);
  }

  #reply(incoming: IncomingCommand, outcome: { ok: true } | CommandRefusal): void {
    if (incoming.replyTo === undefined) return;
    this.#options.notices.reply(incoming.replyTo, incoming.correlationId, outcome);
  }
}
