/**
 * What keeps the fleet page live: the cells that changed, the figures, the newest seconds.
 *
 * @module
 */
import { type FleetFigures, fleetFigures } from "./fleet_figures.ts";
import type { FleetReader } from "./fleet_reader.ts";
import { cellCode, type FleetSnapshot } from "./fleet_snapshot.ts";
import type { HistoryReader, HistoryReplica } from "./history_reader.ts";
import { type HistorySeries, historySeries } from "./history_series.ts";
import type { Topic } from "./live_feed.ts";

/** To whoever has heard everything before it, or has just joined. */
export interface FleetMessage {
  /** Each changed shard with the letter of its state; all shards, as a letter each, for whoever has just joined. */
  readonly cells: readonly (readonly [shard: number, code: string])[] | string;
  readonly figures: FleetFigures;
  readonly history: HistorySeries;
}

/** So much of what a page has already is told again, for seconds that were not complete when it was made. */
const OVERLAP_SECONDS = 5;

export class FleetTopic implements Topic {
  readonly key = "fleet";
  readonly event = "fleet";
  readonly readsRedis = true;
  readonly #fleet: FleetReader;
  readonly #history: HistoryReader;
  #snapshot: FleetSnapshot | null = null;
  #newestSecond = 0;

  constructor({ fleet, history }: { readonly fleet: FleetReader; readonly history: HistoryReader }) {
    this.#fleet = fleet;
    this.#history = history;
  }

  async read(): Promise<FleetMessage> {
    const snapshot = await this.#fleet.read();
    await this.#history.refresh(historyFields(snapshot));
    const cells = this.#snapshot === null ? codesOf(snapshot) : changes(this.#snapshot, snapshot);
    const points = this.#history.after(this.#newestSecond);
    this.#snapshot = snapshot;
    this.#newestSecond = points.at(-1)?.second ?? this.#newestSecond;
    return { cells, figures: fleetFigures(snapshot, this.#history), history: historySeries(points) };
  }

  join(sinceMs: number | null): FleetMessage | undefined {
    const snapshot = this.#snapshot;
    if (snapshot === null) return undefined;
    const since = sinceMs === null ? 0 : Math.floor(sinceMs / 1_000) - OVERLAP_SECONDS;
    const history = historySeries(this.#history.after(since));
    return { cells: codesOf(snapshot), figures: fleetFigures(snapshot, this.#history), history };
  }
}

/** Whose seconds count: those also of replicas that were there. None where another service runs the shards now. */
export function historyFields({ source, replicas }: FleetSnapshot): readonly HistoryReplica[] {
  return source === "other" ? [] : replicas;
}

function codesOf({ shards }: FleetSnapshot): string {
  return shards.map(({ state }) => cellCode(state)).join("");
}

/** All cells where there are more or fewer of them than before. */
function changes(before: FleetSnapshot, { shards, ...snapshot }: FleetSnapshot): FleetMessage["cells"] {
  if (before.shards.length !== shards.length) return codesOf({ shards, ...snapshot });
  return shards.filter(({ shard, state }) => before.shards[shard]?.state !== state)
    .map(({ shard, state }) => [shard, cellCode(state)] as const);
}
