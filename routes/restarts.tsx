/**
 * `/restarts`: the rolling restart that is under way, or was.
 *
 * @module
 */
import { restartFigures } from "../dashboard/restarts/restart_topic.ts";
import { ROLLING_RESTART } from "../dashboard/restarts/rolling_restart.ts";
import { readShardList, shardListText } from "../dashboard/shard_list.ts";
import { actorOf, recordRefusal } from "./_actor.ts";
import { readFields } from "./_field.tsx";
import { ActionForm } from "./_form.tsx";
import { Island } from "./_island.tsx";
import { messagePage, page } from "./_layout.tsx";
import { restartObstacle } from "./_restart.tsx";
import { personOf, redirectWithNotice, type Route } from "./_route.ts";

const STREAM = "/live?restart";
const RUNNING_REFRESH_SECONDS = 2;

export const restarts: Route = {
  async GET(context) {
    const { restarts, clock } = context.get("services");
    const restart = await restarts.read();
    const isRunning = restart?.state === "running";
    const figures = restart && restartFigures(restart, clock.wallMs());
    return await page(
      context,
      {
        title: "Rolling restart",
        styles: ["/static/shard.css"],
        stream: STREAM,
        ...(isRunning && { refreshSeconds: RUNNING_REFRESH_SECONDS }),
      },
      <>
        <div class="row top">
          <h1>Rolling restart</h1>
          {isRunning && personOf(context).role === "operator" && (
            <ActionForm action="/restarts/stop" csrfToken={context.get("csrfToken")}>
              <button type="submit" class="danger">Stop</button>
            </ActionForm>
          )}
        </div>
        <section class="panel progress" aria-label="Progress">
          <Island name="RestartProgress" props={{ stream: STREAM, restart: figures }} />
        </section>
        <p>
          <a href="/">Choose shards to restart on the fleet page</a>
        </p>
      </>,
    );
  },

  async POST(context) {
    const { fleet, restarts } = context.get("services");
    const shards = readShardList((await readFields(context))("shards"));
    const { source, shards: { length } } = await fleet.read();
    if (shards === null || shards.some((shard) => shard >= length)) {
      return await messagePage(context, {
        title: "No such shards",
        lines: ["The form names shards that are not there. Choose them again on the fleet page."],
        status: 400,
      });
    }
    const obstacle = restartObstacle(source);
    if (obstacle !== null) {
      await recordRefusal(context, { action: ROLLING_RESTART, shards: shardListText(shards) }, obstacle);
      return await redirectWithNotice(context, "/restarts", { kind: "refused", text: obstacle });
    }
    const isBegun = await restarts.start(shards, actorOf(context));
    return await redirectWithNotice(
      context,
      "/restarts",
      isBegun
        ? { kind: "done", text: "The first shard is restarting." }
        : { kind: "refused", text: "A rolling restart is under way already." },
    );
  },
};
