/**
 * Stands where a change of the number of shards cannot be made.
 *
 * @module
 */
import type { CommandRefusal } from "./command.ts";

export function noResharding(): Promise<CommandRefusal> {
  return Promise.resolve({ ok: false, error: "cannot_reshard", message: "Resharding is not there yet" });
}
