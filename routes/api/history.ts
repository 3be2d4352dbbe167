/**
 * `/api/history`: the fleet's last fifteen minutes, second by second.
 *
 * @module
 */
import { secondJson } from "../../dashboard/api/fleet_json.ts";
import { historyFields } from "../../dashboard/fleet/fleet_topic.ts";
import type { Route } from "../_route.ts";

export const history: Route = {
  async GET(context) {
    const services = context.get("services");
    await services.history.refresh(historyFields(await services.fleet.read()));
    return context.json({ seconds: services.history.after(0).map(secondJson) });
  },
};
