/**
 * The end of a command of `gateway.send`: it is answered and acknowledged, and what is refused goes to
 * `gateway.send.rejected` first. One that is for no shard is carried out here as well.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Notices } from "../delivery/notices.ts";
import type { Observer } from "../observation.ts";
import type { Command, CommandRefusal, ReshardCommand } from "./command.ts";
import type { IncomingCommand } from "./source.ts";
import { EXPIRED } from "./tally.ts";

export interface CommandConclusionOptions {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly notices: Notices;
  /** What was refused lies in `gateway.send.rejected` now. */
  readonly refused: (body: Uint8Array, refusal: CommandRefusal) => void;
  /** `COMMAND_TTL`. */
  readonly ttlMs: number;
  /** Begins, or with null abandons, a change of the number of shards; resolves with why not. Never rejects. */
  readonly reshard: (total: number | null) => Promise<CommandRefusal | null>;
}

export class CommandConclusion {
  readonly #options: CommandConclusionOptions;
  /** Those that are not acknowledged yet. */
  readonly #concluding = new Set<Promise<void>>();

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

  /** Others that come meanwhile go on. */
  reshard(incoming: IncomingCommand, command: ReshardCommand): void {
    if (this.remainingMs(incoming) <= 0) return this.refuse(incoming, EXPIRED);
    this.#keep(
      this.#options.reshard(command.total).then((refusal) => {
        // It will come again another way.
        if (!incoming.current) return;
        if (refusal === null) this.carriedOut(incoming, command, 0);
        else this.refuse(incoming, refusal);
      }),
    );
  }

  refuse(incoming: IncomingCommand, refusal: CommandRefusal): void {
    const { notices, observe, refused } = this.#options;
    observe({ kind: "command.rejected", reason: refusal.error, message: refusal.message });
    this.#keep(
      notices.reject(incoming.body, refusal.error).then(() => {
        refused(incoming.body, refusal);
        this.#reply(incoming, refusal);
        incoming.acknowledge();
      }, () => {
        // The service is stopping: unacknowledged, the command is delivered to the next process.
      }),
    );
  }

  /** Resolves once all that was to be concluded so far is acknowledged. */
  async done(): Promise<void> {
    while (this.#concluding.size > 0) await Promise.all(this.#concluding);
  }

  #keep(concluding: Promise<void>): void {
    this.#concluding.add(concluding);
    concluding.then(() => this.#concluding.delete(concluding));
  }

  #reply(incoming: IncomingCommand, outcome: { ok: true } | CommandRefusal): void {
    if (incoming.replyTo === undefined) return;
    this.#options.notices.reply(incoming.replyTo, incoming.correlationId, outcome);
  }
}
