/**
 * Asking before something is done that costs something.
 *
 * @module
 */
import type { FleetJson } from "../dashboard/api/fleet_json.ts";
import type { DashboardClient } from "./dashboard_client.ts";
import { CommandFailure, EXIT_NOT_DONE, UsageError } from "./failure.ts";

export interface Asking {
  readonly client: DashboardClient;
  /** Asks whoever sits at the terminal; null where nobody does. */
  readonly ask: ((question: string) => boolean) | null;
}

export interface AskedCommand {
  readonly name: string;
  /** Not to be asked about. */
  readonly isSure: boolean;
  /** What to say where the answer is no. */
  readonly refused: string;
}

/** Resolves where it is to be done. @throws CommandFailure */
export async function beSure(
  { name, isSure, refused }: AskedCommand,
  { client, ask }: Asking,
  question: (fleet: FleetJson) => string,
): Promise<void> {
  if (isSure) return;
  if (ask === null) throw new UsageError(`${name}: give --yes, because there is no terminal to ask`);
  if (!ask(question(await client.get<FleetJson>("/api/fleet")))) {
    throw new CommandFailure(refused, EXIT_NOT_DONE);
  }
}
