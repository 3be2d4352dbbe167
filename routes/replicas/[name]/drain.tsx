/**
 * `/replicas/gateway-1/drain`: asks, and drains a replica, or lets it take shards again.
 *
 * @module
 */
import type { FleetReplica, FleetSnapshot } from "../../../dashboard/fleet/fleet_snapshot.ts";
import { DRAIN_NAMES, drainLines, drainPath, drainTitle } from "../../../islands/drain.ts";
import { Question } from "../../../islands/Question.tsx";
import { recordRefusal } from "../../_actor.ts";
import { sendFor } from "../../_command.ts";
import { drainCommand, drainObstacle, replicaNamed } from "../../_drain.ts";
import { readFields } from "../../_field.tsx";
import { CSRF_FIELD } from "../../_form.tsx";
import { messagePage, page } from "../../_layout.tsx";
import { type PageContext, personOf, redirectWithNotice, type Route } from "../../_route.ts";

/** Where all replicas are shown. */
const BACK = "/#replicas";

export const drain: Route = {
  async GET(context) {
    const fleet = await context.get("services").fleet.read();
    const replica = replicaNamed(fleet, context.req.param("name") ?? "");
    if (replica === undefined) return await noSuchReplica(context);
    const refusal = drainObstacle(replica) ??
      (personOf(context).role === "operator" ? null : "Only operators drain replicas.");
    const title = drainTitle(replica.name);
    return await page(
      context,
      { title, styles: ["/static/shard.css"] },
      <section class="panel asking">
        <h1>{title}</h1>
        {refusal === null
          ? (
            <Question
              lines={drainLines(replica.shardCount, takersFor(fleet, replica))}
              action={drainPath(replica.name)}
              fields={{ [CSRF_FIELD]: context.get("csrfToken"), drain: "true" }}
              yes={DRAIN_NAMES.drain}
              isDanger={false}
            >
              <a class="button quiet" href={BACK}>Cancel</a>
            </Question>
          )
          : (
            <>
              <p>{refusal}</p>
              <a class="button quiet" href={BACK}>Back</a>
            </>
          )}
      </section>,
    );
  },

  async POST(context) {
    const fleet = await context.get("services").fleet.read();
    const replica = replicaNamed(fleet, context.req.param("name") ?? "");
    if (replica === undefined) return await noSuchReplica(context);
    const isDrained = (await readFields(context))("drain") !== "false";
    const command = drainCommand(replica, isDrained);
    const obstacle = drainObstacle(replica);
    if (obstacle !== null) {
      await recordRefusal(context, command, obstacle);
      return await redirectWithNotice(context, "/", { kind: "refused", text: obstacle });
    }
    const { notice } = await sendFor(context, command);
    return await redirectWithNotice(context, "/", { ...notice, text: `${command.action}. ${notice.text}` });
  },
};

/** How many others could take its shards. */
function takersFor({ replicas }: FleetSnapshot, { name }: FleetReplica): number {
  return replicas.filter(({ name: other, isCurrent, fleet }) =>
    other !== name && isCurrent && fleet?.isDraining === false
  ).length;
}

function noSuchReplica(context: PageContext): Response | Promise<Response> {
  return messagePage(context, {
    title: "No such replica",
    lines: ["No replica of this name has left word of itself in the last quarter of an hour."],
    status: 404,
  });
}
