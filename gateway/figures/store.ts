/**
 * The figures that whoever watches the service reads, and the port that writes them.
 *
 * @module
 */
import type { Observation } from "../observation.ts";

/** Inclusive, ascending. */
export type ShardRanges = readonly (readonly [first: number, last: number])[];

/** One process, at one moment. Times are milliseconds since the epoch. */
export interface ReplicaFigures {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly heardAtMs: number;
  /** It has ended in order. */
  readonly stopped: boolean;
  /** Those that it runs; none before they are known. */
  readonly shards: ShardRanges;
  readonly total: number | null;
  readonly recommended: number | null;
  /** Away only because it is not their turn to identify. */
  readonly waiting: ShardRanges;
  /** Away until the broker has caught up. */
  readonly parked: ShardRanges;
  readonly identify: IdentifyFigures | null;
  /** Whether both connections to the broker stand. */
  readonly broker: boolean;
  readonly unconfirmed: { readonly events: number; readonly bytes: number };
  /** Null without a spool. */
  readonly spool: { readonly events: number; readonly bytes: number; readonly maxBytes: number } | null;
  /** Null outside a fleet, and before it has joined. */
  readonly fleet: MemberFigures | null;
}

/** A process as a member of a fleet. */
export interface MemberFigures {
  readonly member: string;
  /** It hands its shards over, and takes none. */
  readonly isDraining: boolean;
  /** Its leases may be relied on: false until they were renewed, and where they could not be. */
  readonly holds: boolean;
}

export interface IdentifyFigures {
  readonly remaining: number;
  readonly total: number;
  readonly resetsAtMs: number;
}

/** One second of a process. Null: not known, or nothing to measure. */
export interface SecondFigures {
  readonly events: number;
  readonly confirmed: number;
  readonly delayP50Ms: number | null;
  readonly delayP99Ms: number | null;
  readonly latencyP50Ms: number | null;
  readonly latencyP90Ms: number | null;
  readonly latencyMaxMs: number | null;
  readonly unconfirmedEvents: number;
  readonly unconfirmedBytes: number;
  readonly spooledEvents: number | null;
  readonly spooledBytes: number | null;
  readonly connected: number;
  /** How often a shard came back in it, or came up: each READY and each RESUMED. */
  readonly returned: number;
}

/** One shard, at one moment. */
export interface ShardDetails {
  readonly atMs: number;
  /** Since when it has its status. */
  readonly sinceMs: number;
  /** The three sequences are null without a session. */
  readonly received: number | null;
  readonly published: number | null;
  readonly stored: number | null;
  readonly guilds: number;
  /** Where its session would be resumed; null where that is not known. */
  readonly host: string | null;
  readonly parked: boolean;
  readonly waiting: boolean;
  readonly eventsPerSecond: number;
  /** The most frequent types, the most frequent first; no zeros. */
  readonly rates: readonly (readonly [type: string, perSecond: number])[];
}

/** What is told of a shard's life: all that is observed of it but what comes with every beat. */
export type LifeObservation = Exclude<
  Extract<Observation, { kind: `shard.${string}` }>,
  { kind: "shard.status" | "shard.acknowledged" }
>;

export type LifeKind = LifeObservation["kind"] extends `shard.${infer Kind}` ? Kind : never;

export interface LifeEvent {
  readonly shard: number;
  readonly atMs: number;
  readonly kind: LifeKind;
  /** The other fields of the observation, session ids shortened. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Of one acknowledged heartbeat. */
export interface Latency {
  readonly shard: number;
  readonly atMs: number;
  readonly latencyMs: number;
}

/** A command that was refused. */
export interface RejectedCommand {
  readonly atMs: number;
  readonly reason: string;
  readonly message: string;
  /** Length of its body. */
  readonly bytes: number;
  /** Null where it is too long, no text, or nobody's business. */
  readonly body: string | null;
}

/** What is written in one go. */
export interface Figures {
  readonly replica: ReplicaFigures;
  /** Null where it is only the rest of one. */
  readonly second: SecondFigures | null;
  /** By shard, those that say something new. */
  readonly details: ReadonlyMap<number, ShardDetails>;
  /** In the order in which it happened, as the next two. */
  readonly life: readonly LifeEvent[];
  readonly latencies: readonly Latency[];
  readonly rejected: readonly RejectedCommand[];
}

export interface FiguresStore {
  /**
   * Forgets the processes, but the one of this name, that were last heard before then, with their history. Called before the first {@link write}. Rejects like it.
   */
  forgetReplicas(name: string, heardBeforeMs: number): Promise<void>;
  /**
   * Writes the figures, and of each list keeps only as much as is worth looking at. Where there are more details than
   * shards, those of shards that are not below the total are forgotten. Called once a second, and never
   * while a call is under way. Rejects at once where the store is away, refuses, or goes away meanwhile: some of it may
   * be written then, and nothing is tried again.
   */
  write(figures: Figures): Promise<void>;
}
