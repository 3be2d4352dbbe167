/**
 * `/api/guilds/:id`: which shard a guild is on.
 *
 * @module
 */
import { readShardTotal, readSnowflake, shardOfGuild } from "../../../dashboard/guild_shard.ts";
import { apiError } from "../../_api.ts";
import type { Route } from "../../_route.ts";

export const guild: Route = {
  async GET(context) {
    const id = readSnowflake(context.req.param("id") ?? "");
    if (id === null) return apiError(context, "invalid", "This is no guild's id");
    const total = await readShardTotal(context.get("services").redis);
    if (total === null) return apiError(context, "no_shards", "There are no shards yet");
    return context.json({ guild_id: id, shard: shardOfGuild(id, total) });
  },
};
