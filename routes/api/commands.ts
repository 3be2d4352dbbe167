/**
 * `/api/commands`: sends a command of the wire contract as it stands in the body.
 *
 * @module
 */
import { sendAudited } from "../../dashboard/commands/audited_send.ts";
import { checkCommandText } from "../../dashboard/commands/command_checks.ts";
import { readShardTotal } from "../../dashboard/guild_shard.ts";
import { actorOf } from "../_actor.ts";
import { answerOutcome, answerProblems, jsonText } from "../_json.ts";
import type { Route } from "../_route.ts";

export const commands: Route = {
  async POST(context) {
    const services = context.get("services");
    // Its very text is sent: numbers beyond 2^53 would not survive as values.
    const text = await jsonText(context);
    if (text instanceof Response) return text;
    const command = checkCommandText(text, await readShardTotal(services.redis));
    if (!command.ok) return answerProblems(context, command);
    return answerOutcome(context, await sendAudited(services, actorOf(context), command));
  },
};
