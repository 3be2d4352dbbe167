/**
 * Brings the grid of shards to life: cells turn as the server tells, arrow keys move between them, and lines above say
 * how many there are and which one is pointed at. The grid itself is on the page already; ten thousand components would
 * be slower than it.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import { amount } from "./amounts.ts";
import { isAway } from "./AwayNotice.tsx";
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
  /** Why those that are shown cannot be restarted, or null in it; null where that is not for whoever looks. */
  readonly restart: { readonly obstacle: string | null } | null;
}

export function ShardGrid(props: ShardGridProps) {
  const { stream, grid: id, source, total, filter, shown, restart } = props;
  const [pointed, setPointed] = useState("");
  const [count, setCount] = useState(shown);
  useEffect(() => {
    const grid = gridOf(id, filter, setPointed);
    if (grid !== null && grid.size > 0) setPointed("Arrow keys move between shards.");
    const stop = listen<FleetMessage>(stream, "fleet", ({ cells, figures }) => {
      if (figures.total !== total || figures.source !== source) return location.reload();
      if (grid === null) return;
      if (typeof cells === "string") [...cells].forEach((code, shard) => grid.turn(shard, code));
      else for (const [shard, code] of cells) grid.turn(shard, code);
      grid.age(isOld(figures));
      setCount(grid.size);
    });
    return () => {
      stop();
      grid?.leave();
    };
  }, []);
  if (source === "none") return null;
  return (
    <>
      <div class="row top">
        <h2>{filter.length === 0 ? "Shards" : `${amount(count)} of ${amount(total)} shards`}</h2>
        {restart !== null && total > 0 && <RestartForm filter={filter} {...restart} hasSome={count > 0} />}
      </div>
      <p class="pointed" aria-hidden="true">{pointed}</p>
      {count === 0 && total > 0 && <p class="empty">No shard matches this filter.</p>}
    </>
  );
}

/** Leads to a page that asks first. */
function RestartForm(
  { filter, obstacle, hasSome }: {
    readonly filter: readonly string[];
    readonly obstacle: string | null;
    readonly hasSome: boolean;
  },
) {
  return (
    <form class="row" action="/restarts/new">
      {filter.map((state) => <input key={state} type="hidden" name="status" value={state} />)}
      {obstacle !== null && <small class="muted">{obstacle}</small>}
      <button type="submit" class="quiet" disabled={obstacle !== null || !hasSome}>
        {filter.length === 0 ? "Restart all…" : "Restart filtered…"}
      </button>
    </form>
  );
}

/** Whether the grid shows what nobody has confirmed for a while: its colours are not to say that all is well. */
export function isOld(
  { source, heardAgoMs }: Pick<FleetMessage["figures"], "source" | "heardAgoMs">,
): boolean {
  return source === "shardline" && (heardAgoMs === null || isAway(heardAgoMs));
}

/** Null where there are no shards yet. */
function gridOf(id: string, filter: readonly string[], point: (text: string) => void): Grid | null {
  const element = document.getElementById(id);
  if (element === null) return null;
  const shown = CELL_STATES.filter(({ state }) => filter.length === 0 || filter.includes(state));
  return new Grid(element, new Set(shown.map(({ code }) => code)), point);
}
