/**
 * Draining a replica: why it cannot be, and the command that does it. For a page and an endpoint.
 *
 * @module
 */
import type { NamedCommand } from "../dashboard/commands/audited_send.ts";
import { drainWords, NO_SHARDS } from "../dashboard/commands/command_checks.ts";
import type { FleetReplica, FleetSnapshot } from "../dashboard/fleet/fleet_snapshot.ts";

/** The replica with this name, as pages show it. */
export function replicaNamed({ replicas }: FleetSnapshot, name: string): FleetReplica | undefined {
  return replicas.find((replica) => replica.name === name);
}

/** Why a replica can be told nothing; null where it can. A sentence. */
export function drainObstacle({ isStopped, fleet }: FleetReplica): string | null {
  if (isStopped) return "It has stopped.";
  return fleet === null ? "It runs alone: where FLEET is off there is nobody to take its shards." : null;
}

export function drainCommand({ field, name }: FleetReplica, isDrained: boolean): NamedCommand {
  return {
    text: JSON.stringify({ op: 3, replica: field, data: { drain: isDrained } }),
    action: drainWords(name, isDrained),
    shards: NO_SHARDS,
  };
}
