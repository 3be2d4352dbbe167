/**
 * The processes of the gateway.
 *
 * @module
 */
import { amount, duration } from "./amounts.ts";
import { isAway } from "./AwayNotice.tsx";
import type { FleetFigures, ReplicaFigures } from "./fleet_message.ts";
import { useFleet } from "./fleet_state.ts";

export interface ReplicaTableProps {
  readonly stream: string;
  readonly replicas: FleetFigures["replicas"];
}

export function ReplicaTable({ stream, replicas: first }: ReplicaTableProps) {
  const replicas = useFleet(stream, first, (_, { figures }) => figures.replicas);
  if (replicas.length === 0) {
    return <p class="empty">No replica has left word of itself.</p>;
  }
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Replicas">
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Version</th>
            <th scope="col">Shards</th>
            <th scope="col">Heard</th>
            <th scope="col">Broker</th>
            <th scope="col" class="number">Unconfirmed</th>
            <th scope="col" class="number">Spooled</th>
          </tr>
        </thead>
        <tbody>{replicas.map((replica) => <Row key={replica.name} {...replica} />)}</tbody>
      </table>
    </div>
  );
}

function Row(replica: ReplicaFigures) {
  const { name, version, heardAgoMs, isStopped, isCurrent, hasBroker, unconfirmed, spooled } = replica;
  return (
    <tr class={isCurrent ? undefined : "muted"}>
      <th scope="row">{name}</th>
      <td data-label="Version">{version}</td>
      <td data-label="Shards">{shardsText(replica)}</td>
      <td data-label="Heard">
        {isStopped
          ? `stopped ${duration(heardAgoMs)} ago`
          : isAway(heardAgoMs)
          ? <span class="bad">✕ {duration(heardAgoMs)} ago</span>
          : <span class="good">● now</span>}
      </td>
      <td data-label="Broker">
        <Broker isKnown={isCurrent && !isAway(heardAgoMs)} hasBroker={hasBroker} />
      </td>
      <td class="number" data-label="Unconfirmed">{amount(unconfirmed.events)}</td>
      <td class="number" data-label="Spooled">{spooled === null ? "–" : amount(spooled)}</td>
    </tr>
  );
}

/** What one that is silent said of its broker is as old as its last word. */
function Broker({ isKnown, hasBroker }: { readonly isKnown: boolean; readonly hasBroker: boolean }) {
  if (!isKnown) return <>–</>;
  return hasBroker ? <span class="good">● connected</span> : <span class="bad">✕ away</span>;
}

function shardsText({ shards, shardCount }: ReplicaFigures): string {
  if (shardCount === 0) return "none yet";
  const ranges = shards.map(([first, last]) => first === last ? `${first}` : `${first}–${last}`).join(", ");
  const shown = shards.reduce((count, [first, last]) => count + last - first + 1, 0);
  return `${ranges}${shown < shardCount ? " …" : ""} (${amount(shardCount)})`;
}
