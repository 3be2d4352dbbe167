/**
 * The figures as others read them in Redis: JSON texts, and the fields of stream entries (wire contract, Figures).
 *
 * @module
 */
import type {
  Latency,
  LifeEvent,
  RejectedCommand,
  ReplicaFigures,
  SecondFigures,
  ShardDetails,
} from "../../figures/store.ts";

/** The fields of a stream entry, names and values in turn. */
export type EntryFields = readonly (string | number)[];

export function replicaText({ identify, spool, fleet, ...replica }: ReplicaFigures): string {
  return JSON.stringify({
    version: replica.version,
    started_at: replica.startedAtMs,
    heard_at: replica.heardAtMs,
    stopped: replica.stopped,
    shards: replica.shards,
    total: replica.total,
    recommended: replica.recommended,
    waiting: replica.waiting,
    parked: replica.parked,
    identify: identify && {
      remaining: identify.remaining,
      total: identify.total,
      resets_at: identify.resetsAtMs,
    },
    broker: replica.broker,
    unconfirmed: { events: replica.unconfirmed.events, bytes: replica.unconfirmed.bytes },
    spool: spool && { events: spool.events, bytes: spool.bytes, max_bytes: spool.maxBytes },
    fleet: fleet && { member: fleet.member, draining: fleet.isDraining, holds: fleet.holds },
  });
}

/** What is not known has no field. */
export function secondFields(second: SecondFigures): EntryFields {
  return Object.entries({
    events: second.events,
    confirmed: second.confirmed,
    delay_p50: second.delayP50Ms,
    delay_p99: second.delayP99Ms,
    latency_p50: second.latencyP50Ms,
    latency_p90: second.latencyP90Ms,
    latency_max: second.latencyMaxMs,
    unconfirmed: second.unconfirmedEvents,
    unconfirmed_bytes: second.unconfirmedBytes,
    spooled: second.spooledEvents,
    spooled_bytes: second.spooledBytes,
    connected: second.connected,
    returned: second.returned,
  }).flatMap(([name, value]) => value === null ? [] : [name, value]);
}

export function detailsText(details: ShardDetails): string {
  return JSON.stringify({
    at: details.atMs,
    since: details.sinceMs,
    received: details.received,
    published: details.published,
    stored: details.stored,
    guilds: details.guilds,
    host: details.host,
    parked: details.parked,
    waiting: details.waiting,
    events_per_second: details.eventsPerSecond,
    rates: Object.fromEntries(details.rates),
  });
}

export function lifeFields({ kind, data }: LifeEvent): EntryFields {
  const renamed = Object.entries(data).map(([name, value]) => [snakeCased(name), value]);
  return ["kind", kind, "data", JSON.stringify(Object.fromEntries(renamed))];
}

export function latencyFields({ latencyMs }: Latency): EntryFields {
  // As it stands among the statuses.
  return ["ms", Math.max(1, Math.round(latencyMs))];
}

export function rejectedFields({ reason, message, bytes, body }: RejectedCommand): EntryFields {
  return ["reason", reason, "message", message, "bytes", bytes, ...(body === null ? [] : ["body", body])];
}

function snakeCased(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
