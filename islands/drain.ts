/**
 * Draining a replica, in words: on its page, and in the dialog of the table.
 *
 * @module
 */
import { amount } from "./amounts.ts";

/** On buttons. */
export const DRAIN_NAMES = { drain: "Drain this replica", undrain: "Let it take shards again" } as const;

export function drainPath(replica: string): string {
  return `/replicas/${encodeURIComponent(replica)}/drain`;
}

export function drainTitle(replica: string): string {
  return `Drain replica ${replica}?`;
}

/** @param others How many replicas could take its shards. */
export function drainLines(shardCount: number, others: number): string[] {
  const shards = shardCount === 1 ? "Its shard goes" : `Its ${amount(shardCount)} shards go`;
  const goes = others === 0
    ? "There is no other replica that could take its shards: they stay until there is one."
    : `${shards} to the other replicas as far as these have room, a few at a time. Each resumes there at once: no ` +
      "event is lost, and no identify is spent.";
  return [goes, "It takes none until it is let take some again, or is restarted."];
}
