/**
 * `/api/presence`: what the bot shows of itself on Discord.
 *
 * @module
 */
import { readPresence } from "../../dashboard/api/requests.ts";
import { sendAudited } from "../../dashboard/commands/audited_send.ts";
import { checkPresence } from "../../dashboard/commands/command_forms.ts";
import { readShardTotal } from "../../dashboard/guild_shard.ts";
import { actorOf } from "../_actor.ts";
import { answerOutcome, answerProblems, answerRefusal, isRefusal, jsonBody } from "../_json.ts";
import type { Route } from "../_route.ts";

export const presence: Route = {
  async POST(context) {
    const services = context.get("services");
    const body = await jsonBody(context);
    if (body instanceof Response) return body;
    const fields = readPresence(body);
    if (isRefusal(fields)) return answerRefusal(context, fields);
    const command = checkPresence(fields, await readShardTotal(services.redis));
    if (!command.ok) return answerProblems(context, command);
    return answerOutcome(context, await sendAudited(services, actorOf(context), command));
  },
};
