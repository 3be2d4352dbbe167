/**
 * `/api/audit`: what people and programs did, the newest first.
 *
 * @module
 */
import { auditJson, RECORDS_COUNT } from "../../dashboard/api/records_json.ts";
import { readCursor } from "../_json.ts";
import type { Route } from "../_route.ts";

export const audit: Route = {
  async GET(context) {
    const before = readCursor(context);
    if (before instanceof Response) return before;
    const page = await context.get("services").audit.read({ before, count: RECORDS_COUNT });
    return context.json(auditJson(page));
  },
};
