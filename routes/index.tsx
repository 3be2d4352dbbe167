/**
 * `/`: the whole fleet.
 *
 * @module
 */
import { fleetFigures, LATENCY_EDGES_MS } from "../dashboard/fleet/fleet_figures.ts";
import { type CellState, type FleetSnapshot, isCellState } from "../dashboard/fleet/fleet_snapshot.ts";
import { historyFields } from "../dashboard/fleet/fleet_topic.ts";
import { historySeries } from "../dashboard/fleet/history_series.ts";
import { amount } from "../islands/amounts.ts";
import { cellsHtml, gridSize } from "./_cells.ts";
import { Island } from "./_island.tsx";
import { page } from "./_layout.tsx";
import { restartObstacle } from "./_restart.tsx";
import { type PageContext, personOf, type Route } from "./_route.ts";

const GRID_ID = "grid";
/** While there is nothing yet, a page without script looks again. */
const NOTHING_REFRESH_SECONDS = 5;

export const index: Route = {
  async GET(context) {
    const services = context.get("services");
    const snapshot = await services.fleet.read();
    await services.history.refresh(historyFields(snapshot));
    const filter = (context.req.queries("status") ?? []).filter(isCellState);
    const stream = `/live?fleet&queues&since=${snapshot.atMs}`;
    return await page(
      context,
      {
        title: "Fleet",
        styles: ["/static/fleet.css"],
        stream,
        ...(snapshot.source === "none" && { refreshSeconds: NOTHING_REFRESH_SECONDS }),
      },
      <>
        <div class="row top">
          <h1>Fleet</h1>
          <FindForm />
        </div>
        {snapshot.source === "none"
          ? <NothingYet stream={stream} />
          : <Fleet context={context} snapshot={snapshot} filter={filter} stream={stream} />}
      </>,
    );
  },
};

/** By number, or by a guild that is on it. */
function FindForm() {
  return (
    <form class="row find" action="/find" role="search">
      <label for="q">Find a shard</label>
      <input id="q" name="q" required placeholder="number or guild id" autocomplete="off" maxLength={20} />
      <button type="submit" class="quiet">Go</button>
    </form>
  );
}

function NothingYet({ stream }: { readonly stream: string }) {
  return (
    <>
      <p class="empty">
        No shards yet: there is nothing of a gateway in Redis. They appear here as soon as one has started.
      </p>
      <Island
        name="ShardGrid"
        props={{ stream, grid: GRID_ID, source: "none", total: 0, filter: [], shown: 0 }}
      />
    </>
  );
}

interface FleetProps {
  readonly context: PageContext;
  readonly snapshot: FleetSnapshot;
  readonly filter: readonly CellState[];
  readonly stream: string;
}

function Fleet({ context, snapshot, filter, stream }: FleetProps) {
  const { history, queues } = context.get("services");
  const figures = fleetFigures(snapshot);
  const points = history.after(0);
  const unattended = queues.snapshot().queues.filter((queue) => queue.unattended).map(({ name }) => name);
  return (
    <>
      <Island
        name="FleetFigures"
        props={{ stream, figures, history: historySeries(points.slice(-1)), filter, unattended }}
      />
      <Shards context={context} snapshot={snapshot} filter={filter} stream={stream} />
      <Island
        name="FleetPlots"
        props={{
          stream,
          history: historySeries(points),
          latency: figures.latency,
          edgesMs: LATENCY_EDGES_MS,
          hasHistory: snapshot.source === "shardline",
        }}
      />
      {snapshot.source === "shardline" && (
        <section class="panel">
          <h2>Replicas</h2>
          <Island name="ReplicaTable" props={{ stream, replicas: figures.replicas }} />
        </section>
      )}
    </>
  );
}

function Shards({ context, snapshot, filter, stream }: FleetProps) {
  const total = snapshot.shards.length;
  const shards = filter.length === 0
    ? snapshot.shards
    : snapshot.shards.filter(({ state }) => filter.includes(state));
  const size = gridSize(shards.length);
  return (
    <section class="panel" id="shards">
      <div class="row top">
        <h2>{filter.length === 0 ? "Shards" : `${amount(shards.length)} of ${amount(total)} shards`}</h2>
        {total > 0 && <RestartForm context={context} snapshot={snapshot} filter={filter} />}
      </div>
      {total === 0 && <p class="empty">No shards yet.</p>}
      <Island
        name="ShardGrid"
        props={{ stream, grid: GRID_ID, source: snapshot.source, total, filter, shown: shards.length }}
      />
      <div
        id={GRID_ID}
        class={`cells ${size}`}
        role="group"
        aria-label="Shards"
        // Numbers and fixed words alone: see there.
        dangerouslySetInnerHTML={{ __html: cellsHtml(shards, filter.length === 0) }}
      />
    </section>
  );
}

/** Leads to a page that asks first. */
function RestartForm(
  { context, snapshot, filter }: Pick<FleetProps, "context" | "snapshot" | "filter">,
) {
  if (personOf(context).role !== "operator") return null;
  const obstacle = restartObstacle(snapshot.source);
  return (
    <form class="row" action="/restarts/new">
      {filter.map((state) => <input key={state} type="hidden" name="status" value={state} />)}
      {obstacle !== null && <small class="muted">{obstacle}</small>}
      <button type="submit" class="quiet" disabled={obstacle !== null}>
        {filter.length === 0 ? "Restart all…" : "Restart filtered…"}
      </button>
    </form>
  );
}
