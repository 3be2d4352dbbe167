/**
 * `ctl watch`: how the fleet is, in a line that is kept up to date, and a line for each shard whose status changes.
 *
 * @module
 */
import type { FleetChangesJson } from "../dashboard/api/fleet_changes.ts";
import { isObject, parsed } from "../dashboard/json_checks.ts";
import { type Clock, sleepUntil } from "../gateway/clock.ts";
import type { Screen } from "../harness/screen.ts";
import type { DashboardClient, LiveMessage } from "./dashboard_client.ts";
import { CommandFailure, EXIT_UNAVAILABLE } from "./failure.ts";
import { fleetText, timeText } from "./tables.ts";

const RETRY_AFTER_MS = 2_000;
/** More changes at once are told as one. */
const CHANGES_SHOWN = 50;

export interface WatchSurroundings {
  readonly client: DashboardClient;
  readonly screen: Screen;
  readonly clock: Clock;
  /** From when it is called, Ctrl-C ends nothing but aborts the signal. */
  interruption(): AbortSignal;
  /** Whether the messages are shown as they come. */
  readonly isJson: boolean;
}

/**
 * Resolves with the exit status when it is interrupted. A dashboard that goes away is waited for.
 *
 * @throws CommandFailure where the dashboard cannot be watched from the beginning.
 */
export async function watch(
  { client, screen, clock, interruption, isJson }: WatchSurroundings,
): Promise<number> {
  const interrupted = interruption();
  let hasHeard = false;
  while (!interrupted.aborted) {
    try {
      for await (const message of client.live("/api/live", interrupted)) {
        hasHeard = true;
        show(screen, message, isJson);
      }
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.status === EXIT_UNAVAILABLE;
      if (!isAway || !hasHeard) throw error;
      if (!isJson) screen.say(`${error.message}. Trying again`);
      await sleepUntil(clock, clock.nowMs() + RETRY_AFTER_MS, interrupted);
    }
  }
  // Below the line that was kept up to date.
  if (screen.isTerminal && !isJson) screen.say();
  return 0;
}

function show(screen: Screen, { event, data }: LiveMessage, isJson: boolean): void {
  if (event === "away") {
    if (isJson) screen.say(JSON.stringify({ event, away: data === "true" }));
    else screen.say(data === "true" ? "Redis is away from the dashboard" : "Redis is back");
  }
  if (event !== "fleet") return;
  const fleet = parsed(data);
  if (!isObject(fleet)) return;
  if (isJson) screen.say(JSON.stringify({ event, ...fleet }));
  else showFleet(screen, fleet as unknown as FleetChangesJson);
}

function showFleet(screen: Screen, fleet: FleetChangesJson): void {
  const time = timeText(fleet.at);
  for (const { shard, status, before } of fleet.changes.slice(0, CHANGES_SHOWN)) {
    screen.say(
      `${screen.dim(time)}  shard ${shard}  ${screen.bold(status)}${
        before === null ? "" : `, was ${before}`
      }`,
    );
  }
  const more = fleet.changes.length - CHANGES_SHOWN;
  if (more > 0) screen.say(`${screen.dim(time)}  and ${more} more have changed`);
  screen.live(`${time}  ${fleetText(fleet)}`);
}
