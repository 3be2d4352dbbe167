/**
 * Finds the shards that a command is for.
 *
 * @module
 */
import { shardOfGuild } from "../protocol/guild_shard.ts";
import type { CommandRefusal, CommandShards } from "./command.ts";

/** The shards that commands can reach. */
export interface ReachableShards {
  /** Number of the bot's shards, by which guilds are spread; null where it is not known yet. */
  readonly total: number | null;
  has(shard: number): boolean;
  /** Their ids. */
  keys(): Iterable<number>;
}

/** At least one shard id, or why the command is refused. */
export function addressedShards(
  asked: CommandShards,
  reachable: ReachableShards,
): readonly number[] | CommandRefusal {
  if (asked === "all") {
    const ids = [...reachable.keys()];
    return ids.length > 0
      ? ids
      : refuse("There are no shards yet: send the command again once they are there");
  }
  const ids = "guildId" in asked ? shardsOfGuild(asked.guildId, reachable.total) : asked;
  if (ids === null) {
    return refuse(
      "The number of shards is not known yet: send the command again once it is, or name a shard",
    );
  }
  const unknown = ids.find((id) => !reachable.has(id));
  if (unknown === undefined) return ids;
  return refuse(`There is no shard ${unknown} here: send one of ${describeRange([...reachable.keys()])}`);
}

function shardsOfGuild(guildId: bigint, total: number | null): readonly number[] | null {
  return total === null ? null : [shardOfGuild(guildId, total)];
}

function refuse(message: string): CommandRefusal {
  return { ok: false, error: "unknown_shard", message };
}

function describeRange(ids: readonly number[]): string {
  return ids.length === 0 ? "none" : `${Math.min(...ids)} to ${Math.max(...ids)}`;
}
