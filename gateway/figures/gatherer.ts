/**
 * Gathers what whoever watches the service reads: from what is observed, and from what the service knows.
 *
 * What comes with every event is a count and nothing more; the rest is done when it is asked for, once a second.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Observation, Observer } from "../observation.ts";
import { DetailTurns } from "./detail_turns.ts";
import { EventCounts } from "./event_counts.ts";
import { Histogram } from "./histogram.ts";
import { isLife, lifeEvent } from "./life.ts";
import { ShardRangeList } from "./shard_ranges.ts";
import type {
  Figures,
  IdentifyFigures,
  Latency,
  LifeEvent,
  LifeObservation,
  RejectedCommand,
  ReplicaFigures,
  SecondFigures,
} from "./store.ts";
import type { ShardProgress, ShardState } from "./watched_shard.ts";

/** Life events and latencies that wait; the oldest go first. */
const WAITING_MAX = 10_000;
/** As many of them are written in one go: a thousand shards that come back together are not to hold up the store. */
const WAITING_PER_WRITE = 2_000;
/** Refused commands that wait; the store keeps no more either. */
const REJECTED_MAX = 200;
/** A longer body is not kept; the longest that may be sent has 4 KiB. */
const BODY_MAX_BYTES = 16 * 1024;

/** What the service knows besides, at one moment. */
export interface KnownFigures {
  readonly total: number | null;
  readonly recommended: number | null;
  /** The shards of this process in the order of their ids. */
  readonly states: ReadonlyMap<number, ShardState>;
  readonly brokerConnected: boolean;
  readonly unconfirmed: { readonly events: number; readonly bytes: number };
  readonly spooled: ReplicaFigures["spool"];
  readonly fleet: ReplicaFigures["fleet"];
}

export interface GathererOptions {
  readonly clock: Clock;
  readonly known: () => KnownFigures;
  readonly progressOf: (shard: number) => ShardProgress | undefined;
  /** Names this process among all that write to the store. */
  readonly replicaName: string;
  readonly version: string;
  /** Whether a text holds something that must not be written anywhere. */
  readonly holdsSecret: (text: string) => boolean;
}

type Beat = Extract<Observation, { kind: "shard.acknowledged" }>;

interface Waiting {
  readonly atMs: number;
  readonly observation: LifeObservation | Beat;
}

interface Refused {
  readonly atMs: number;
  readonly body: Uint8Array | null;
  readonly bytes: number;
  readonly reason: string;
  readonly message: string;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class FiguresGatherer {
  /** The service's own count of events. */
  readonly counts = new EventCounts();
  readonly #options: GathererOptions;
  readonly #startedAtMs: number;
  readonly #details = new DetailTurns(this.counts);
  readonly #delays = new Histogram();
  readonly #latencies = new Histogram();
  #eventsBefore = 0;
  #returned = 0;
  #identify: IdentifyFigures | null = null;
  #waiting: Waiting[] = [];
  #rejected: Refused[] = [];

  constructor(options: GathererOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.wallMs();
  }

  readonly observe: Observer = (observation) => {
    switch (observation.kind) {
      case "event.received": // First, for it comes with every event.
        return this.counts.add(observation.type, observation.shard);
      case "identify.budget": {
        const { remaining, total, resetsInMs } = observation;
        const resetsAtMs = Math.round(this.#options.clock.wallMs() + resetsInMs);
        this.#identify = { remaining, total, resetsAtMs };
        return;
      }
      case "redis.connected":
        // It may have come back empty.
        return this.#details.repeatAll();
      case "shard.acknowledged":
        return this.#wait(observation);
      case "shard.ready":
      case "shard.resumed":
        this.#returned += 1;
        return this.#wait(observation);
      default:
        if (isLife(observation)) this.#wait(observation);
    }
  };

  /** The broker confirmed an event that was received `delayMs` ago. */
  confirmed(delayMs: number): void {
    this.#delays.add(delayMs);
  }

  /** A command was refused. */
  rejected(body: Uint8Array, reason: string, message: string): void {
    if (this.#rejected.length === REJECTED_MAX) this.#rejected.shift();
    const bytes = body.length;
    const atMs = this.#options.clock.wallMs();
    this.#rejected.push({ atMs, body: bytes > BODY_MAX_BYTES ? null : body, bytes, reason, message });
  }

  /** What was taken has not reached the store, or may not have. What a shard said last is to be said again. */
  notWritten(): void {
    this.#details.repeatAll();
  }

  /** Nothing can be written: the second goes by, and what happens waits. */
  skip(): void {
    this.#beginSecond();
  }

  /**
   * Everything since this was last called, for the store. `stopped`: for the last time, and all that waits; the
   * second is not full then.
   */
  take({ stopped }: { stopped: boolean }): Figures {
    const { clock, progressOf } = this.#options;
    const known = this.#options.known();
    const { connected, ...replica } = this.#look(known);
    const second = this.#second(known, connected);
    const moment = { wallMs: clock.wallMs(), nowMs: clock.nowMs() };
    const life: LifeEvent[] = [];
    const latencies: Latency[] = [];
    for (const { atMs, observation } of this.#waiting.splice(0, stopped ? Infinity : WAITING_PER_WRITE)) {
      if (observation.kind !== "shard.acknowledged") life.push(lifeEvent(observation, atMs));
      else latencies.push({ shard: observation.shard, atMs, latencyMs: observation.latencyMs });
    }
    return {
      replica: { ...replica, heardAtMs: moment.wallMs, stopped },
      second: stopped ? null : second,
      details: this.#details.take(known.states, progressOf, moment),
      life,
      latencies,
      rejected: this.#rejected.splice(0).map((refused) => this.#readable(refused)),
    };
  }

  #wait(observation: LifeObservation | Beat): void {
    if (this.#waiting.length === WAITING_MAX) this.#waiting.shift();
    this.#waiting.push({ atMs: this.#options.clock.wallMs(), observation });
  }

  /** All shards, once: which they are, and what their heartbeats took. */
  #look(known: KnownFigures): Omit<ReplicaFigures, "heardAtMs" | "stopped"> & { connected: number } {
    const { replicaName: name, version } = this.#options;
    const { total, recommended, brokerConnected: broker, unconfirmed, spooled: spool, fleet } = known;
    const [shards, waiting, parked] = [new ShardRangeList(), new ShardRangeList(), new ShardRangeList()];
    let connected = 0;
    this.#latencies.clear();
    for (const [shard, state] of known.states) {
      shards.add(shard);
      if (state.waitingForTurn) waiting.add(shard);
      if (state.parked) parked.add(shard);
      if (state.status !== "Connected") continue;
      connected += 1;
      if (state.acknowledged) this.#latencies.add(state.latencyMs);
    }
    return {
      name,
      version,
      startedAtMs: this.#startedAtMs,
      shards: shards.ranges,
      total,
      recommended,
      waiting: waiting.ranges,
      parked: parked.ranges,
      identify: this.#identify,
      broker,
      unconfirmed,
      spool,
      fleet,
      connected,
    };
  }

  #second({ unconfirmed, spooled }: KnownFigures, connected: number): SecondFigures {
    const delays = this.#delays;
    const latencies = this.#latencies;
    const second = {
      events: this.counts.total - this.#eventsBefore,
      confirmed: delays.count,
      delayP50Ms: delays.percentileMs(0.5),
      delayP99Ms: delays.percentileMs(0.99),
      latencyP50Ms: latencies.percentileMs(0.5),
      latencyP90Ms: latencies.percentileMs(0.9),
      latencyMaxMs: latencies.maxMs,
      unconfirmedEvents: unconfirmed.events,
      unconfirmedBytes: unconfirmed.bytes,
      spooledEvents: spooled?.events ?? null,
      spooledBytes: spooled?.bytes ?? null,
      connected,
      returned: this.#returned,
    };
    this.#beginSecond();
    return second;
  }

  #beginSecond(): void {
    this.#eventsBefore = this.counts.total;
    this.#returned = 0;
    this.#delays.clear();
  }

  #readable({ body, ...refused }: Refused): RejectedCommand {
    const text = body === null ? null : textOf(body);
    return { ...refused, body: text === null || this.#options.holdsSecret(text) ? null : text };
  }
}

/** Null where it is not UTF-8. */
function textOf(body: Uint8Array): string | null {
  try {
    return decoder.decode(body);
  } catch {
    return null;
  }
}
