/**
 * Hands commands to the shards of this process, and hears what becomes of them there. They come from `gateway.send`
 * itself where one process runs alone; in a fleet from its router (`member.ts`).
 *
 * @module
 */
import type { ShardCommand } from "../shard/command_queue.ts";
import type { ReconnectMode } from "../shard/machine.ts";
import { addressedShards } from "./addressing.ts";
import { type CommandRefusal, readCommand, type ShardsCommand } from "./command.ts";
import { CommandConclusion, type CommandConclusionOptions } from "./conclusion.ts";
import type { IncomingCommand } from "./source.ts";
import { CommandTally, EXPIRED } from "./tally.ts";

/** What a command needs of a shard. */
export interface CommandedShard {
  submit(command: ShardCommand): void;
  restart(mode: ReconnectMode): void;
}

export interface DispatcherOptions extends CommandConclusionOptions {
  /** The shards of this process, by id. */
  readonly shards: ReadonlyMap<number, CommandedShard>;
  /** Number of the bot's shards; null where it is not known yet. */
  readonly total: () => number | null;
}

/** `away`: the shard left this process before it had sent the command, and will not send it from here. */
export type ShardFate = "sent" | "expired" | "away";

/** What whoever hands a command to shards wants of them. */
export interface CarryingOut {
  readonly remainingMs: number;
  /** False once the command will come again another way: then it must not be sent. */
  isCurrent(): boolean;
  /** Called once for each shard, unless the command is not current any more. */
  settled(shard: number, fate: ShardFate): void;
}

/** A command that a shard holds. */
interface HeldCommand {
  readonly shard: number;
  readonly carryingOut: CarryingOut;
}

const SHARD_LEFT: CommandRefusal = {
  ok: false,
  error: "unknown_shard",
  message: "The shard left this process before it had sent the command: send it again",
};

const NO_FLEET: CommandRefusal = {
  ok: false,
  error: "unknown_replica",
  message: "There is no fleet here: send it where FLEET is true, for others have to take the shards",
};

export class CommandDispatcher {
  readonly #options: DispatcherOptions;
  readonly #conclusion: CommandConclusion;
  /** Shard → what it holds. One that is not current any more is forgotten by its shard without a word. */
  readonly #held = new Map<number, Map<ShardCommand, HeldCommand>>();
  /** Weak, for the same reason. */
  readonly #shardOf = new WeakMap<ShardCommand, number>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#conclusion = new CommandConclusion(options);
  }

  /** Takes one message of `gateway.send`. Never throws, whatever it holds. */
  handle(incoming: IncomingCommand): void {
    const conclusion = this.#conclusion;
    const reading = readCommand(incoming.body);
    if (!reading.ok) return conclusion.refuse(incoming, reading);
    const { command } = reading;
    if (command.kind === "drain") return conclusion.refuse(incoming, NO_FLEET);
    if (command.kind === "reshard") return conclusion.reshard(incoming, command);
    const { shards: hosted, total } = this.#options;
    const shards = addressedShards(command.shards, {
      total: total(),
      has: (shard) => hosted.has(shard),
      keys: () => hosted.keys(),
    });
    if ("ok" in shards) return conclusion.refuse(incoming, shards);
    const remainingMs = conclusion.remainingMs(incoming);
    if (remainingMs <= 0) return conclusion.refuse(incoming, EXPIRED);
    const tally = new CommandTally(shards.length);
    this.carryOut(command, shards, {
      remainingMs,
      isCurrent: () => incoming.current,
      settled(_shard, fate) {
        tally.add(fate === "away" ? SHARD_LEFT : fate);
        const { outcome } = tally;
        if (outcome?.ok) conclusion.carriedOut(incoming, command, tally.shardCount);
        else if (outcome !== null) conclusion.refuse(incoming, outcome);
      },
    });
  }

  /** Whether the shard is of this process. */
  runs(shard: number): boolean {
    return this.#options.shards.has(shard);
  }

  /** Hands a command to shards of this process; to those that are not, as if they had just left. */
  carryOut(command: ShardsCommand, shards: readonly number[], carryingOut: CarryingOut): void {
    const expiresAtMs = this.#options.clock.nowMs() + carryingOut.remainingMs;
    for (const id of shards) {
      const shard = this.#options.shards.get(id);
      if (shard === undefined) {
        carryingOut.settled(id, "away");
      } else if (command.kind === "reconnect") {
        shard.restart(command.mode);
        carryingOut.settled(id, "sent");
      } else {
        const shardCommand: ShardCommand = {
          opcode: command.opcode,
          text: command.payload,
          presence: command.presence,
          expiresAtMs,
          isCurrent: () => carryingOut.isCurrent(),
        };
        this.#hold(shardCommand, { shard: id, carryingOut });
        shard.submit(shardCommand);
      }
    }
  }

  /** A shard has sent the command. */
  sent(command: ShardCommand): void {
    this.#settle(command, "sent");
  }

  /** A shard could not send the command in time. */
  expired(command: ShardCommand): void {
    this.#settle(command, "expired");
  }

  /** The shard is not of this process any more, and sends nothing from here. */
  left(shard: number): void {
    for (const command of [...this.#held.get(shard)?.keys() ?? []]) this.#settle(command, "away");
  }

  #hold(command: ShardCommand, held: HeldCommand): void {
    let ofShard = this.#held.get(held.shard);
    if (ofShard === undefined) this.#held.set(held.shard, ofShard = new Map());
    // Those that are not current any more come all before those that are.
    for (const [old, { carryingOut }] of ofShard) {
      if (carryingOut.isCurrent()) break;
      ofShard.delete(old);
    }
    ofShard.set(command, held);
    this.#shardOf.set(command, held.shard);
  }

  #settle(command: ShardCommand, fate: ShardFate): void {
    const shard = this.#shardOf.get(command);
    const ofShard = shard === undefined ? undefined : this.#held.get(shard);
    const held = ofShard?.get(command);
    if (ofShard === undefined || held === undefined) return;
    ofShard.delete(command);
    if (ofShard.size === 0) this.#held.delete(held.shard);
    if (held.carryingOut.isCurrent()) held.carryingOut.settled(held.shard, fate);
  }
}
