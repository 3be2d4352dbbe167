/**
 * `/api/shards/:id`: one shard, with its life and its latencies.
 *
 * @module
 */
import { shardDetailsJson } from "../../../dashboard/api/shard_json.ts";
import { readShardId } from "../../../dashboard/shard_list.ts";
import { apiError } from "../../_api.ts";
import type { Route } from "../../_route.ts";

export const shard: Route = {
  async GET(context) {
    const id = readShardId(context.req.param("id") ?? "");
    const snapshot = id === null ? null : await context.get("services").shards.read(id);
    return snapshot === null
      ? apiError(context, "not_found", "There is no such shard")
      : context.json(shardDetailsJson(snapshot));
  },
};
