/**
 * The fleet over the last fifteen minutes, and how its shards' latencies are spread now.
 *
 * @module
 */
import { amount } from "./amounts.ts";
import type { HistorySeries, LatencySpread } from "./fleet_message.ts";
import { useFleet } from "./fleet_state.ts";
import { joined } from "./history.ts";
import { TimePlot, type TimePlotProps } from "./TimePlot.tsx";

type HistoryPlot = Pick<TimePlotProps, "title" | "unit" | "lines">;

export interface FleetPlotsProps {
  readonly stream: string;
  readonly history: HistorySeries;
  readonly latency: LatencySpread | null;
  /** Where each bar of the spread ends, in milliseconds; there is one bar more than that. */
  readonly edgesMs: readonly number[];
  /** Whether whoever writes what is shown writes a history too. */
  readonly hasHistory: boolean;
}

export function FleetPlots({ stream, edgesMs, hasHistory, ...first }: FleetPlotsProps) {
  const { history, latency } = useFleet(stream, first, (state, message) => ({
    history: joined(state.history, message.history),
    latency: message.figures.latency,
  }));
  return (
    <div class="panels plots">
      {hasHistory && <HistoryPlots {...history} />}
      <section class="panel">
        <h2>Gateway latency</h2>
        {latency === null
          ? <p class="empty">No heartbeat has been acknowledged yet.</p>
          : <Spread latency={latency} edgesMs={edgesMs} />}
      </section>
    </div>
  );
}

function HistoryPlots({ firstSecond, ...history }: HistorySeries) {
  const timesMs = history.events.map((_, index) => (firstSecond + index) * 1_000);
  const { events, delayP50Ms, delayP99Ms, unconfirmed, spooled } = history;
  const plots: readonly HistoryPlot[] = [
    { title: "Events per second", unit: "", lines: [{ name: "received", values: events }] },
    {
      title: "Publish delay",
      unit: "ms",
      lines: [{ name: "median", values: delayP50Ms }, { name: "99 % below", values: delayP99Ms }],
    },
    {
      title: "Waiting for the broker",
      unit: "",
      lines: [{ name: "unconfirmed", values: unconfirmed }, { name: "spooled", values: spooled }],
    },
  ];
  return (
    <>
      {plots.map((plot) => (
        <section key={plot.title} class="panel">
          <h2>{plot.title}</h2>
          {timesMs.length === 0
            ? <p class="empty">Nothing yet.</p>
            : <TimePlot {...plot} timesMs={timesMs} />}
        </section>
      ))}
    </>
  );
}

/** How many shards have which latency: a bar each. */
function Spread(
  { latency, edgesMs }: { readonly latency: LatencySpread; readonly edgesMs: readonly number[] },
) {
  const most = Math.max(1, ...latency.bars);
  return (
    <>
      <table class="spread">
        <caption class="sr">Shards by latency</caption>
        <tbody>
          {latency.bars.map((count, bar) => (
            <tr key={bar}>
              <th scope="row">{barName(edgesMs, bar)}</th>
              <td>
                <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={count === 0 ? 0 : Math.max(1, count / most * 100)} height={10} />
                </svg>
              </td>
              <td class="number">{amount(count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted">
        median {amount(latency.p50Ms)} ms, 90 % below {amount(latency.p90Ms)} ms, most {amount(latency.maxMs)}
        {" "}
        ms
        {latency.unmeasured > 0 && <>, {amount(latency.unmeasured)} not measured yet</>}
      </p>
    </>
  );
}

function barName(edgesMs: readonly number[], bar: number): string {
  const [from = 0, to] = [edgesMs[bar - 1], edgesMs[bar]];
  return to === undefined ? `${amount(from)} ms and more` : `${from}–${to} ms`;
}
