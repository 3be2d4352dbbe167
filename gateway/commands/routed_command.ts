/**
 * A command of `gateway.send` in the router's hands.
 *
 * @module
 */
import type { DrainCommand, ShardsCommand } from "./command.ts";
import type { IncomingCommand } from "./source.ts";
import type { CommandTally } from "./tally.ts";

/** One that members carry out. */
export type PassedOnCommand = ShardsCommand | DrainCommand;

export interface RoutedCommand {
  readonly incoming: IncomingCommand;
  readonly command: PassedOnCommand;
  readonly shards: readonly number[];
  /** Grows with each command that comes. */
  readonly sequence: number;
  /** Monotonic milliseconds after which it is no longer passed on. */
  readonly expiresAtMs: number;
  readonly tally: CommandTally;
}
