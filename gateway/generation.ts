/**
 * What a service needs to know of its generation: of those of a process there are two while the number of shards changes.
 *
 * @module
 */
import type { CommandRefusal } from "./commands/command.ts";
import type { SharedTurns } from "./identify/shared_turns.ts";
import type { Bank } from "./resume/bank.ts";

/** Where a service keeps what is its own, and how many shards it runs: null where its settings tell. */
export interface Place {
  readonly bank: Bank;
  readonly total: number | null;
}

/** What a service has of its generation. */
export interface GenerationPorts {
  /** Waits for the store as long as it takes; null: the service is being stopped. */
  place(): Promise<Place | null>;
  /** Begins a change of the number of shards, or with null abandons it. Resolves with why not. */
  reshard(total: number | null): Promise<CommandRefusal | null>;
  /** An operator has it drained, or no longer: so is what comes after it. */
  drained(isDrained: boolean): void;
  /** What both services of this process share to identify; null where there is one, which is alone. */
  turns(): SharedTurns | null;
  /** Whether it comes beside another that has begun what workers share. */
  readonly isNext: boolean;
}
