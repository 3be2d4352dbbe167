/**
 * A rolling restart as endpoints tell of it, in the spelling of `fleet_json.ts`.
 *
 * @module
 */
import type { Restart, RestartMode, RestartState } from "../restarts/restart.ts";

export interface RestartJson {
  /** No two restarts have the same. */
  readonly id: string;
  readonly mode: RestartMode;
  readonly state: RestartState;
  readonly started_by: string;
  readonly started_at: number;
  /** Null while it runs, and where nobody was left to say. */
  readonly ended_at: number | null;
  readonly total: number;
  readonly back: number;
  readonly missing: number;
  /** The first hundred of them. */
  readonly missing_shards: readonly number[];
  /** Whose turn it is. */
  readonly current: number | null;
  readonly stopped_by: string | null;
}

export function restartJson(restart: Restart): RestartJson {
  return {
    id: restart.id,
    mode: restart.mode,
    state: restart.state,
    started_by: restart.startedBy,
    started_at: restart.startedAtMs,
    ended_at: restart.endedAtMs,
    total: restart.total,
    back: restart.back,
    missing: restart.missing,
    missing_shards: restart.missingShards,
    current: restart.current,
    stopped_by: restart.stoppedBy,
  };
}
