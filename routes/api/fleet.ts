/**
 * `/api/fleet`: the figures of the fleet.
 *
 * @module
 */
import { fleetJson } from "../../dashboard/api/fleet_json.ts";
import { fleetFigures } from "../../dashboard/fleet/fleet_figures.ts";
import { historyFields } from "../../dashboard/fleet/fleet_topic.ts";
import type { Route } from "../_route.ts";

export const fleet: Route = {
  async GET(context) {
    const services = context.get("services");
    const snapshot = await services.fleet.read();
    await services.history.refresh(historyFields(snapshot));
    return context.json(
      fleetJson(fleetFigures(snapshot, services.history), services.history.after(0).at(-1)),
    );
  },
};
