/**
 * The islands there are, by the name under which a page places them.
 *
 * @module
 */
import { type ComponentProps, type FunctionComponent, h, type VNode } from "preact";
import { ConfirmButton } from "./ConfirmButton.tsx";
import { FleetFigures } from "./FleetFigures.tsx";
import { FleetPlots } from "./FleetPlots.tsx";
import { Freshness } from "./Freshness.tsx";
import { LatencyPlot } from "./LatencyPlot.tsx";
import { PresencePreview } from "./PresencePreview.tsx";
import { QueueTable } from "./QueueTable.tsx";
import { ReplicaTable } from "./ReplicaTable.tsx";
import { Resharding } from "./Resharding.tsx";
import { RestartProgress } from "./RestartProgress.tsx";
import { Retry } from "./Retry.tsx";
import { ShardFigures } from "./ShardFigures.tsx";
import { ShardGrid } from "./ShardGrid.tsx";
import { ShardLife } from "./ShardLife.tsx";

const ISLANDS = {
  FleetFigures,
  FleetPlots,
  ReplicaTable,
  ShardGrid,
  Freshness,
  PresencePreview,
  QueueTable,
  ConfirmButton,
  LatencyPlot,
  Resharding,
  RestartProgress,
  Retry,
  ShardFigures,
  ShardLife,
};

export type IslandName = keyof typeof ISLANDS;

export type IslandProps<Name extends IslandName> = ComponentProps<(typeof ISLANDS)[Name]>;

export function isIsland(name: string): name is IslandName {
  return Object.hasOwn(ISLANDS, name);
}

/** The island itself, to be rendered or brought to life. */
export function islandOf<Name extends IslandName>(name: Name, props: IslandProps<Name>): VNode {
  // Each name has the props of its own leaf, which the compiler does not see through the table.
  return h(ISLANDS[name] as unknown as FunctionComponent<object>, props);
}
