/**
 * `/shards/12`: one shard.
 *
 * @module
 */
import type { FleetSnapshot } from "../../dashboard/fleet/fleet_snapshot.ts";
import { RESTART_MODES } from "../../dashboard/restarts/restart.ts";
import { shardFigures } from "../../dashboard/shard/shard_figures.ts";
import type { ShardSnapshot } from "../../dashboard/shard/shard_reader.ts";
import { readShardId } from "../../dashboard/shard_list.ts";
import { amount } from "../../islands/amounts.ts";
import { Island } from "../_island.tsx";
import { messagePage, page } from "../_layout.tsx";
import { RESTART_NAMES, restartQuestion, restartRefusal, restartTitle } from "../_restart.tsx";
import type { PageContext, Route } from "../_route.ts";

/** While there is nothing yet, a page without script looks again. */
const NOTHING_REFRESH_SECONDS = 5;

export const shard: Route = {
  async GET(context) {
    const snapshot = await readShard(context);
    if (snapshot === null) return await noSuchShard(context);
    const id = snapshot.shard.shard;
    const stream = `/live?shard=${id}`;
    return await page(
      context,
      { title: `Shard ${id}`, styles: ["/static/fleet.css", "/static/shard.css"], stream },
      <>
        <div class="row top">
          <h1>Shard {id}</h1>
          <Neighbours id={id} count={snapshot.fleet.shards.length} />
        </div>
        <Actions context={context} id={id} fleet={snapshot.fleet} />
        <Island name="ShardFigures" props={{ stream, figures: shardFigures(snapshot) }} />
        {snapshot.fleet.source === "shardline" && <Told snapshot={snapshot} stream={stream} />}
      </>,
    );
  },
};

/** The shard that the path names; null where there is none. */
export async function readShard(context: PageContext): Promise<ShardSnapshot | null> {
  const id = readShardId(context.req.param("id") ?? "");
  return id === null ? null : await context.get("services").shards.read(id);
}

export async function noSuchShard(context: PageContext): Promise<Response> {
  const { shards: { length } } = await context.get("services").fleet.read();
  if (length > 0) {
    return await messagePage(context, {
      title: "No such shard",
      lines: [length === 1 ? "There is one, 0." : `There are ${amount(length)}, 0 to ${amount(length - 1)}.`],
      status: 404,
    });
  }
  return await messagePage(context, {
    title: "No shards yet",
    lines: ["There is nothing of a gateway in Redis. Shards appear as soon as one has started."],
    status: 404,
    refreshSeconds: NOTHING_REFRESH_SECONDS,
  });
}

function Neighbours({ id, count }: { readonly id: number; readonly count: number }) {
  return (
    <nav class="row" aria-label="Neighbouring shards">
      {id > 0 && <a href={`/shards/${id - 1}`} rel="prev">← Shard {id - 1}</a>}
      {id + 1 < count && <a href={`/shards/${id + 1}`} rel="next">Shard {id + 1} →</a>}
    </nav>
  );
}

interface ActionsProps {
  readonly context: PageContext;
  readonly id: number;
  readonly fleet: FleetSnapshot;
}

function Actions({ context, id, fleet }: ActionsProps) {
  const refusal = restartRefusal(context, fleet);
  return (
    <div class="row actions">
      {RESTART_MODES.map((mode) =>
        refusal === null
          ? (
            <Island
              key={mode}
              name="ConfirmButton"
              props={{
                label: `${RESTART_NAMES[mode]}…`,
                href: `/shards/${id}/restart?mode=${mode}`,
                title: restartTitle(id, mode),
                question: restartQuestion(context, id, mode, fleet),
              }}
            />
          )
          : (
            <button key={mode} type="button" disabled aria-describedby="refusal">
              {RESTART_NAMES[mode]}
            </button>
          )
      )}
      {refusal !== null && <p class="muted" id="refusal">{refusal}</p>}
    </div>
  );
}

/** What only our own gateway tells. */
function Told({ snapshot, stream }: { readonly snapshot: ShardSnapshot; readonly stream: string }) {
  return (
    <>
      <section class="panel">
        <h2>Latency</h2>
        <Island name="LatencyPlot" props={{ stream, latencies: snapshot.latencies }} />
      </section>
      <section class="panel">
        <h2>Life</h2>
        <p class="muted">What happened to it, the newest first. Times are UTC.</p>
        <Island name="ShardLife" props={{ stream, life: snapshot.life }} />
      </section>
    </>
  );
}
