/**
 * What the dashboard answers, as text for people: aligned, and fit for a terminal whatever stands in it.
 *
 * @module
 */
import type { FleetJson, ReshardJson, ShardJson } from "../dashboard/api/fleet_json.ts";
import type { QueuesJson } from "../dashboard/api/queues_json.ts";
import type { AuditJson, RejectedJson } from "../dashboard/api/records_json.ts";
import type { RestartJson } from "../dashboard/api/restart_json.ts";
import type { ShardDetailsJson } from "../dashboard/api/shard_json.ts";
import { durationText } from "../dashboard/duration.ts";
import { CELL_STATES } from "../dashboard/fleet/fleet_snapshot.ts";
import { shardListText } from "../dashboard/shard_list.ts";
import { oneLine } from "../gateway/one_line.ts";
import type { Screen } from "../harness/screen.ts";

/** A cell that is longer says no more to anybody. */
const CELL_LENGTH = 200;
/** Sentences. */
const TEXT_LENGTH = 500;
/** Stands for what is not known. */
const UNKNOWN = "-";

/** A column: its heading, and whether it holds numbers, which stand at its right. */
type Column = readonly [heading: string, kind?: "number"];

function table(screen: Screen, columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  const shown = rows.map((row) => row.map((cell) => oneLine(cell, CELL_LENGTH)));
  const widths = columns.map(([heading], at) =>
    shown.reduce((widest, row) => Math.max(widest, row[at]?.length ?? 0), heading.length)
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, at) => {
      const width = widths[at] ?? 0;
      return columns[at]?.[1] === "number" ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd();
  screen.say(screen.dim(line(columns.map(([heading]) => heading))));
  for (const row of shown) screen.say(line(row));
}

export function showShards(
  screen: Screen,
  { at, shards }: { readonly at: number; readonly shards: readonly ShardJson[] },
): void {
  if (shards.length === 0) return screen.say("No such shards");
  table(
    screen,
    [["shard", "number"], ["status"], ["latency", "number"], ["last ack", "number"], ["session"]],
    shards.map(({ shard, status, latency_ms, last_ack_at, session }) => [
      String(shard),
      status,
      milliseconds(latency_ms),
      last_ack_at === null ? UNKNOWN : ago(at - last_ack_at),
      session ?? UNKNOWN,
    ]),
  );
}

export function showShard(screen: Screen, shard: ShardDetailsJson): void {
  const since = shard.since_at === null ? "" : ` since ${timeText(shard.since_at)}`;
  screen.say(`${screen.bold(`Shard ${shard.shard}`)}  ${shard.status}${since}`);
  if (shard.source === "other") screen.say("Another service runs it, which tells no more.");
  screen.say();
  const count = (value: number | null) => value === null ? UNKNOWN : numberText(value);
  const rates = Object.entries(shard.rates).map(([type, perSecond]) => `${type} ${numberText(perSecond)}`);
  screen.rows([
    ["latency", milliseconds(shard.latency_ms)],
    ["last ack", shard.last_ack_at === null ? UNKNOWN : timeText(shard.last_ack_at)],
    ["session", oneLine(shard.session ?? UNKNOWN, CELL_LENGTH)],
    ["received", count(shard.received)],
    ["published", count(shard.published)],
    ["stored", count(shard.stored)],
    ["resume host", oneLine(shard.host ?? UNKNOWN, CELL_LENGTH)],
    ["guilds", count(shard.guilds)],
    [
      "events/s",
      [count(shard.events_per_second), ...rates].map((text) => oneLine(text, CELL_LENGTH)).join(", "),
    ],
  ]);
  if (shard.life.length === 0) return;
  screen.say();
  table(screen, [["time"], ["what happened"]], shard.life.map(({ at, text }) => [timeText(at), text]));
}

export function showReplicas(screen: Screen, { replicas, unheld, reshard }: FleetJson): void {
  if (replicas.length === 0) return screen.say("No replica has left word of itself");
  const count = (value: number | null) => value === null ? UNKNOWN : numberText(value);
  table(
    screen,
    [
      ...[["replica"], ["state"], ["version"], ["shards", "number"], ["events/s", "number"]] as const,
      ...[["unconfirmed", "number"], ["spooled", "number"], ["heard", "number"]] as const,
    ],
    replicas.map((replica) => [
      replica.lead ? `${replica.name} (lead)` : replica.name,
      replica.state,
      replica.version,
      numberText(replica.shard_count),
      count(replica.events),
      numberText(replica.unconfirmed.events),
      count(replica.spooled),
      ago(replica.heard_ago_ms),
    ]),
  );
  if (unheld.count > 0) {
    screen.say();
    const ranges = unheld.shards.map(([first, last]) => first === last ? `${first}` : `${first}-${last}`);
    screen.say(`Held by nobody: ${ranges.join(", ")} (${numberText(unheld.count)})`);
  }
  if (reshard !== null) showReshard(screen, reshard);
}

function showReshard(screen: Screen, { text, under_way, ready, to, replicas }: ReshardJson): void {
  screen.say();
  screen.say(`Shards ${oneLine(text, TEXT_LENGTH)}`);
  if (!under_way) return;
  screen.say(`${numberText(ready)} of ${numberText(to)} new shards are ready`);
  if (replicas.length === 0) return;
  screen.say();
  table(
    screen,
    [["replica"], ["ready", "number"], ["waits for"]],
    replicas.map(({ name, ready, waits_for }) => [name, numberText(ready), waits_for ?? "nothing"]),
  );
}

export function showQueues(screen: Screen, { problem, queues, bindings }: QueuesJson): void {
  if (problem !== null) screen.say(oneLine(problem, CELL_LENGTH));
  if (queues.length === 0) return screen.say("No queue is watched");
  const count = (value: number | null) => value === null ? UNKNOWN : numberText(value);
  table(
    screen,
    [["queue"], ["ready", "number"], ["consumers", "number"], ["last minute", "number"], ["state"]],
    queues.map(({ name, messages, consumers, change_in_minute: change, unattended, problem }) => [
      name,
      count(messages),
      count(consumers),
      change !== null && change > 0 ? `+${numberText(change)}` : count(change),
      problem ?? (unattended ? "unattended" : consumers === 0 ? "no consumer" : "consumed"),
    ]),
  );
  if (bindings === null || bindings.length === 0) return;
  screen.say();
  table(
    screen,
    [["bound to gateway"], ["kind"], ["routing key"]],
    bindings.map(({ destination, destination_type, routing_key }) => [
      destination,
      destination_type,
      routing_key,
    ]),
  );
}

export function showRejected(screen: Screen, { commands }: RejectedJson): void {
  if (commands.length === 0) return screen.say("The gateway has refused no command");
  table(
    screen,
    [["time"], ["reason"], ["why"], ["command"]],
    commands.map(({ at, reason, message, bytes, body }) => [
      timeText(at),
      reason,
      message,
      body ?? `${bytes === null ? UNKNOWN : numberText(bytes)} bytes, not kept`,
    ]),
  );
}

export function showAudit(screen: Screen, { entries }: AuditJson): void {
  if (entries.length === 0) return screen.say("Nobody has done anything");
  table(
    screen,
    [["time"], ["who"], ["from"], ["what"], ["shards"], ["outcome"]],
    entries.map((
      { at, who, address, action, shards, outcome },
    ) => [timeText(at), who, address, action, shards, outcome]),
  );
}

/** How far a rolling restart has come, or how it ended, in one line. */
export function restartText(restart: RestartJson): string {
  const { state, total, back, missing, missing_shards, current, stopped_by } = restart;
  const more = missing > missing_shards.length ? ` and ${missing - missing_shards.length} more` : "";
  const list = shardListText(missing_shards.toSorted((one, other) => one - other));
  const away = missing === 0 ? "" : `, not back: ${list}${more}`;
  const count = `${numberText(back)} of ${numberText(total)} back${away}`;
  switch (state) {
    case "running":
      return current === null ? count : `${count}, shard ${current} is restarting`;
    case "finished":
      return `Finished: ${count}`;
    case "stopped":
      return `Stopped by ${oneLine(stopped_by ?? "somebody", CELL_LENGTH)}: ${count}`;
    case "given_up":
      return `Given up, because several in a row did not come back: ${count}`;
    case "interrupted":
      return `Interrupted, because the dashboard that ran it is gone: ${count}`;
  }
}

/** How the fleet is, in one line. */
export function fleetText(fleet: FleetJson): string {
  if (fleet.source === "none") return "No gateway has run here yet";
  const counts = CELL_STATES.filter((state) => fleet.counts[state] > 0)
    .map((state) => `${numberText(fleet.counts[state])} ${state}`);
  const { second, unconfirmed, spool, reshard } = fleet;
  return [
    ...(fleet.away ? [`gateway last heard ${ago(fleet.heard_ago_ms ?? 0)}`] : []),
    counts.join(", ") || "no shards yet",
    ...(second?.events == null ? [] : [`${numberText(second.events)} events/s`]),
    ...(second?.delay_p50_ms == null ? [] : [
      `delay ${milliseconds(second.delay_p50_ms)}, p99 ${milliseconds(second.delay_p99_ms)}`,
    ]),
    ...(unconfirmed.events > 0 ? [`${numberText(unconfirmed.events)} unconfirmed`] : []),
    ...(reshard?.under_way
      ? [
        `${numberText(reshard.from)} → ${numberText(reshard.to)}: ${numberText(reshard.ready)} ready`,
      ]
      : []),
    ...(spool !== null && spool.events > 0 ? [`${numberText(spool.events)} spooled`] : []),
  ].join(" · ");
}

/** UTC, to the second. */
export function timeText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, "2026-01-01T00:00:00".length).replace("T", " ");
}

function ago(ms: number): string {
  return `${durationText(Math.round(Math.max(0, ms) / 1_000) * 1_000)} ago`;
}

function milliseconds(ms: number | null): string {
  return ms === null ? UNKNOWN : `${numberText(ms)} ms`;
}

export function numberText(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 2 });
}
