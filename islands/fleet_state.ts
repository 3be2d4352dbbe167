/**
 * The fleet as the islands of a page show it: what the page came with, and what was told since.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";
import type { FleetMessage } from "./fleet_message.ts";
import { listen } from "./live.ts";

/**
 * What is told of the fleet, folded into something an island shows.
 *
 * @param stream Of the page.
 */
export function useFleet<State>(
  stream: string,
  first: State,
  fold: (state: State, message: FleetMessage) => State,
): State {
  const [state, setState] = useState(first);
  useEffect(
    () => listen<FleetMessage>(stream, "fleet", (message) => setState((state) => fold(state, message))),
    [],
  );
  return state;
}
