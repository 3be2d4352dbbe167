/**
 * `/api/rejected`: commands that the gateway refused, the newest first.
 *
 * @module
 */
import { RECORDS_COUNT, rejectedJson } from "../../dashboard/api/records_json.ts";
import { readCursor } from "../_json.ts";
import type { Route } from "../_route.ts";

export const rejected: Route = {
  async GET(context) {
    const before = readCursor(context);
    if (before instanceof Response) return before;
    const page = await context.get("services").rejected.read({ before, count: RECORDS_COUNT });
    return context.json(rejectedJson(page));
  },
};
