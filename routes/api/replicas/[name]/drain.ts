/**
 * `/api/replicas/:name/drain`: has one replica hand its shards over and take none, or take some again.
 *
 * @module
 */
import { readDrain } from "../../../../dashboard/api/requests.ts";
import { sendAudited } from "../../../../dashboard/commands/audited_send.ts";
import { actorOf } from "../../../_actor.ts";
import { apiError } from "../../../_api.ts";
import { drainCommand, drainObstacle, replicaNamed } from "../../../_drain.ts";
import { answerOutcome, answerRefusal, isRefusal, jsonBody, refuse } from "../../../_json.ts";
import type { Route } from "../../../_route.ts";

export const drainReplica: Route = {
  async POST(context) {
    const services = context.get("services");
    const body = await jsonBody(context);
    if (body instanceof Response) return body;
    const isDrained = readDrain(body);
    if (isRefusal(isDrained)) return answerRefusal(context, isDrained);
    const replica = replicaNamed(await services.fleet.read(), context.req.param("name") ?? "");
    if (replica === undefined) return apiError(context, "not_found", "There is no such replica");
    const command = drainCommand(replica, isDrained);
    const obstacle = drainObstacle(replica);
    if (obstacle !== null) return await refuse(context, "not_in_fleet", command, obstacle);
    return answerOutcome(context, await sendAudited(services, actorOf(context), command));
  },
};
