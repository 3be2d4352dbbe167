/**
 * One shard in figures: how it is, how far its events have come, and what they are.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { amount, duration } from "./amounts.ts";
import { AwayNotice } from "./AwayNotice.tsx";
import { CELL_STATES } from "./cell_states.ts";
import type { ShardFigures as Figures } from "./shard_message.ts";
import { useShard } from "./shard_state.ts";
import { Time } from "./Time.tsx";

export interface ShardFiguresProps {
  readonly stream: string;
  readonly figures: Figures;
}

export function ShardFigures({ stream, ...first }: ShardFiguresProps) {
  const figures = useShard(stream, first.figures, (_, message) => message.figures);
  const isOurs = figures.source === "shardline";
  return (
    <>
      <AwayNotice stream={stream} heardAgoMs={figures.heardAgoMs} />
      <Notices figures={figures} />
      <div class="panels">
        <div class="column">
          <Connection figures={figures} />
          {isOurs && <Sequences figures={figures} />}
        </div>
        {isOurs && <Rates figures={figures} />}
      </div>
    </>
  );
}

function Notices({ figures }: { readonly figures: Figures }) {
  const { source, heardAgoMs, state } = figures;
  return (
    <>
      {source === "shardline" && heardAgoMs === null && (
        <p class="notice warn">No gateway is running. What is shown here is what one said last.</p>
      )}
      {source === "other" && (
        <p class="notice warn">
          Another service wrote what is shown here. It does not tell since when the status holds, the
          sequences, the resume host, the guilds, the events, the latencies before the last one, or what has
          happened to the shard.
        </p>
      )}
      {state === "waiting" && (
        <p class="notice">
          This shard waits for its turn to identify: Discord lets one through every five seconds.
        </p>
      )}
      {state === "parked" && (
        <p class="notice warn">This shard is parked: it resumes by itself once the broker has caught up.</p>
      )}
    </>
  );
}

function Connection({ figures }: { readonly figures: Figures }) {
  const { source, atMs, sinceMs, latencyMs, lastAckAtMs, session, host, guilds } = figures;
  return (
    <section class="panel">
      <h2>Connection</h2>
      <dl class="pairs">
        <Pair name="Status">
          <StateBadge state={figures.state} />
        </Pair>
        {source === "shardline" && (
          <Pair name="Since">
            {sinceMs !== null && (
              <>
                <Time atMs={sinceMs} /> <span class="muted">for {duration(atMs - sinceMs)}</span>
              </>
            )}
          </Pair>
        )}
        <Pair name="Latency">{latencyMs !== null && `${amount(latencyMs)} ms`}</Pair>
        <Pair name={latencyMs === null ? "Connected at" : "Last ACK"}>
          {lastAckAtMs !== null && <Time atMs={lastAckAtMs} />}
        </Pair>
        <Pair name="Session">{session !== null && <code>{session}</code>}</Pair>
        {source === "shardline" && (
          <>
            <Pair name="Resume host">{host !== null && <code>{host}</code>}</Pair>
            <Pair name="Guilds">{guilds !== null && amount(guilds)}</Pair>
          </>
        )}
      </dl>
    </section>
  );
}

/** @param children What is known; nothing where it is not. */
function Pair({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children || "–"}</dd>
    </div>
  );
}

function StateBadge({ state }: { readonly state: string }) {
  const { code = "u", glyph = "?", word = "Unknown" } = CELL_STATES.find((cell) => cell.state === state) ??
    {};
  return (
    <span class={`badge ${code}`}>
      <span aria-hidden="true">{glyph}</span> {word}
    </span>
  );
}

function Sequences({ figures: { session, received, published, stored } }: { readonly figures: Figures }) {
  return (
    <section class="panel">
      <h2>Sequences</h2>
      {received === null
        ? <p class="empty">{session === null ? "No session." : "Not told yet."}</p>
        : (
          <dl class="figures sequences">
            <Sequence name="received" value={received} />
            <Sequence name="published" value={published} />
            <Sequence name="stored" value={stored} />
          </dl>
        )}
      <p class="muted below">
        Received from Discord; confirmed by the broker; written down, which is where a resume would go on.
      </p>
    </section>
  );
}

function Sequence({ name, value }: { readonly name: string; readonly value: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value === null ? "–" : amount(value)}</dd>
    </div>
  );
}

function Rates({ figures: { eventsPerSecond, rates } }: { readonly figures: Figures }) {
  const most = Math.max(...rates.map(({ perSecond }) => perSecond));
  return (
    <section class="panel">
      <h2>Events per second</h2>
      {rates.length === 0 ? <p class="empty">No events in the last seconds.</p> : (
        <table class="rates">
          <caption class="sr">Events per second by type, the most frequent first</caption>
          <thead class="sr">
            <tr>
              <th scope="col">Type</th>
              <th scope="col">Share</th>
              <th scope="col">Per second</th>
            </tr>
          </thead>
          <tbody>
            {rates.map(({ type, perSecond }) => (
              <tr key={type}>
                <th scope="row">
                  <code>{type}</code>
                </th>
                <td>
                  <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={Math.max(1, perSecond / most * 100).toFixed(1)} height={10} />
                  </svg>
                </td>
                <td class="number">{rateText(perSecond)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">All</th>
              <td />
              <td class="number">{eventsPerSecond === null ? "–" : rateText(eventsPerSecond)}</td>
            </tr>
          </tfoot>
        </table>
      )}
    </section>
  );
}

/** With a digit behind the point wherever there are few, so that they stand below each other. */
function rateText(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : amount(perSecond);
}
