/**
 * What a worker's thread and the main thread say to each other. No time of a monotonic clock is among it: each thread's
 * begins with the thread.
 *
 * @module
 */
import type { Exit } from "../../exit.ts";
import type { AskedTurns, SharedTurn } from "../../identify/shared_turns.ts";
import type { Observation } from "../../observation.ts";
import type { FamiliesSnapshot } from "../metrics.ts";
import type { PackedCounts } from "./packed_counts.ts";

/** What a worker is started with. */
export interface WorkerStart {
  /** From 1. */
  readonly number: number;
  /** As the process was given it: the worker reads the same settings out of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Path → content of the files that it names, as the process found them. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the process, where the settings give none. */
  readonly replicaName: string;
  /** Names the worker where no spool does, the same one after the other. */
  readonly processId: string;
  /** Names this thread alone where turns to identify are taken. */
  readonly turnsMember: string;
}

/** What only the main thread knows: calls of the ports to the shared turns and to the siblings. */
export type WorkerQuestion = TurnsQuestion | { readonly call: "begun" };

export type TurnsQuestion =
  | { readonly call: "take"; readonly asked: AskedTurns }
  | { readonly call: "keep"; readonly turns: readonly SharedTurn[] }
  | { readonly call: "confirm" | "used" | "giveBack"; readonly turn: SharedTurn };

/** What a worker has counted since its start, and how it is. */
export interface WorkerFigures {
  readonly families: FamiliesSnapshot;
  readonly counts: PackedCounts;
}

export type ToWorker =
  | { readonly kind: "read"; readonly id: number }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "stop" };

export type FromWorker =
  /** Its event loop turns; once a second, with what keeps it from being ready. */
  | { readonly kind: "alive"; readonly missing: readonly string[] }
  | { readonly kind: "observed"; readonly observation: Observation }
  | { readonly kind: "figures"; readonly id: number; readonly figures: WorkerFigures }
  | { readonly kind: "asked"; readonly id: number; readonly question: WorkerQuestion }
  /** As the first worker of the process. */
  | { readonly kind: "begun"; readonly total: number }
  /** It cannot go on, and no other could. */
  | { readonly kind: "failed"; readonly exit: Exit }
  /** Something was thrown that nobody caught: it is to be replaced. */
  | { readonly kind: "fault"; readonly message: string }
  /** It has let go of everything, and may be ended. */
  | { readonly kind: "stopped" };
