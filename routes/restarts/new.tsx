/**
 * `/restarts/new?status=disconnected`: asks before the shards of these states are restarted, one after the other.
 *
 * @module
 */
import type { FleetSnapshot } from "../../dashboard/fleet/fleet_snapshot.ts";
import { isCellState } from "../../dashboard/fleet/fleet_snapshot.ts";
import { BACK_WITHIN_MS, MISSING_IN_A_ROW_MAX } from "../../dashboard/restarts/restart_run.ts";
import { shardListText } from "../../dashboard/shard_list.ts";
import { amount, duration } from "../../islands/amounts.ts";
import { Question } from "../../islands/Question.tsx";
import { CSRF_FIELD } from "../_form.tsx";
import { page } from "../_layout.tsx";
import { restartRefusal } from "../_restart.tsx";
import type { PageContext, Route } from "../_route.ts";

/** As a rule: half a second for the resume, and a second until the gateway has written that it is back. */
const ONE_TAKES_MS = 2_000;
/** A list that is longer says no more to anybody. */
const LIST_SHOWN_LENGTH = 600;

export const newRestart: Route = {
  async GET(context) {
    const services = context.get("services");
    const [fleet, restart] = await Promise.all([services.fleet.read(), services.restarts.read()]);
    const filter = (context.req.queries("status") ?? []).filter(isCellState);
    const shards = fleet.shards.filter(({ state }) => filter.length === 0 || filter.includes(state))
      .map(({ shard }) => shard);
    const title = shards.length === 1 ? "Restart 1 shard?" : `Restart ${amount(shards.length)} shards?`;
    const obstacle = restartRefusal(context, fleet) ??
      (restart?.state === "running" ? "A rolling restart is under way already." : null) ??
      (shards.length === 0 ? emptyText(fleet) : null);
    return await page(
      context,
      { title: obstacle === null ? title : "Restart shards", styles: ["/static/shard.css"] },
      <section class="panel asking">
        {obstacle === null ? <Asking context={context} title={title} shards={shards} /> : (
          <>
            <h1>Restart shards</h1>
            <p>{obstacle}</p>
            <p class="row">
              <a class="button quiet" href="/">Back</a>
              {restart?.state === "running" && <a href="/restarts">See how far it is</a>}
            </p>
          </>
        )}
      </section>,
    );
  },
};

function emptyText({ shards }: FleetSnapshot): string {
  return shards.length === 0 ? "There are no shards yet." : "No shard matches this filter any more.";
}

interface AskingProps {
  readonly context: PageContext;
  readonly title: string;
  readonly shards: readonly number[];
}

function Asking({ context, title, shards }: AskingProps) {
  const list = shardListText(shards);
  const isLong = list.length > LIST_SHOWN_LENGTH;
  const shown = isLong ? list.slice(0, list.lastIndexOf(",", LIST_SHOWN_LENGTH)) : list;
  return (
    <>
      <h1>{title}</h1>
      <dl class="pairs">
        <div>
          <dt>Which</dt>
          <dd>{shown}{isLong && ", …"}</dd>
        </div>
        <div>
          <dt>How long</dt>
          <dd>
            about {duration(shards.length * ONE_TAKES_MS)}, if all come back within {ONE_TAKES_MS / 1_000} s
          </dd>
        </div>
      </dl>
      <Question
        lines={[
          "One after the other disconnects and resumes its session. Discord repeats what comes meanwhile, so no " +
          "event is lost, and no identify is spent.",
          `The next one has its turn when the one before is back, or was not within ${
            BACK_WITHIN_MS / 1_000
          } s. ` +
          `After ${MISSING_IN_A_ROW_MAX} in a row that do not come back it ends by itself.`,
        ]}
        action="/restarts"
        fields={{ [CSRF_FIELD]: context.get("csrfToken"), shards: list }}
        yes={shards.length === 1 ? "Restart it" : "Restart them"}
        isDanger={false}
      >
        <a class="button quiet" href="/">Cancel</a>
      </Question>
    </>
  );
}
