/**
 * A rolling restart: what it is to do, and how far it has come.
 *
 * @module
 */

/**
 * - `finished`: every shard had its turn.
 * - `stopped`: somebody asked for it.
 * - `given_up`: several shards in a row did not come back.
 * - `interrupted`: whoever ran it is gone.
 */
export type RestartState = "running" | "finished" | "stopped" | "given_up" | "interrupted";

/** How a shard is restarted: with its session, or with a new one. In the order of their buttons. */
export const RESTART_MODES = ["resume", "identify"] as const;

export type RestartMode = (typeof RESTART_MODES)[number];

export function isRestartMode(value: unknown): value is RestartMode {
  return RESTART_MODES.some((mode) => mode === value);
}

export interface Restart {
  readonly id: string;
  readonly mode: RestartMode;
  readonly state: RestartState;
  readonly startedBy: string;
  readonly startedAtMs: number;
  /** Null while it runs, and where nobody was left to say. */
  readonly endedAtMs: number | null;
  /** Shards that it is to restart. */
  readonly total: number;
  /** Those that have come back. */
  readonly back: number;
  /** Those that have not, or could not be told to restart. */
  readonly missing: number;
  /** The first of them, as many as are worth a look. */
  readonly missingShards: readonly number[];
  /** Whose turn it is; null where it is nobody's. */
  readonly current: number | null;
  readonly stoppedBy: string | null;
}
