/**
 * `/api/shards`: every shard, or those of some statuses.
 *
 * @module
 */
import { shardJson } from "../../dashboard/api/fleet_json.ts";
import { CELL_STATES, isCellState } from "../../dashboard/fleet/fleet_snapshot.ts";
import { apiError } from "../_api.ts";
import type { Route } from "../_route.ts";

export const shards: Route = {
  async GET(context) {
    const wanted = context.req.queries("status") ?? [];
    if (!wanted.every(isCellState)) {
      return apiError(context, "invalid", `"status" is one of ${CELL_STATES.join(", ")}`);
    }
    const snapshot = await context.get("services").fleet.read();
    const found = snapshot.shards.filter(({ state }) => wanted.length === 0 || wanted.includes(state));
    return context.json({ at: snapshot.atMs, shards: found.map(shardJson) });
  },
};
