/**
 * A change of the number of shards: why it cannot be, and the command that does it. For a page and an endpoint.
 *
 * @module
 */
import type { NamedCommand } from "../dashboard/commands/audited_send.ts";
import { NO_SHARDS, reshardWords } from "../dashboard/commands/command_checks.ts";
import type { FleetSnapshot } from "../dashboard/fleet/fleet_snapshot.ts";
import { canBeAbandoned, isUnderWay } from "../dashboard/resharding/reshard.ts";
import { amount } from "../islands/amounts.ts";
import type { ApiError } from "./_api.ts";
import { budgetObstacle } from "./_restart.tsx";

export interface ReshardObstacle {
  readonly error: ApiError;
  /** A sentence. */
  readonly text: string;
}

/**
 * Why it can be neither begun nor given up; null where it can, as far as is known here: the gateway knows more.
 *
 * @param total How many shards there are to be; null: the change is given up.
 */
export function reshardObstacle(fleet: FleetSnapshot, total: number | null): ReshardObstacle | null {
  return total === null ? abandonObstacle(fleet) : beginObstacle(fleet, total);
}

function abandonObstacle({ reshard }: FleetSnapshot): ReshardObstacle | null {
  if (reshard === null || !isUnderWay(reshard)) {
    return { error: "none_under_way", text: "No change of the number of shards is under way." };
  }
  if (canBeAbandoned(reshard)) return null;
  return {
    error: "none_under_way",
    text: "Events come from the new sessions already: there is no way back.",
  };
}

function beginObstacle(fleet: FleetSnapshot, total: number): ReshardObstacle | null {
  const { reshard } = fleet;
  const now = fleet.shards.length;
  if (reshard !== null && isUnderWay(reshard)) {
    return {
      error: "under_way",
      text: "A change of the number of shards is under way: wait for its end, or abandon it first.",
    };
  }
  if (now === 0) return { error: "no_shards", text: "There are no shards yet." };
  if (now === total) return { error: "invalid", text: `There are ${amount(total)} already.` };
  const budget = budgetObstacle("identify", total, fleet);
  return budget === null ? null : { error: "budget_too_small", text: budget };
}

export function reshardCommand(total: number | null): NamedCommand {
  return {
    text: JSON.stringify({ op: 2, data: total === null ? { abandon: true } : { total } }),
    action: reshardWords(total),
    shards: NO_SHARDS,
  };
}
