/**
 * Brings the grid of shards to life: cells turn as the server tells, arrow keys move between them, and a line says
 * which one is pointed at. The grid itself is on the page already; ten thousand components would be slower than it.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { CELL_STATES } from "./cell_states.ts";
import type { FleetMessage } from "./fleet_message.ts";
import { Grid } from "./grid.ts";
import { listen } from "./live.ts";

export interface ShardGridProps {
  readonly stream: string;
  /** Id of the grid's element; there is none where there are no shards. */
  readonly grid: string;
  /** Who wrote what the page shows: another is another page. */
  readonly source: FleetMessage["figures"]["source"];
  /** How many shards there are, whether the grid shows them or not. */
  readonly total: number;
  /** The states that the grid shows; none: all. */
  readonly filter: readonly string[];
  /** How many are shown. */
  readonly shown: number;
}

export function ShardGrid({ stream, grid: id, source, total, filter, shown: first }: ShardGridProps) {
  const [pointed, setPointed] = useState("");
  const [count, setCount] = useState(first);
  useEffect(() => {
    const grid = gridOf(id, filter, setPointed);
    const stop = listen<FleetMessage>(stream, "fleet", ({ cells, figures }) => {
      if (figures.total !== total || figures.source !== source) return location.reload();
      if (grid === null) return;
      if (typeof cells === "string") [...cells].forEach((code, shard) => grid.turn(shard, code));
      else for (const [shard, code] of cells) grid.turn(shard, code);
      setCount(grid.size);
    });
    return () => {
      stop();
      grid?.leave();
    };
  }, []);
  return (
    <>
      <p class="pointed" aria-hidden="true">{pointed}</p>
      {count === 0 && total > 0 && <p class="empty">No shard matches this filter.</p>}
    </>
  );
}

/** Null where there are no shards yet. */
function gridOf(id: string, filter: readonly string[], point: (text: string) => void): Grid | null {
  const element = document.getElementById(id);
  if (element === null) return null;
  const shown = CELL_STATES.filter(({ state }) => filter.length === 0 || filter.includes(state));
  return new Grid(element, new Set(shown.map(({ code }) => code)), point);
}
