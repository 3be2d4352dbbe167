/**
 * Carries commands out: reads each message of `gateway.send`, hands it to its shards, and acknowledges it once
 * it was carried out or refused. What is refused goes to `gateway.send.rejected` first.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Notices } from "../delivery/notices.ts";
import type { Observer } from "../observation.ts";
import type { ShardCommand } from "../shard/command_queue.ts";
import type { ReconnectMode } from "../shard/machine.ts";
import { type CommandRefusal, type CommandShards, readCommand } from "./command.ts";
import type { IncomingCommand } from "./source.ts";

/** What a command needs of a shard. */
export interface CommandedShard {
  submit(command: ShardCommand): void;
  restart(mode: ReconnectMode): void;
}

export interface DispatcherOptions {
  readonly clock: Clock;
  readonly observe: Observer;
  readonly notices: Notices;
  /** What was refused lies in `gateway.send.rejected` now. */
  readonly refused: (body: Uint8Array, refusal: CommandRefusal) => void;
  /** `COMMAND_TTL`. */
  readonly ttlMs: number;
  /** The shards of this process, by id. */
  readonly shards: ReadonlyMap<number, CommandedShard>;
}

/** One message on its way to one or more shards. */
interface Delivery {
  readonly incoming: IncomingCommand;
  readonly opcode: number;
  readonly shardCount: number;
  /** Shards that have neither sent it nor let it expire. */
  open: number;
  expired: number;
}

const EXPIRED: CommandRefusal = {
  ok: false,
  error: "expired",
  message: "The command waited longer than COMMAND_TTL: send it again if it still matters",
};

export class CommandDispatcher {
  readonly #options: DispatcherOptions;
  /** Weak, because a command that the broker delivers again is forgotten by its shard without a word. */
  readonly #deliveries = new WeakMap<ShardCommand, Delivery>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Takes one message. Never throws, whatever it holds. */
  handle(incoming: IncomingCommand): void {
    const reading = readCommand(incoming.body);
    if (!reading.ok) return this.#refuse(incoming, reading);
    const { command } = reading;
    const shards = this.#shards(command.shards);
    if (!Array.isArray(shards)) return this.#refuse(incoming, shards);
    const remainingMs = this.#remainingMs(incoming);
    if (remainingMs <= 0) return this.#refuse(incoming, EXPIRED);
    if (command.kind === "reconnect") {
      for (const shard of shards) shard.restart(command.mode);
      return this.#done(incoming, null, shards.length);
    }
    const delivery: Delivery = {
      incoming,
      opcode: command.opcode,
      shardCount: shards.length,
      open: shards.length,
      expired: 0,
    };
    const expiresAtMs = this.#options.clock.nowMs() + remainingMs;
    for (const shard of shards) {
      const shardCommand: ShardCommand = {
        opcode: command.opcode,
        text: command.payload,
        presence: command.presence,
        expiresAtMs,
        isCurrent: () => incoming.current,
      };
      this.#deliveries.set(shardCommand, delivery);
      shard.submit(shardCommand);
    }
  }

  /** A shard has sent the command. */
  sent(command: ShardCommand): void {
    this.#settle(command, 0);
  }

  /** A shard could not send the command in time. */
  expired(command: ShardCommand): void {
    this.#settle(command, 1);
  }

  #settle(command: ShardCommand, expired: 0 | 1): void {
    const delivery = this.#deliveries.get(command);
    if (delivery === undefined) return;
    this.#deliveries.delete(command);
    if (!delivery.incoming.current) return;
    delivery.open -= 1;
    delivery.expired += expired;
    if (delivery.open > 0) return;
    if (delivery.expired === 0) return this.#done(delivery.incoming, delivery.opcode, delivery.shardCount);
    const message = delivery.expired === delivery.shardCount
      ? EXPIRED.message
      : `${EXPIRED.message} (${delivery.expired} of ${delivery.shardCount} shards did not send it in time)`;
    this.#refuse(delivery.incoming, { ...EXPIRED, message });
  }

  #shards(asked: CommandShards): CommandedShard[] | CommandRefusal {
    const { shards } = this.#options;
    if (asked === "all") return [...shards.values()];
    const found: CommandedShard[] = [];
    for (const id of asked) {
      const shard = shards.get(id);
      if (shard === undefined) {
        const message = `There is no shard ${id} here: send one of ${describeRange([...shards.keys()])}`;
        return { ok: false, error: "unknown_shard", message };
      }
      found.push(shard);
    }
    return found;
  }

  /** Counted from the sender's own `timestamp` where it set one, else from now. */
  #remainingMs(incoming: IncomingCommand): number {
    const { clock, ttlMs } = this.#options;
    // Some libraries send a zero where nothing was set.
    if (!incoming.sentAtMs) return ttlMs;
    return ttlMs - Math.max(0, clock.wallMs() - incoming.sentAtMs);
  }

  #done(incoming: IncomingCommand, opcode: number | null, shards: number): void {
    this.#options.observe({ kind: "command.carried_out", opcode, shards });
    this.#reply(incoming, { ok: true });
    incoming.acknowledge();
  }

  #refuse(incoming: IncomingCommand, refusal: CommandRefusal): void {
    const { notices, observe, refused } = this.#options;
    observe({ kind: "command.rejected", reason: refusal.error, message: refusal.message });
    notices.reject(incoming.body, refusal.error).then(() => {
      refused(incoming.body, refusal);
      this.#reply(incoming, refusal);
      incoming.acknowledge();
    }, () => {
      // The service is stopping: unacknowledged, the command is delivered to the next process.
    });
  }

  #reply(incoming: IncomingCommand, outcome: { ok: true } | CommandRefusal): void {
    if (incoming.replyTo === undefined) return;
    this.#options.notices.reply(incoming.replyTo, incoming.correlationId, outcome);
  }
}

function describeRange(ids: readonly number[]): string {
  return ids.length === 0 ? "none" : `${Math.min(...ids)} to ${Math.max(...ids)}`;
}
