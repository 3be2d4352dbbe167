/**
 * Who acts, as the audit has them, and what is refused to them.
 *
 * @module
 */
import type { Actor } from "../dashboard/restarts/rolling_restart.ts";
import { type PageContext, personOf } from "./_route.ts";

export function actorOf(context: PageContext): Actor {
  const { name: who, role } = personOf(context);
  return { who, role, address: context.get("visitor").address };
}

/** What somebody wants done, as the audit has it. */
export interface Attempt {
  readonly action: string;
  readonly shards: string;
}

/** Writes to the audit that it was refused, and why: a sentence, or the like. */
export async function recordRefusal(
  context: PageContext,
  { action, shards }: Attempt,
  why: string,
): Promise<void> {
  const { audit } = context.get("services");
  await audit.record({ ...actorOf(context), action, shards, outcome: `Refused: ${why}` });
}
