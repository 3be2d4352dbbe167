/**
 * Asking before a shard is restarted, on a page of its own and in a dialog.
 *
 * @module
 */
import type { FleetSnapshot, IdentifyBudget } from "../dashboard/fleet/fleet_snapshot.ts";
import { tooSmallBudget } from "../dashboard/restarts/rolling_restart.ts";
import type { RestartMode } from "../dashboard/restarts/restart.ts";
import { amount, duration } from "../islands/amounts.ts";
import type { QuestionProps } from "../islands/Question.tsx";
import { CSRF_FIELD } from "./_form.tsx";
import { type PageContext, personOf } from "./_route.ts";

/** On buttons, and in the audit. */
export const RESTART_NAMES: Readonly<Record<RestartMode, string>> = {
  resume: "Restart",
  identify: "Restart with new session",
};

/** Why no shard can be restarted, whoever asks; null where they can. */
export function restartObstacle(source: FleetSnapshot["source"]): string | null {
  switch (source) {
    case "shardline":
      return null;
    case "other":
      return "Another service runs these shards, twilight-dispatch or one like it: " +
        "told to restart a shard, it would shut it down for good.";
    case "none":
      return "No gateway has run here yet.";
  }
}

/** Why whoever looks at the page cannot restart a shard; null where they can. */
export function restartRefusal(context: PageContext, fleet: FleetSnapshot): string | null {
  const { role } = personOf(context);
  return restartObstacle(fleet.source) ?? (role === "operator" ? null : "Only operators restart shards.");
}

export function restartTitle(shard: number, mode: RestartMode): string {
  return mode === "resume" ? `Restart shard ${shard}?` : `Restart shard ${shard} with a new session?`;
}

export function restartQuestion(
  context: PageContext,
  shard: number,
  mode: RestartMode,
  fleet: FleetSnapshot,
): QuestionProps {
  return {
    lines: mode === "resume" ? RESUME_LINES : identifyLines(fleet),
    action: `/shards/${shard}/restart`,
    fields: { [CSRF_FIELD]: context.get("csrfToken"), mode },
    yes: RESTART_NAMES[mode],
    isDanger: mode === "identify",
  };
}

const RESUME_LINES = [
  "It disconnects and resumes its session at once. Discord repeats what comes meanwhile, so no event is lost.",
];

/** Of identifies: `2 of 1,000 are left for the next 23 h 5 min`. */
function budgetText({ remaining, total, resetsAtMs }: IdentifyBudget, nowMs: number): string {
  return `${amount(remaining)} of ${amount(total)} are left for the next ${duration(resetsAtMs - nowMs)}`;
}

/** Why the identifies of the day do not last for so many shards, as a sentence; null where they do, or may. */
export function budgetObstacle(mode: RestartMode, shards: number, fleet: FleetSnapshot): string | null {
  const budget = tooSmallBudget(mode, shards, fleet);
  return budget && `Each shard costs one identify, and ${budgetText(budget, fleet.atMs)}.`;
}

function identifyLines(fleet: FleetSnapshot): string[] {
  return [
    "When its turn has come, its session is ended and a fresh one begins. Events in between are lost: a gap, which " +
    "is told to whoever listens to gateway.events.",
    "It also costs one of the identifies that the bot has for a day. " + leftText(fleet, WAITS),
  ];
}

/** How many identifies are left, as a sentence. @param more What to say besides where there are none. */
export function leftText({ atMs, sums: { identify } }: FleetSnapshot, more = ""): string {
  // Those that were renewed since they were told are not known.
  if (identify === null || identify.resetsAtMs <= atMs) return "How many are left is not known.";
  return `${budgetText(identify, atMs)}${identify.remaining === 0 ? more : ""}.`;
}

/** The gateway waits by itself. */
const WAITS = ": its turn comes when there are more, and its session goes on meanwhile";
