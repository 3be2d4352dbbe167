/**
 * What programs are told as it happens: the figures of the fleet, and each shard whose status has changed.
 *
 * @module
 */
import { fleetFigures } from "../fleet/fleet_figures.ts";
import type { FleetReader } from "../fleet/fleet_reader.ts";
import type { CellState, FleetSnapshot } from "../fleet/fleet_snapshot.ts";
import { historyFields } from "../fleet/fleet_topic.ts";
import type { HistoryReader } from "../fleet/history_reader.ts";
import type { Topic } from "../fleet/live_feed.ts";
import { type FleetJson, fleetJson } from "./fleet_json.ts";

export interface FleetChangesJson extends FleetJson {
  /** Since the message before; none in the first that somebody hears. */
  readonly changes: readonly StatusChangeJson[];
}

export interface StatusChangeJson {
  readonly shard: number;
  readonly status: CellState;
  /** Null where there was no such shard. */
  readonly before: CellState | null;
}

export class FleetChanges implements Topic {
  readonly key = "fleet changes";
  readonly event = "fleet";
  readonly readsRedis = true;
  readonly #fleet: FleetReader;
  readonly #history: HistoryReader;
  #snapshot: FleetSnapshot | null = null;

  constructor({ fleet, history }: { readonly fleet: FleetReader; readonly history: HistoryReader }) {
    this.#fleet = fleet;
    this.#history = history;
  }

  async read(): Promise<FleetChangesJson> {
    const before = this.#snapshot;
    // The feed looks at all topics at once, so this is the read that open pages have too.
    const snapshot = await this.#fleet.read();
    await this.#history.refresh(historyFields(snapshot));
    this.#snapshot = snapshot;
    return { ...this.#figuresOf(snapshot), changes: before === null ? [] : changes(before, snapshot) };
  }

  join(): FleetChangesJson | undefined {
    return this.#snapshot === null ? undefined : { ...this.#figuresOf(this.#snapshot), changes: [] };
  }

  #figuresOf(snapshot: FleetSnapshot): FleetJson {
    return fleetJson(fleetFigures(snapshot, this.#history), this.#history.after(0).at(-1));
  }
}

/** One for each shard at most: some 60 bytes each as JSON. */
function changes(before: FleetSnapshot, after: FleetSnapshot): StatusChangeJson[] {
  const found: StatusChangeJson[] = [];
  for (const { shard, state } of after.shards) {
    const was = before.shards[shard]?.state ?? null;
    if (state !== was) found.push({ shard, status: state, before: was });
  }
  return found;
}
