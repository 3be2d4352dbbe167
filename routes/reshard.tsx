/**
 * `/reshard?total=32`: asks, and has a change of the number of shards begun, or given up.
 *
 * @module
 */
import type { FleetSnapshot } from "../dashboard/fleet/fleet_snapshot.ts";
import { isShardCount, SHARDS_MOST } from "../gateway/protocol/shard_count.ts";
import { amount } from "../islands/amounts.ts";
import { Question } from "../islands/Question.tsx";
import { RESHARD_NAMES, RESHARD_PATH, reshardLines, shardsText } from "../islands/reshard.ts";
import { ReshardForm } from "../islands/ReshardForm.tsx";
import { recordRefusal } from "./_actor.ts";
import { sendFor } from "./_command.ts";
import { readFields } from "./_field.tsx";
import { CSRF_FIELD } from "./_form.tsx";
import { page } from "./_layout.tsx";
import { reshardCommand, reshardObstacle } from "./_reshard.ts";
import { leftText } from "./_restart.tsx";
import { type PageContext, personOf, redirectWithNotice, type Route } from "./_route.ts";

/** Where it is shown how far it is. */
const BACK = "/#reshard";

const WANTED = `Give a number from 1 to ${amount(SHARDS_MOST)}`;

export const reshard: Route = {
  async GET(context) {
    const fleet = await context.get("services").fleet.read();
    const typed = context.req.query("total") ?? "";
    return await askingPage(context, fleet, typed, 200);
  },

  async POST(context) {
    const field = await readFields(context);
    const fleet = await context.get("services").fleet.read();
    const total = field("abandon") === "true" ? null : readTotal(field("total"));
    if (total === undefined) return await askingPage(context, fleet, field("total"), 400);
    const command = reshardCommand(total);
    const obstacle = reshardObstacle(fleet, total);
    if (obstacle !== null) {
      await recordRefusal(context, command, obstacle.text);
      return await redirectWithNotice(context, "/", { kind: "refused", text: obstacle.text });
    }
    const { notice } = await sendFor(context, command);
    return await redirectWithNotice(context, "/", { ...notice, text: `${command.action}. ${notice.text}` });
  },
};

/** Undefined where the text is no number of shards. */
function readTotal(text: string): number | undefined {
  const total = /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0;
  return isShardCount(total) ? total : undefined;
}

function askingPage(
  context: PageContext,
  fleet: FleetSnapshot,
  typed: string,
  status: 200 | 400,
): Response | Promise<Response> {
  const total = readTotal(typed);
  const isOperator = personOf(context).role === "operator";
  const refusal = isOperator
    ? total === undefined ? null : reshardObstacle(fleet, total)?.text ?? null
    : "Only operators change the number of shards.";
  const title = total === undefined || refusal !== null
    ? "Change the number of shards"
    : `Change to ${shardsText(total)}?`;
  return page(
    context,
    { title, styles: ["/static/shard.css"], status },
    <section class="panel asking">
      <h1>{title}</h1>
      {refusal !== null && (
        <>
          <p>{refusal}</p>
          <a class="button quiet" href={BACK}>Back</a>
        </>
      )}
      {refusal === null && total === undefined && (
        <ReshardForm value={typed} {...(typed !== "" && { problem: WANTED })} />
      )}
      {refusal === null && total !== undefined && (
        <Question
          lines={reshardLines({ from: fleet.shards.length, to: total }, leftText(fleet))}
          action={RESHARD_PATH}
          fields={{ [CSRF_FIELD]: context.get("csrfToken"), total: String(total) }}
          yes={RESHARD_NAMES.begin}
          isDanger={false}
        >
          <a class="button quiet" href={BACK}>Cancel</a>
        </Question>
      )}
    </section>,
  );
}
