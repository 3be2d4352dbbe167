/**
 * What each replica published held against the leases that it had.
 *
 * @module
 */
import type { LeaseHistory } from "./lease_history.ts";
import type { Publication } from "./publications.ts";
import type { Saying } from "./sayings.ts";

/** What is known of a replica besides. Times are of the wall clock. */
export interface ReplicaRecord {
  readonly name: string;
  /** It did not run from then to then. */
  readonly pauses: readonly { readonly fromMs: number; readonly untilMs: number }[];
  /** What it said in its log. */
  readonly said: readonly Saying[];
}

export interface FencingEvidence {
  readonly publications: readonly Publication[];
  readonly leases: LeaseHistory;
  readonly replicas: readonly ReplicaRecord[];
}

export interface FencingJudgement {
  readonly published: number;
  /** Of these, those of a shard whose lease the replica did not hold, and that nothing below allows. */
  readonly withoutLease: number;
  /** Of these, spooled events of a shard that others had taken over, as the replica had said. */
  readonly late: number;
  /** Of these, those that were on their way out of the process at the very moment at which it was stopped. */
  readonly interrupted: number;
  /** Ids of all that came late. */
  readonly lateIds: ReadonlySet<string>;
  /** Shards of which it was said that events of them were in the spool of a replica that had lost them. */
  readonly lateShards: ReadonlySet<number>;
  /** How often a replica slept until others had taken shards of it. */
  readonly overslept: number;
  /** How often of these it said that its leases had lapsed, once it woke. */
  readonly noticed: number;
  /** So much later than its lease allows a publication may be heard, at most. */
  readonly marginMs: number;
  readonly findings: readonly string[];
}

/** A received time is in whole seconds, rounded down. */
const SECOND_MS = 1_000;
/** What was under way when a process was stopped is out so long after it goes on. */
const AWAKE_MS = 500;
/** A sleeper that wakes notices within this time, or while it was falling asleep. */
const NOTICE_MS = 5_000;
/** For whatever comes between a write and its being heard, besides what this process had to do. */
const MARGIN_MS = 50;
const LISTED_FINDINGS = 20;

export function isFenced({ withoutLease, overslept, noticed }: FencingJudgement): boolean {
  return withoutLease === 0 && overslept === noticed;
}

export function judgeFencing(
  { publications, leases, replicas }: FencingEvidence,
): FencingJudgement {
  const records = new Map(replicas.map((record) => [record.name, record]));
  const lateIds = new Set<string>();
  const findings: string[] = [];
  const count = { withoutLease: 0, late: 0, interrupted: 0, overslept: 0, noticed: 0 };
  let mostMarginMs = 0;
  for (const publication of publications) {
    const { replica, shard, atMs, id, lateMs } = publication;
    const marginMs = MARGIN_MS + lateMs;
    mostMarginMs = Math.max(mostMarginMs, marginMs);
    if (leases.holds(replica, shard, atMs, marginMs)) continue;
    const heldUntilMs = leases.heldUntilMs(replica, shard, atMs);
    const reason = excuse(publication, heldUntilMs, records.get(replica));
    if (reason === "late") lateIds.add(id);
    count[reason]++;
    if (reason !== "withoutLease" || count.withoutLease > LISTED_FINDINGS) continue;
    const since = heldUntilMs === null
      ? "whose lease it had never held"
      : `${Math.round(atMs - heldUntilMs)} ms after its lease was another's or nobody's`;
    findings.push(`shard ${shard}: ${replica} published ${id} at ${new Date(atMs).toISOString()}, ${since}`);
  }
  for (const { name, pauses, said } of replicas) {
    for (const { fromMs, untilMs } of pauses) {
      if (!leases.losesAny(name, fromMs, untilMs)) continue;
      count.overslept++;
      const noticed = said.some(({ kind, atMs }) =>
        kind === "leases.lapsed" && atMs >= fromMs - NOTICE_MS && atMs <= untilMs + NOTICE_MS
      );
      if (noticed) count.noticed++;
      else {
        findings.push(
          `${name} slept until ${new Date(untilMs).toISOString()} and did not say that it noticed`,
        );
      }
    }
  }
  return {
    published: publications.length,
    ...count,
    lateIds,
    lateShards: lateShardsOf(replicas),
    marginMs: mostMarginMs,
    findings,
  };
}

function lateShardsOf(replicas: readonly ReplicaRecord[]): ReadonlySet<number> {
  const shards = replicas.flatMap(({ said }) =>
    said.filter(({ kind }) => kind === "spool.late").map(({ shard }) => shard)
  );
  return new Set(shards.filter((shard) => shard !== null));
}

/** Only what came while the lease was held may leave later, and only for one of these reasons. */
function excuse(
  { shard, atMs, receivedAtS }: Publication,
  heldUntilMs: number | null,
  record: ReplicaRecord | undefined,
): "late" | "interrupted" | "withoutLease" {
  const receivedAtMs = receivedAtS * SECOND_MS;
  if (heldUntilMs === null || record === undefined || receivedAtMs > heldUntilMs) return "withoutLease";
  const isTold = record.said.some((saying) =>
    saying.kind === "spool.late" && saying.shard === shard && saying.atMs >= receivedAtMs &&
    saying.atMs <= atMs
  );
  if (isTold) return "late";
  const isInterrupted = record.pauses.some(({ fromMs, untilMs }) =>
    receivedAtMs <= fromMs && fromMs <= heldUntilMs && atMs >= untilMs && atMs <= untilMs + AWAKE_MS
  );
  return isInterrupted ? "interrupted" : "withoutLease";
}
