/**
 * What the live line tells of the gateway, read from its Prometheus metrics.
 *
 * @module
 */

/** The metrics at one moment. */
export interface Vitals {
  readonly shards: number;
  readonly shardsConnected: number;
  /** Received since the gateway started. */
  readonly events: number;
  readonly unconfirmed: number;
  /** Events confirmed by the broker since the start, and the seconds that took, from receipt, summed. */
  readonly confirmed: { readonly count: number; readonly seconds: number };
}

/** Reads the text of `/metrics`. What is not there counts as 0. */
export function readVitals(metrics: string): Vitals {
  const sum = (name: string, label = "") => {
    let total = 0;
    for (const line of metrics.split("\n")) {
      const [, metric, labels = "", value] = /^(\w+)(\{[^}]*\})? (\S+)/.exec(line) ?? [];
      if (metric === name && labels.includes(label)) total += Number(value);
    }
    return total;
  };
  return {
    shards: sum("gateway_shards"),
    shardsConnected: sum("gateway_statuses", 'type="Connected"'),
    events: sum("gateway_events"),
    unconfirmed: sum("gateway_unconfirmed_events"),
    confirmed: { count: sum("gateway_publish_seconds_count"), seconds: sum("gateway_publish_seconds_sum") },
  };
}

/** Milliseconds from an event's receipt to its confirmation, on average since `before`; null where none came. */
export function publishDelayMs(before: Vitals, now: Vitals): number | null {
  const count = now.confirmed.count - before.confirmed.count;
  return count > 0 ? (now.confirmed.seconds - before.confirmed.seconds) / count * 1000 : null;
}
