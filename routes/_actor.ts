/**
 * Who acts, as the audit has them.
 *
 * @module
 */
import type { Actor } from "../dashboard/restarts/rolling_restart.ts";
import { type PageContext, personOf } from "./_route.ts";

export function actorOf(context: PageContext): Actor {
  const { name: who, role } = personOf(context);
  return { who, role, address: context.get("visitor").address };
}
