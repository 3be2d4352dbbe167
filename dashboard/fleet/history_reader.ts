/**
 * The last minutes of the fleet, second by second, from what each replica writes. What was read is kept, so that a
 * page costs no more than the seconds since the last.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { historyKey } from "../contract_keys.ts";
import { isTime } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import { StreamEntry } from "../stream_entry.ts";
import type { FleetReplica } from "./fleet_snapshot.ts";

/** How far a plot looks back. */
export const HISTORY_SECONDS = 15 * 60;
/** A little more than a replica keeps. */
const ENTRIES_MAX = 1_000;
/** An entry is a second behind the one before it, give or take; where that adds up to more than this, count anew. */
const DRIFT_MAX_MS = 1_500;
/** What claims to be later than this is garbage; clocks of several machines differ a little. */
const AHEAD_MAX_MS = 60_000;
/** A replica that has written nothing for so long is not waited for. */
const LATE_SECONDS = 5;

/**
 * Where each figure stands in an entry, and what several replicas have of it together: times are those of the replica
 * that is worst off, because there is no percentile of percentiles.
 */
const FIGURES = {
  events: { field: "events", together: "sum" },
  confirmed: { field: "confirmed", together: "sum" },
  delayP50Ms: { field: "delay_p50", together: "worst" },
  delayP99Ms: { field: "delay_p99", together: "worst" },
  latencyP50Ms: { field: "latency_p50", together: "worst" },
  latencyP90Ms: { field: "latency_p90", together: "worst" },
  latencyMaxMs: { field: "latency_max", together: "worst" },
  unconfirmed: { field: "unconfirmed", together: "sum" },
  unconfirmedBytes: { field: "unconfirmed_bytes", together: "sum" },
  spooled: { field: "spooled", together: "sum" },
  spooledBytes: { field: "spooled_bytes", together: "sum" },
  connected: { field: "connected", together: "sum" },
  returned: { field: "returned", together: "sum" },
} as const;

type Figure = keyof typeof FIGURES;

const NAMES = Object.keys(FIGURES) as Figure[];

/** One second of the fleet. Null: not known, or nothing to measure. */
export type HistoryPoint =
  & {
    /** Since the epoch. */
    readonly second: number;
  }
  & Readonly<Record<Figure, number | null>>;

/** Whose history is read. */
export type HistoryReplica = Pick<FleetReplica, "field" | "isCurrent">;

/** What is known of one replica, the oldest first. */
interface ReplicaHistory {
  readonly isCurrent: boolean;
  lastId: string;
  points: HistoryPoint[];
}

export class HistoryReader {
  readonly #redis: DashboardRedis;
  readonly #clock: Clock;
  /** By their names as Redis has them. */
  #replicas = new Map<string, ReplicaHistory>();
  #reading: Promise<void> | null = null;

  constructor({ redis, clock }: { readonly redis: DashboardRedis; readonly clock: Clock }) {
    this.#redis = redis;
    this.#clock = clock;
  }

  /**
   * Reads what these replicas have written since the last time, and forgets the others. Rejects with a RedisAwayError.
   */
  refresh(replicas: readonly HistoryReplica[]): Promise<void> {
    // Two at once would take the same entries twice.
    this.#reading ??= this.#refresh(replicas).finally(() => this.#reading = null);
    return this.#reading;
  }

  /**
   * The seconds after this one, of all replicas together, the oldest first; from memory, as of the last
   * {@link refresh}. The newest seconds are left out until every replica that is current has told of them.
   */
  after(second: number): readonly HistoryPoint[] {
    const until = this.#toldByAll();
    const from = Math.max(second + 1, this.#oldestSecond());
    const together = new Map<number, HistoryPoint>();
    for (const { points } of this.#replicas.values()) {
      for (let index = points.length - 1; index >= 0; index--) {
        const point = points[index];
        if (point === undefined || point.second < from) break;
        if (point.second > until) continue;
        const others = together.get(point.second);
        together.set(point.second, others === undefined ? point : combined(others, point));
      }
    }
    return [...together.values()].sort((one, other) => one.second - other.second);
  }

  /** The newest second of one replica, by its name as Redis has it; from memory, as the others. */
  newestOf(field: string): HistoryPoint | null {
    return this.#replicas.get(field)?.points.at(-1) ?? null;
  }

  /** The newest second that every replica has told of that is waited for; there is no bound where none is. */
  #toldByAll(): number {
    const newest = [...this.#replicas.values()]
      .flatMap(({ isCurrent, points }) => isCurrent ? points.at(-1)?.second ?? [] : []);
    const youngest = Math.max(...newest);
    return Math.min(...newest.filter((second) => second >= youngest - LATE_SECONDS));
  }

  async #refresh(replicas: readonly HistoryReplica[]): Promise<void> {
    const oldestSecond = this.#oldestSecond();
    const latestMs = this.#clock.wallMs() + AHEAD_MAX_MS;
    const histories = new Map(
      replicas.map(({ field, isCurrent }): [string, ReplicaHistory] => {
        const { lastId, points } = this.#replicas.get(field) ?? { lastId: "", points: [] };
        return [field, { isCurrent, lastId, points }];
      }),
    );
    if (replicas.length > 0) {
      const answers = await this.#redis.ask((redis) => {
        const commands = redis.multi();
        for (const [name, { lastId }] of histories) {
          const from = lastId === "" ? String(oldestSecond * 1_000) : `(${lastId}`;
          commands.xrange(historyKey(name), from, "+", "COUNT", ENTRIES_MAX);
        }
        return commands.exec();
      });
      [...histories.values()].forEach((history, index) => append(history, answers?.[index]?.[1], latestMs));
    }
    for (const history of histories.values()) {
      history.points = history.points.filter(({ second }) => second >= oldestSecond).slice(-ENTRIES_MAX);
    }
    this.#replicas = histories;
  }

  #oldestSecond(): number {
    return Math.floor(this.#clock.wallMs() / 1_000) - HISTORY_SECONDS;
  }
}

/** @param answer Of XRANGE; none where the key is of another type. */
function append(history: ReplicaHistory, answer: unknown, latestMs: number): void {
  if (!Array.isArray(answer)) return;
  for (const raw of answer) {
    const entry = new StreamEntry(raw);
    if (entry.atMs > latestMs) break;
    const point = readPoint(entry, secondOf(entry.atMs, history.points.at(-1)?.second));
    history.points.push(point);
    history.lastId = entry.id;
  }
}

/**
 * Entries come once a second, but not on the second: one that is some milliseconds late belongs to the second after the
 * last all the same, or a plot would show a gap and a peak where there is neither.
 */
function secondOf(atMs: number, before: number | undefined): number {
  const second = Math.floor(atMs / 1_000);
  if (before === undefined) return second;
  const next = before + Math.max(1, Math.round(atMs / 1_000 - before - 0.5));
  return Math.abs(next * 1_000 - atMs) > DRIFT_MAX_MS ? Math.max(second, before + 1) : next;
}

function readPoint(entry: StreamEntry, second: number): HistoryPoint {
  const point: { second: number } & Partial<Record<Figure, number | null>> = { second };
  for (const name of NAMES) {
    const text = entry.field(FIGURES[name].field);
    const value = text === null || text === "" ? null : Number(text);
    point[name] = isTime(value) ? value : null;
  }
  return point as HistoryPoint;
}

function combined(one: HistoryPoint, other: HistoryPoint): HistoryPoint {
  const point: { second: number } & Partial<Record<Figure, number | null>> = { second: one.second };
  for (const name of NAMES) point[name] = together(FIGURES[name].together, one[name], other[name]);
  return point as HistoryPoint;
}

function together(how: "sum" | "worst", one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return how === "sum" ? one + other : Math.max(one, other);
}
