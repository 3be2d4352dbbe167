/**
 * A change of the number of shards: how far it is, and where the gateway keeps its own keys because of it. Plain frozen
 * data, checked and bounded.
 *
 * @module
 */

/**
 * - `rehearsing`: the new sessions come up beside the old ones, and are not published.
 * - `holding`: the old ones hold back what comes, until all that they had is published.
 * - `taking_over`: the new sessions are published. There is no way back.
 */
export const RESHARD_PHASES = ["rehearsing", "holding", "taking_over", "done", "abandoned"] as const;

export type ReshardPhase = (typeof RESHARD_PHASES)[number];

/** The two places in Redis for what the gateway keeps of one number of shards, the first that there ever is first. */
export const BANKS = ["a", "b"] as const;

export type Bank = (typeof BANKS)[number];

export interface Reshard {
  readonly id: string;
  /** Numbers of shards. */
  readonly from: number;
  readonly to: number;
  readonly phase: ReshardPhase;
  readonly beganAtMs: number;
  /** Why it was abandoned; null where it was not, or nobody has said. */
  readonly reason: string | null;
  /** New shards that are connected. */
  readonly ready: number;
  /** How far each process is, by name. */
  readonly replicas: readonly ReshardReplica[];
}

export interface ReshardReplica {
  readonly name: string;
  /** New shards here that are connected. */
  readonly ready: number;
  /** What the next phase waits for here, as a phrase; null: nothing. */
  readonly waitsFor: string | null;
}

export function isUnderWay({ phase }: Pick<Reshard, "phase">): boolean {
  return phase !== "done" && phase !== "abandoned";
}

/** How it is, as sentences. */
export function reshardText({ phase, from, to, reason }: Reshard): string {
  const what = `${from} → ${to}`;
  switch (phase) {
    case "rehearsing":
      return `${what}: the new sessions come up beside the old ones. Their events are not published yet.`;
    case "holding":
      return `${what}: the old sessions hold back what comes, until all that they had is published.`;
    case "taking_over":
      return `${what}: events come from the new sessions now, and the old ones end. There is no way back.`;
    case "done":
      return `${what} done, set SHARDS_TOTAL=${to}.`;
    case "abandoned":
      return `${what} abandoned${reason === null ? "" : `: ${reason.replace(/\.$/, "")}`}.`;
  }
}

/** Whether it can still be given up. */
export function canBeAbandoned({ phase }: Pick<Reshard, "phase">): boolean {
  return phase === "rehearsing" || phase === "holding";
}
