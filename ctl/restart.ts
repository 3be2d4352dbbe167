/**
 * `ctl restart`: asks, has the dashboard restart shards one after the other, and shows how far that is.
 *
 * @module
 */
import type { FleetJson } from "../dashboard/api/fleet_json.ts";
import type { RestartJson } from "../dashboard/api/restart_json.ts";
import { type Clock, sleepUntil } from "../gateway/clock.ts";
import type { Screen } from "../harness/screen.ts";
import type { Command } from "./command_line.ts";
import { CommandFailure, EXIT_INTERRUPTED, EXIT_NOT_DONE } from "./failure.ts";
import { type Asking, beSure } from "./question.ts";
import { numberText, restartText } from "./tables.ts";

/** The dashboard itself looks for shards twice a second. */
const LOOK_EVERY_MS = 1_000;

export interface RestartSurroundings extends Asking {
  readonly screen: Screen;
  readonly clock: Clock;
  /** From when it is called, Ctrl-C ends nothing but aborts the signal. */
  interruption(): AbortSignal;
  /** Whether the answers are shown as they come. */
  readonly isJson: boolean;
}

interface RestartAnswer {
  readonly restart: RestartJson | null;
}

/** Resolves with the exit status once no further shard has its turn. @throws CommandFailure */
export async function restart(
  { shards, mode, isSure }: Extract<Command, { name: "restart" }>,
  { client, screen, clock, interruption, ask, isJson }: RestartSurroundings,
): Promise<number> {
  await beSure({ name: "restart", isSure, refused: "Nothing was restarted" }, { client, ask }, (fleet) => (
    question(shards, mode, fleet)
  ));
  // Not before somebody is asked, which Ctrl-C must be able to end.
  const interrupted = interruption();
  let { restart } = await client.post<RestartAnswer>("/api/restart", { shards, mode });
  const id = restart?.id;
  while (restart?.state === "running" && restart.id === id && !interrupted.aborted) {
    if (!isJson) screen.live(restartText(restart));
    await sleepUntil(clock, clock.nowMs() + LOOK_EVERY_MS, interrupted);
    if (!interrupted.aborted) ({ restart } = await client.get<RestartAnswer>("/api/restart"));
  }
  if (restart === null || restart.id !== id) {
    throw new CommandFailure("What became of the restart is not known: look at the audit", EXIT_NOT_DONE);
  }
  if (restart.state === "running") {
    throw new CommandFailure("The restart goes on; deno task ctl restart stop ends it", EXIT_INTERRUPTED);
  }
  screen.say(isJson ? JSON.stringify({ restart }, null, 2) : restartText(restart));
  return restart.state === "finished" && restart.missing === 0 ? 0 : EXIT_NOT_DONE;
}

function question(shards: string, mode: string, { total, identify }: FleetJson): string {
  const which = shards === "all" ? `all ${numberText(total)} shards` : `shards ${shards}`;
  if (mode === "resume") return `Restart ${which}, one after the other? Their sessions go on.`;
  const left = identify === null
    ? "an identify"
    : `one of the ${numberText(identify.remaining)} identifies that are left`;
  return `Restart ${which} with new sessions, one after the other? Each costs ${left}, and events in between are lost.`;
}
