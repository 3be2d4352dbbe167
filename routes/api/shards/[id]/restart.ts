/**
 * `/api/shards/:id/restart`: has one shard reconnect.
 *
 * @module
 */
import { readMode } from "../../../../dashboard/api/requests.ts";
import { sendAudited } from "../../../../dashboard/commands/audited_send.ts";
import { readShardId } from "../../../../dashboard/shard_list.ts";
import { actorOf } from "../../../_actor.ts";
import { apiError } from "../../../_api.ts";
import { answerOutcome, answerRefusal, answerRestartObstacle, isRefusal, jsonBody } from "../../../_json.ts";
import { RESTART_NAMES } from "../../../_restart.tsx";
import type { Route } from "../../../_route.ts";

export const restartShard: Route = {
  async POST(context) {
    const services = context.get("services");
    const body = await jsonBody(context);
    if (body instanceof Response) return body;
    const mode = readMode(body);
    if (isRefusal(mode)) return answerRefusal(context, mode);
    const fleet = await services.fleet.read();
    const shard = readShardId(context.req.param("id") ?? "");
    if (shard === null || fleet.shards[shard] === undefined) {
      return apiError(context, "not_found", "There is no such shard");
    }
    const command = {
      text: JSON.stringify({ op: 1, shard, data: { mode } }),
      action: RESTART_NAMES[mode],
      shards: String(shard),
    };
    const refusal = await answerRestartObstacle(context, fleet, command);
    if (refusal !== null) return refusal;
    return answerOutcome(context, await sendAudited(services, actorOf(context), command));
  },
};
