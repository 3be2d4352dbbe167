/**
 * The fleet in figures: how it is, and how many shards are doing what.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { amount, bytes, duration } from "./amounts.ts";
import { AwayNotice, isAway } from "./AwayNotice.tsx";
import { CELL_STATES } from "./cell_states.ts";
import type { FleetFigures as Figures, HistorySeries } from "./fleet_message.ts";
import { useFleet } from "./fleet_state.ts";
import { joined } from "./history.ts";
import { rangesText } from "./ranges.ts";
import { listen } from "./live.ts";
import { reshardTitle } from "./reshard.ts";
import type { RestartFigures } from "./RestartProgress.tsx";
import { timeText } from "./Time.tsx";

export interface FleetFiguresProps {
  readonly stream: string;
  readonly figures: Figures;
  /** The last seconds are enough. */
  readonly history: HistorySeries;
  /** The states to which the grid is narrowed. */
  readonly filter: readonly string[];
  /** Names of the queues that fill up without anybody. */
  readonly unattended: readonly string[];
  /** The rolling restart that is under way, or was the last; null where there was none. */
  readonly restart: RestartFigures | null;
}

/** A shard that changes hands, or whose holder has died, is held again sooner, unless something is wrong. */
const UNHELD_MAX_MS = 10_000;

/** What is told of the queues. */
interface QueuesMessage {
  readonly queues: readonly { readonly name: string; readonly unattended: boolean }[];
}

export function FleetFigures(
  { stream, filter, unattended: firstUnattended, restart: firstRestart, ...first }: FleetFiguresProps,
) {
  const { figures, history } = useFleet(stream, first, (state, message) => ({
    figures: message.figures,
    history: joined(state.history, message.history),
  }));
  const [unattended, setUnattended] = useState(firstUnattended);
  useEffect(() =>
    listen<QueuesMessage>(stream, "queues", ({ queues }) => {
      setUnattended(queues.filter((queue) => queue.unattended).map(({ name }) => name));
    }), []);
  const [restart, setRestart] = useState(firstRestart);
  useEffect(() => listen(stream, "restart", setRestart), []);
  return (
    <>
      <AwayNotice stream={stream} heardAgoMs={figures.heardAgoMs} />
      {notices(figures)}
      {brokerNotices(figures)}
      {restart?.state === "running" && (
        <p class="notice">
          A rolling restart is under way: {amount(restart.back + restart.missing)} of {amount(restart.total)}
          {" "}
          have had their turn. <a href="/restarts">Look at it</a>
        </p>
      )}
      {figures.reshard?.isUnderWay && (
        <p class="notice">
          {reshardTitle(figures.reshard)} is under way: {amount(figures.reshard.ready)} of{" "}
          {amount(figures.reshard.to)} new shards are ready. <a href="#reshard">Look at it</a>
        </p>
      )}
      {unattended.length > 0 && (
        <p class="notice bad">
          <b>{unattended.join(", ")}</b> {unattended.length === 1 ? "has" : "have"}{" "}
          grown for a minute without a consumer. <a href="/queues">Queues</a>
        </p>
      )}
      <section class="panel" aria-label="Figures">
        <dl class="figures fleet">{allFigures(figures, history)}</dl>
      </section>
      <Counts figures={figures} filter={filter} />
    </>
  );
}

function notices(figures: Figures): ComponentChildren {
  const { source, heardAgoMs, total, counts, replicas, unheld, problems } = figures;
  const isStarting = source === "shardline" && total === 0;
  const waiting = counts.waiting ?? 0;
  return (
    <>
      {source === "shardline" && heardAgoMs === null && (
        <p class="notice warn">
          {replicas.length === 0
            ? "No process of the gateway has left word of itself. What is shown here may be old."
            : "The gateway has stopped. What is shown here is what it said last."}
        </p>
      )}
      {isStarting && heardAgoMs !== null && (
        <p class="notice">The gateway is starting: it does not know yet how many shards it runs.</p>
      )}
      {waiting > 0 && (
        <p class="notice">
          {waiting === 1 ? "1 shard waits" : `${amount(waiting)} shards wait`}{" "}
          for a turn to identify: Discord lets one through per bucket every five seconds.
        </p>
      )}
      {source === "other" && (
        <p class="notice warn">
          Another service wrote what is shown here. Replicas, history, backlog and identify budget are not
          known, and shards cannot be restarted from here: that service would shut them down for good.
        </p>
      )}
      {unheld.longestMs >= UNHELD_MAX_MS && !isAway(heardAgoMs) && (
        <p class="notice bad">
          Nobody has held {unheld.count === 1 ? "shard" : "shards"} {rangesText(unheld.ranges, unheld.count)}
          {" "}
          for {duration(unheld.longestMs)}: no replica has room, or none may run them.{" "}
          <a href="#replicas">Replicas</a>
        </p>
      )}
      {problems.length > 0 && (
        <details class="notice warn">
          <summary>Some of what is in Redis cannot be read</summary>
          <ul>{problems.map((problem) => <li key={problem}>{problem}</li>)}</ul>
        </details>
      )}
    </>
  );
}

function brokerNotices({ replicas, sums: { spool } }: Figures): ComponentChildren {
  // What one that is silent said of its broker is as old as its last word.
  const cutOff = replicas.filter(({ isCurrent, hasBroker, heardAgoMs }) =>
    isCurrent && !hasBroker && !isAway(heardAgoMs)
  );
  const spooled = spool?.events ?? 0;
  return (
    <>
      {cutOff.length > 0 && (
        <p class="notice bad">
          RabbitMQ is away from <b>{cutOff.map(({ name }) => name).join(", ")}</b>:{" "}
          {cutOff.length === 1 ? "its" : "their"} events wait.
        </p>
      )}
      {spooled > 0 && (
        <p class="notice warn">
          {spooled === 1 ? "1 event waits" : `${amount(spooled)} events wait`}{" "}
          on disk: RabbitMQ or the state cache does not keep up, or is catching up.
        </p>
      )}
    </>
  );
}

function allFigures(figures: Figures, history: HistorySeries): ComponentChildren {
  const { source, atMs, startedAtMs, total, sums, latency } = figures;
  const isOurs = source === "shardline";
  const { recommended, unconfirmed, spool, identify } = sums;
  const delayMs = history.delayP50Ms.at(-1) ?? null;
  const slowestMs = history.delayP99Ms.at(-1) ?? null;
  // Those that were renewed since they were told are not known.
  const isShort = identify !== null && identify.resetsAtMs > atMs && identify.remaining < total;
  return (
    <>
      <Figure label="Shards" value={amount(total)}>
        {recommended !== null && `${amount(recommended)} recommended`}
      </Figure>
      <Figure label="Uptime" value={startedAtMs === null ? "–" : duration(atMs - startedAtMs)} />
      <Figure label="Gateway latency" value={latency === null ? "–" : `${amount(latency.p50Ms)} ms`}>
        {latency !== null && `90 % below ${amount(latency.p90Ms)} ms`}
      </Figure>
      {isOurs && (
        <>
          <Figure label="Shards came back" value={orDash(lastMinute(history.returned))}>
            in the last minute
          </Figure>
          <Figure label="Events per second" value={orDash(history.events.at(-1))} />
          <Figure label="Publish delay" value={delayMs === null ? "–" : `${amount(delayMs)} ms`}>
            {slowestMs !== null && `99 % below ${amount(slowestMs)} ms`}
          </Figure>
          <Figure label="Unconfirmed" value={amount(unconfirmed.events)}>{bytes(unconfirmed.bytes)}</Figure>
          <Figure label="Spooled" value={spool === null ? "–" : amount(spool.events)}>
            {spool === null ? "no spool" : `${bytes(spool.bytes)} of ${bytes(spool.maxBytes)}`}
          </Figure>
          <Figure
            label="Identifies left"
            value={identify === null ? "–" : amount(identify.remaining)}
            isWarning={isShort}
          >
            {identify !== null && (
              <>
                of {amount(identify.total)}, {renewal(identify.resetsAtMs, atMs)}
                {isShort && ": fewer than there are shards"}
              </>
            )}
          </Figure>
        </>
      )}
    </>
  );
}

function Figure(
  { label, value, isWarning = false, children }: {
    readonly label: string;
    readonly value: string;
    readonly isWarning?: boolean;
    readonly children?: ComponentChildren;
  },
) {
  return (
    <div>
      <dt>{label}</dt>
      <dd class={isWarning ? "warn" : undefined}>{value}</dd>
      {children && <dd class="detail">{children}</dd>}
    </div>
  );
}

/** The sum of its seconds; a shard that flaps is seen there even where no cell has time to turn. */
function lastMinute(values: readonly (number | null)[]): number | null {
  const known = values.slice(-60).filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function orDash(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : amount(value);
}

function renewal(resetsAtMs: number, nowMs: number): ComponentChildren {
  if (resetsAtMs <= nowMs) return "renewed since";
  return (
    <>
      renewed in{" "}
      <time datetime={new Date(resetsAtMs).toISOString()} title={`${timeText(resetsAtMs)} UTC`}>
        {duration(resetsAtMs - nowMs)}
      </time>
    </>
  );
}

/** How many shards there are of each state: a filter, each a link that puts it in or takes it out. */
function Counts({ figures, filter }: { readonly figures: Figures; readonly filter: readonly string[] }) {
  if (figures.total === 0) return null;
  return (
    <nav class="counts" aria-label="Filter by status">
      <a href="/#shards" aria-current={filter.length === 0 ? "true" : undefined}>
        All <b>{amount(figures.total)}</b>
      </a>
      {CELL_STATES.filter(({ state }) => (figures.counts[state] ?? 0) > 0 || filter.includes(state)).map((
        cell,
      ) => (
        <a
          key={cell.state}
          href={filterPath(toggled(filter, cell.state))}
          aria-current={filter.includes(cell.state) ? "true" : undefined}
        >
          <span class={`glyph ${cell.code}`} aria-hidden="true">{cell.glyph}</span> {cell.word}{" "}
          <b>{amount(figures.counts[cell.state] ?? 0)}</b>
        </a>
      ))}
    </nav>
  );
}

function toggled(filter: readonly string[], state: string): readonly string[] {
  return filter.includes(state) ? filter.filter((other) => other !== state) : [...filter, state];
}

function filterPath(filter: readonly string[]): string {
  const query = filter.map((state) => `status=${state}`).join("&");
  return query === "" ? "/#shards" : `/?${query}#shards`;
}
