/**
 * `/shards/12/restart?mode=resume`: asks, and restarts a shard.
 *
 * @module
 */
import { isRestartMode } from "../../../dashboard/restarts/restart.ts";
import { Question } from "../../../islands/Question.tsx";
import { recordRefusal } from "../../_actor.ts";
import { sendFor } from "../../_command.ts";
import { readFields } from "../../_field.tsx";
import { messagePage, page } from "../../_layout.tsx";
import {
  RESTART_NAMES,
  restartObstacle,
  restartQuestion,
  restartRefusal,
  restartTitle,
} from "../../_restart.tsx";
import { type PageContext, redirectWithNotice, type Route } from "../../_route.ts";
import { noSuchShard, readShard } from "../[id].tsx";

export const restart: Route = {
  async GET(context) {
    const snapshot = await readShard(context);
    if (snapshot === null) return await noSuchShard(context);
    const mode = context.req.query("mode") ?? "resume";
    if (!isRestartMode(mode)) return await noSuchWay(context);
    const { fleet, shard: { shard } } = snapshot;
    const title = restartTitle(shard, mode);
    const refusal = restartRefusal(context, fleet);
    return await page(
      context,
      { title, styles: ["/static/shard.css"] },
      <section class="panel asking">
        <h1>{title}</h1>
        {refusal === null
          ? (
            <Question {...restartQuestion(context, shard, mode, fleet)}>
              <a class="button quiet" href={`/shards/${shard}`}>Cancel</a>
            </Question>
          )
          : (
            <>
              <p>{refusal}</p>
              <a class="button quiet" href={`/shards/${shard}`}>Back</a>
            </>
          )}
      </section>,
    );
  },

  async POST(context) {
    const snapshot = await readShard(context);
    if (snapshot === null) return await noSuchShard(context);
    const mode = (await readFields(context))("mode");
    if (!isRestartMode(mode)) return await noSuchWay(context);
    const { fleet, shard: { shard } } = snapshot;
    const obstacle = restartObstacle(fleet.source);
    if (obstacle !== null) {
      await recordRefusal(context, { action: RESTART_NAMES[mode], shards: String(shard) }, obstacle);
      return await redirectWithNotice(context, `/shards/${shard}`, { kind: "refused", text: obstacle });
    }
    const { notice } = await sendFor(context, {
      text: JSON.stringify({ op: 1, shard, data: { mode } }),
      action: RESTART_NAMES[mode],
      shards: String(shard),
    });
    const text = `${RESTART_NAMES[mode]}. ${notice.text}`;
    return await redirectWithNotice(context, `/shards/${shard}`, { ...notice, text });
  },
};

function noSuchWay(context: PageContext): Response | Promise<Response> {
  return messagePage(context, {
    title: "No such way to restart",
    lines: ["A shard is restarted with mode resume or identify."],
    status: 400,
  });
}
