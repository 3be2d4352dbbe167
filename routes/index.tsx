/**
 * `/`: the whole fleet.
 *
 * @module
 */
import { fleetFigures, LATENCY_EDGES_MS } from "../dashboard/fleet/fleet_figures.ts";
import { type CellState, type FleetSnapshot, isCellState } from "../dashboard/fleet/fleet_snapshot.ts";
import { historyFields } from "../dashboard/fleet/fleet_topic.ts";
import { historySeries } from "../dashboard/fleet/history_series.ts";
import { WrongTypeError } from "../dashboard/redis.ts";
import { isUnderWay } from "../dashboard/resharding/reshard.ts";
import type { Restart } from "../dashboard/restarts/restart.ts";
import { restartFigures } from "../dashboard/restarts/restart_topic.ts";
import { isOld } from "../islands/ShardGrid.tsx";
import { cellsHtml, gridSize } from "./_cells.ts";
import { CSRF_FIELD } from "./_form.tsx";
import { Island } from "./_island.tsx";
import { page } from "./_layout.tsx";
import { restartObstacle } from "./_restart.tsx";
import { type PageContext, personOf, type Route } from "./_route.ts";

const GRID_ID = "grid";
/** While there is nothing yet, or the number of shards is changing, a page without script looks again. */
const REFRESH_SECONDS = 5;

/** The figures look back no further. */
const MINUTE_SECONDS = 60;

export const index: Route = {
  async GET(context) {
    const services = context.get("services");
    const [snapshot, restart] = await Promise.all([services.fleet.read(), lastRestart(context)]);
    await services.history.refresh(historyFields(snapshot));
    const filter = (context.req.queries("status") ?? []).filter(isCellState);
    const stream = `/live?fleet&queues&restart&since=${snapshot.atMs}`;
    return await page(
      context,
      {
        title: "Fleet",
        styles: ["/static/fleet.css"],
        stream,
        ...(isToBeRefreshed(snapshot) && { refreshSeconds: REFRESH_SECONDS }),
      },
      <>
        <div class="row top">
          <h1>Fleet</h1>
          <FindForm />
        </div>
        {snapshot.source === "none"
          ? <NothingYet stream={stream} />
          : <Fleet context={context} snapshot={snapshot} restart={restart} filter={filter} stream={stream} />}
      </>,
    );
  },
};

function isToBeRefreshed({ source, reshard }: FleetSnapshot): boolean {
  return source === "none" || (reshard !== null && isUnderWay(reshard));
}

/** The page does without it where something else stands in its place: what /restarts shows then says so. */
async function lastRestart(context: PageContext): Promise<Restart | null> {
  try {
    return await context.get("services").restarts.read();
  } catch (error) {
    if (error instanceof WrongTypeError) return null;
    throw error;
  }
}

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
        props={{ stream, grid: GRID_ID, source: "none", total: 0, filter: [], shown: 0, restart: null }}
      />
    </>
  );
}

interface FleetProps {
  readonly context: PageContext;
  readonly snapshot: FleetSnapshot;
  readonly restart: Restart | null;
  readonly filter: readonly CellState[];
  readonly stream: string;
}

function Fleet({ context, snapshot, restart, filter, stream }: FleetProps) {
  const { history, queues } = context.get("services");
  const figures = fleetFigures(snapshot, history);
  const operatorFields = personOf(context).role === "operator"
    ? { [CSRF_FIELD]: context.get("csrfToken") }
    : null;
  const points = history.after(0);
  const unattended = queues.snapshot().queues.filter((queue) => queue.unattended).map(({ name }) => name);
  return (
    <>
      <Island
        name="FleetFigures"
        props={{
          stream,
          figures,
          history: historySeries(points.slice(-MINUTE_SECONDS)),
          filter,
          unattended,
          restart: restart && restartFigures(restart, snapshot.atMs),
        }}
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
        <section class="panel" id="replicas">
          <h2>Replicas</h2>
          <Island
            name="ReplicaTable"
            props={{
              stream,
              figures: { replicas: figures.replicas, unheld: figures.unheld, atMs: figures.atMs },
              fields: operatorFields,
            }}
          />
        </section>
      )}
      {snapshot.source === "shardline" && (
        <section class="panel progress" id="reshard">
          <h2>Number of shards</h2>
          <Island
            name="Resharding"
            props={{
              stream,
              figures: { reshard: figures.reshard, total: figures.total, sums: figures.sums },
              fields: operatorFields,
            }}
          />
        </section>
      )}
    </>
  );
}

function Shards({ context, snapshot, filter, stream }: Omit<FleetProps, "restart">) {
  const total = snapshot.shards.length;
  const shards = filter.length === 0
    ? snapshot.shards
    : snapshot.shards.filter(({ state }) => filter.includes(state));
  const look = `${gridSize(shards.length)}${isOld(snapshot) ? " old" : ""}`;
  const isOperator = personOf(context).role === "operator";
  return (
    <section class="panel" id="shards">
      <Island
        name="ShardGrid"
        props={{
          stream,
          grid: GRID_ID,
          source: snapshot.source,
          total,
          filter,
          shown: shards.length,
          restart: isOperator ? { obstacle: restartObstacle(snapshot.source) } : null,
        }}
      />
      {total === 0 && <p class="empty">No shards yet.</p>}
      <div
        id={GRID_ID}
        class={`cells ${look}`}
        role="group"
        aria-label="Shards"
        // Numbers and fixed words alone: see there.
        dangerouslySetInnerHTML={{ __html: cellsHtml(shards, filter.length === 0) }}
      />
    </section>
  );
}
