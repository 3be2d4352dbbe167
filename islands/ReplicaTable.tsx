/**
 * The processes of the gateway: which shards each has, how it is, what it carries, and how to take it out.
 *
 * @module
 */
import { amount, duration } from "./amounts.ts";
import { ConfirmButton } from "./ConfirmButton.tsx";
import { DRAIN_NAMES, drainLines, drainPath, drainTitle } from "./drain.ts";
import type { FleetFigures, ReplicaFigures } from "./fleet_message.ts";
import { useFleet } from "./fleet_state.ts";
import { rangesText } from "./ranges.ts";

export interface ReplicaTableProps {
  readonly stream: string;
  readonly figures: Pick<FleetFigures, "replicas" | "unheld" | "atMs">;
  /** Hidden fields of a form that acts, the CSRF token among them; null for whoever may only look. */
  readonly fields: Readonly<Record<string, string>> | null;
}

export function ReplicaTable({ stream, figures: first, fields: operatorFields }: ReplicaTableProps) {
  const { replicas, unheld, atMs } = useFleet(stream, first, (_, { figures }) => figures);
  if (replicas.length === 0) {
    return <p class="empty">No replica has left word of itself.</p>;
  }
  // Where none shares its shards there is nothing to be done.
  const fields = replicas.some(({ isShared }) => isShared) ? operatorFields : null;
  const takers = replicas.filter(({ state, isShared }) => isShared && state === "running");
  return (
    <>
      {unheld.count > 0 && (
        <p class="muted">
          Held by nobody: {rangesText(unheld.ranges, unheld.count)}, the first for{" "}
          {duration(unheld.longestMs)}
        </p>
      )}
      <div class="scroll" tabIndex={0} role="region" aria-label="Replicas">
        <table class="stacked replicas">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">State</th>
              <th scope="col">Shards</th>
              <th scope="col">Version</th>
              <th scope="col">Uptime</th>
              <th scope="col">Broker</th>
              <th scope="col" class="number">Events/s</th>
              <th scope="col" class="number">Confirmed/s</th>
              <th scope="col" class="number">Unconfirmed</th>
              <th scope="col" class="number">Spooled</th>
              {fields !== null && <th scope="col">Action</th>}
            </tr>
          </thead>
          <tbody>
            {replicas.map((replica) => (
              <Row
                key={replica.name}
                replica={replica}
                atMs={atMs}
                others={takers.filter(({ name }) => name !== replica.name).length}
                fields={fields}
              />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface RowProps {
  readonly replica: ReplicaFigures;
  readonly atMs: number;
  /** How many replicas could take its shards. */
  readonly others: number;
  readonly fields: ReplicaTableProps["fields"];
}

function Row({ replica, atMs, others, fields }: RowProps) {
  const { name, state, version, isLead, isCurrent, startedAtMs, unconfirmed, spooled } = replica;
  const isThere = state !== "silent" && state !== "stopped";
  return (
    <tr class={isCurrent ? undefined : "muted"}>
      <th scope="row">
        {name}
        {isLead && (
          <>
            {" "}
            <span class="badge" title="It tells others about the whole fleet">lead</span>
          </>
        )}
      </th>
      <td data-label="State">
        <State replica={replica} />
      </td>
      <td class="ranges" data-label="Shards">{shardsText(replica)}</td>
      <td data-label="Version">{version}</td>
      <td data-label="Uptime">{isThere ? duration(atMs - startedAtMs) : "–"}</td>
      <td data-label="Broker">
        <Broker isKnown={isCurrent && isThere} hasBroker={replica.hasBroker} />
      </td>
      <td class="number" data-label="Events/s">{orDash(replica.eventsPerSecond)}</td>
      <td class="number" data-label="Confirmed/s">{orDash(replica.confirmedPerSecond)}</td>
      <td class="number" data-label="Unconfirmed">{amount(unconfirmed.events)}</td>
      <td class="number" data-label="Spooled">{orDash(spooled)}</td>
      {fields !== null && (
        <td class="action">
          <Action replica={replica} others={others} fields={fields} />
        </td>
      )}
    </tr>
  );
}

function State({ replica: { state, heardAgoMs } }: { readonly replica: ReplicaFigures }) {
  switch (state) {
    case "running":
      return <span class="good">● running</span>;
    case "starting":
      return <>◌ starting</>;
    case "draining":
      return <span class="warn">◐ draining</span>;
    case "drained":
      return <span class="warn">○ drained</span>;
    case "lapsed":
      return <span class="bad">✕ without leases</span>;
    case "silent":
      return <span class="bad">✕ silent for {duration(heardAgoMs)}</span>;
    case "stopped":
      return <>stopped {duration(heardAgoMs)} ago</>;
  }
}

/** What one that is silent said of its broker is as old as its last word. */
function Broker({ isKnown, hasBroker }: { readonly isKnown: boolean; readonly hasBroker: boolean }) {
  if (!isKnown) return <>–</>;
  return hasBroker ? <span class="good">● connected</span> : <span class="bad">✕ away</span>;
}

interface ActionProps {
  readonly replica: ReplicaFigures;
  readonly others: number;
  readonly fields: Readonly<Record<string, string>>;
}

function Action({ replica: { name, state, isShared, shardCount }, others, fields }: ActionProps) {
  if (!isShared || state === "stopped" || state === "silent") return null;
  if (state === "draining" || state === "drained") {
    return (
      <form method="post" action={drainPath(name)}>
        {Object.entries({ ...fields, drain: "false" }).map(([field, value]) => (
          <input key={field} type="hidden" name={field} value={value} />
        ))}
        <button type="submit" class="quiet" aria-label={`${DRAIN_NAMES.undrain}: ${name}`}>
          {DRAIN_NAMES.undrain}
        </button>
      </form>
    );
  }
  return (
    <ConfirmButton
      label={`${DRAIN_NAMES.drain}…`}
      href={drainPath(name)}
      title={drainTitle(name)}
      isQuiet
      question={{
        lines: drainLines(shardCount, others),
        action: drainPath(name),
        fields: { ...fields, drain: "true" },
        yes: DRAIN_NAMES.drain,
        isDanger: false,
      }}
    />
  );
}

function shardsText({ shards, shardCount, state }: ReplicaFigures): string {
  if (shardCount > 0) return rangesText(shards, shardCount);
  return state === "starting" ? "none yet" : "none";
}

function orDash(value: number | null): string {
  return value === null ? "–" : amount(value);
}
