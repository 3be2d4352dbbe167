/**
 * The latencies of one shard's last heartbeats.
 *
 * @module
 */
import type { ShardLatency } from "./shard_message.ts";
import { useShard, withoutRepeats } from "./shard_state.ts";
import { TimePlot } from "./TimePlot.tsx";

/** As many as are kept. */
const LATENCIES_MOST = 240;

export interface LatencyPlotProps {
  readonly stream: string;
  /** The oldest first. */
  readonly latencies: readonly ShardLatency[];
}

export function LatencyPlot({ stream, ...first }: LatencyPlotProps) {
  const latencies = useShard(stream, first.latencies, (known, message) => {
    return [...known, ...withoutRepeats(known, message.latencies)].slice(-LATENCIES_MOST);
  });
  if (latencies.length === 0) return <p class="empty">No heartbeat has been acknowledged yet.</p>;
  return (
    <TimePlot
      title={`Latency of ${latencies.length} heartbeats`}
      unit="ms"
      timesMs={latencies.map(({ atMs }) => atMs)}
      lines={[{ name: "latency", values: latencies.map(({ latencyMs }) => latencyMs) }]}
      hasMarks
    />
  );
}
