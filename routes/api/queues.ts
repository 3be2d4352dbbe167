/**
 * `/api/queues`: the queues that are watched, and what is bound to the events.
 *
 * @module
 */
import { queuesJson } from "../../dashboard/api/queues_json.ts";
import type { Route } from "../_route.ts";

export const queues: Route = {
  async GET(context) {
    const { queues, management } = context.get("services");
    const answer = management === null ? null : await management.ask();
    return context.json(queuesJson(queues.snapshot(), answer));
  },
};
