/**
 * `/api/live`: the fleet as server-sent events, for as long as somebody listens.
 *
 * @module
 */
import { FleetChanges } from "../../dashboard/api/fleet_changes.ts";
import { apiError } from "../_api.ts";
import type { Route } from "../_route.ts";
import { answerLive } from "../live.ts";

export const live: Route = {
  GET(context) {
    const { fleet, history } = context.get("services");
    const answer = answerLive(context, [new FleetChanges({ fleet, history })], {
      sinceMs: null,
      // The token stands as long as the dashboard runs.
      isWelcome: () => Promise.resolve(true),
    });
    return answer ?? apiError(context, "too_many_listeners", "Too many listen already");
  },
};
