/**
 * `/restarts/stop`: ends the rolling restart that is under way.
 *
 * @module
 */
import { actorOf } from "../_actor.ts";
import { redirectWithNotice, type Route } from "../_route.ts";

export const stopRestart: Route = {
  async POST(context) {
    const isAsked = await context.get("services").restarts.stop(actorOf(context));
    return await redirectWithNotice(
      context,
      "/restarts",
      isAsked
        ? { kind: "done", text: "It stops; no further shard has its turn." }
        : { kind: "refused", text: "No rolling restart is under way, or it was asked to stop already." },
    );
  },
};
