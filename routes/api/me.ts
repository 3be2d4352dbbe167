/**
 * `/api/me`: whom a token stands for.
 *
 * @module
 */
import { personOf, type Route } from "../_route.ts";

export const me: Route = {
  GET(context) {
    const { name, role, by } = personOf(context);
    return context.json({ name, role, by });
  },
};
