/**
 * `/api/restart`: restarts many shards, one after the other, and tells how far that has come.
 *
 * @module
 */
import { readMode, readShards } from "../../dashboard/api/requests.ts";
import { restartJson } from "../../dashboard/api/restart_json.ts";
import { shardProblems } from "../../dashboard/commands/command_checks.ts";
import { ROLLING_RESTART_NAMES } from "../../dashboard/restarts/rolling_restart.ts";
import { shardListText } from "../../dashboard/shard_list.ts";
import { actorOf } from "../_actor.ts";
import { apiError } from "../_api.ts";
import { answerRefusal, answerRestartObstacle, isRefusal, jsonBody, refuse } from "../_json.ts";
import { budgetObstacle } from "../_restart.tsx";
import type { PageContext, Route } from "../_route.ts";

export const restart: Route = {
  GET: restartNow,

  async POST(context) {
    const { fleet, restarts } = context.get("services");
    const body = await jsonBody(context);
    if (body instanceof Response) return body;
    const shards = readShards(body);
    if (isRefusal(shards)) return answerRefusal(context, shards);
    const mode = readMode(body);
    if (isRefusal(mode)) return answerRefusal(context, mode);
    const snapshot = await fleet.read();
    const refused = {
      action: ROLLING_RESTART_NAMES[mode],
      shards: shards === "all" ? "all" : shardListText(shards),
    };
    const refusal = await answerRestartObstacle(context, snapshot, refused);
    if (refusal !== null) return refusal;
    const all = snapshot.shards.map(({ shard }) => shard);
    if (all.length === 0) return apiError(context, "no_shards", "There are no shards yet");
    const [problem] = shardProblems(shards, all.length);
    if (problem !== undefined) return apiError(context, "invalid", problem);
    const ids = shards === "all" ? all : shards;
    const obstacle = budgetObstacle(mode, ids.length, snapshot);
    if (obstacle !== null) return await refuse(context, "budget_too_small", refused, obstacle);
    if (!await restarts.start(ids, actorOf(context), mode)) {
      return apiError(context, "under_way", "A rolling restart is under way: stop it first");
    }
    return await restartNow(context);
  },
};

/** Null where there was none yet. */
async function restartNow(context: PageContext): Promise<Response> {
  const found = await context.get("services").restarts.read();
  return context.json({ restart: found && restartJson(found) });
}
