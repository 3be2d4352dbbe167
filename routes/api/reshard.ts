/**
 * `/api/reshard`: has a change of the number of shards begun, or given up.
 *
 * @module
 */
import { readReshard } from "../../dashboard/api/requests.ts";
import { sendAudited } from "../../dashboard/commands/audited_send.ts";
import { actorOf } from "../_actor.ts";
import { answerOutcome, answerRefusal, isRefusal, jsonBody, refuse } from "../_json.ts";
import { reshardCommand, reshardObstacle } from "../_reshard.ts";
import type { Route } from "../_route.ts";

export const reshard: Route = {
  async POST(context) {
    const services = context.get("services");
    const body = await jsonBody(context);
    if (body instanceof Response) return body;
    const total = readReshard(body);
    if (isRefusal(total)) return answerRefusal(context, total);
    const command = reshardCommand(total);
    const obstacle = reshardObstacle(await services.fleet.read(), total);
    if (obstacle !== null) return await refuse(context, obstacle.error, command, obstacle.text);
    return answerOutcome(context, await sendAudited(services, actorOf(context), command));
  },
};
