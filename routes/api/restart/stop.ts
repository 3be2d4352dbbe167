/**
 * `/api/restart/stop`: no further shard has its turn in the rolling restart that is under way.
 *
 * @module
 */
import { actorOf } from "../../_actor.ts";
import { apiError } from "../../_api.ts";
import type { Route } from "../../_route.ts";

export const stopRestart: Route = {
  async POST(context) {
    return await context.get("services").restarts.stop(actorOf(context))
      ? context.json({ ok: true })
      : apiError(context, "none_under_way", "No rolling restart is under way that was not stopped already");
  },
};
