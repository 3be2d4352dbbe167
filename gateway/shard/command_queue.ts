/**
 * Commands of one shard that wait to be sent: until it is connected, and until there is room under Discord's
 * limits. In order, with one exception: presence updates past their own limit, which Discord would silently
 * drop, wait without holding up the others, and only the newest of them is kept.
 *
 * @module
 */
import type { SendBudget } from "./send_budget.ts";

/** A command that waits to be sent on one shard. */
export interface ShardCommand {
  readonly opcode: number;
  /** The frame, exactly as it will be sent. */
  readonly text: string;
  /** For a presence update the text of its `d`, sent again after a fresh IDENTIFY. */
  readonly presence: string | null;
  /** Monotonic milliseconds after which it is no longer sent. */
  readonly expiresAtMs: number;
  /** False once the broker will deliver it again: then it must not be sent from here. */
  isCurrent(): boolean;
}

/** What becomes of a command that leaves the queue. A superseded presence counts as sent. */
export type CommandFate = "send" | "superseded" | "expired";

export class CommandQueue {
  #commands: ShardCommand[] = [];
  #roomAtMs = Infinity;
  #frameAtMs = 0;
  #expiryAtMs = Infinity;

  push(command: ShardCommand): void {
    // Those of a channel that is gone come all before those of the next.
    if (this.#commands[0]?.isCurrent() === false) {
      this.#commands = this.#commands.filter((waiting) => waiting.isCurrent());
    }
    this.#commands.push(command);
    this.#expiryAtMs = Math.min(this.#expiryAtMs, command.expiresAtMs);
  }

  /** When something may be sent that had no room at the last {@link release}; Infinity where nothing waits for it. */
  get roomAtMs(): number {
    return this.#roomAtMs;
  }

  /** Whether nothing at all may be sent yet, as far as the last {@link release} saw: a new command only joins the queue. */
  isFull(nowMs: number): boolean {
    return this.#frameAtMs > nowMs;
  }

  /** When the first of the waiting commands expires; Infinity where none waits. */
  get expiryAtMs(): number {
    return this.#expiryAtMs;
  }

  /**
   * Calls back, in order, for every command whose fate is decided now, and keeps the rest. `budget` is that of
   * the connection, null while there is none; whoever sends must record it there before the next call back.
   */
  release(
    nowMs: number,
    budget: SendBudget | null,
    leave: (command: ShardCommand, fate: CommandFate) => void,
  ): void {
    const waiting = this.#commands.filter((command) => command.isCurrent());
    const newestPresence = waiting.findLast((command) => command.presence !== null);
    const kept: ShardCommand[] = [];
    this.#roomAtMs = Infinity;
    this.#frameAtMs = 0;
    this.#expiryAtMs = Infinity;
    const keep = (command: ShardCommand) => {
      kept.push(command);
      this.#expiryAtMs = Math.min(this.#expiryAtMs, command.expiresAtMs);
    };
    let full = false;
    for (const command of waiting) {
      if (command.expiresAtMs <= nowMs) {
        leave(command, "expired");
        continue;
      }
      if (budget === null || full) {
        keep(command);
        continue;
      }
      const frameAtMs = budget.frameAtMs(nowMs);
      const roomAtMs = command.presence === null ? frameAtMs : budget.presenceAtMs(nowMs);
      if (roomAtMs <= nowMs) leave(command, "send");
      else if (command.presence !== null && command !== newestPresence) leave(command, "superseded");
      else {
        keep(command);
        this.#roomAtMs = Math.min(this.#roomAtMs, roomAtMs);
        full = frameAtMs > nowMs;
        if (full) this.#frameAtMs = frameAtMs;
      }
    }
    this.#commands = kept;
  }
}
