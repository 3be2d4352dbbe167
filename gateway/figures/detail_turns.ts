/**
 * Whose details are to be written: every shard has its turn, one that says nothing new is passed over, and there
 * are only so many at a time.
 *
 * @module
 */
import type { EventCounts } from "./event_counts.ts";
import type { ShardDetails } from "./store.ts";
import type { ShardProgress, ShardState } from "./watched_shard.ts";

/** Written in one go: a write is not to hold up the store, nor the sockets. */
const SHARDS_PER_TURN = 500;
const TYPES_MAX = 20;
/** Over less than this a rate says nothing. */
const RATE_OVER_MIN_MS = 1_000;

/** One moment: of the wall clock, and of the one to measure with. */
export interface Moment {
  readonly wallMs: number;
  readonly nowMs: number;
}

/** What a shard said last. */
interface Said extends Omit<ShardDetails, "atMs" | "eventsPerSecond" | "rates"> {
  /** When it had its last turn, monotonic. */
  turnAtMs: number;
  /** What {@link host} is of. */
  readonly resumeGatewayUrl: string | null;
  readonly hadEvents: boolean;
}

export class DetailTurns {
  readonly #counts: EventCounts;
  readonly #said = new Map<number, Said>();
  /** Said before all this was due again. */
  #isDue = new Set<number>();
  /** Whose turn is next. */
  #next = 0;

  constructor(counts: EventCounts) {
    this.#counts = counts;
  }

  /** What was said may be gone: every shard says it again. */
  repeatAll(): void {
    this.#isDue = new Set(this.#said.keys());
  }

  /** The details that say something new, of so many shards at most, beginning where this left off. */
  take(
    states: ReadonlyMap<number, ShardState>,
    progressOf: (shard: number) => ShardProgress | undefined,
    moment: Moment,
  ): Map<number, ShardDetails> {
    const details = new Map<number, ShardDetails>();
    const shards = [...states.keys()];
    for (let looked = 0; looked < shards.length && details.size < SHARDS_PER_TURN; looked++) {
      const shard = shards[this.#next % shards.length] ?? 0;
      this.#next = (this.#next + 1) % shards.length;
      const state = states.get(shard);
      const progress = progressOf(shard);
      if (state === undefined || progress === undefined) continue;
      const told = this.#tell(shard, state, progress, moment);
      if (told !== null) details.set(shard, told);
    }
    return details;
  }

  /** Null where there is nothing new. */
  #tell(shard: number, state: ShardState, progress: ShardProgress, moment: Moment): ShardDetails | null {
    const said = this.#said.get(shard);
    // Every event moves the sequence, so nothing is counted where it stands still.
    const isNews = said === undefined || said.hadEvents || this.#isDue.has(shard) ||
      said.received !== progress.sequenceReceived || said.published !== progress.sequencePublished ||
      said.stored !== progress.sequenceStored || said.guilds !== progress.guildCount ||
      said.resumeGatewayUrl !== progress.resumeGatewayUrl ||
      said.sinceMs !== state.sinceMs || said.parked !== state.parked || said.waiting !== state.waitingForTurn;
    if (!isNews) {
      said.turnAtMs = moment.nowMs;
      return null;
    }
    const counted = this.#counts.take(shard);
    // Over which time the first ones came is not known.
    const grown = said === undefined ? [] : counted;
    const overS = Math.max(RATE_OVER_MIN_MS, moment.nowMs - (said?.turnAtMs ?? 0)) / 1_000;
    const { resumeGatewayUrl } = progress;
    const facts = {
      sinceMs: state.sinceMs,
      received: progress.sequenceReceived,
      published: progress.sequencePublished,
      stored: progress.sequenceStored,
      guilds: progress.guildCount,
      host: said?.resumeGatewayUrl === resumeGatewayUrl ? said.host : hostOf(resumeGatewayUrl),
      parked: state.parked,
      waiting: state.waitingForTurn,
    };
    this.#isDue.delete(shard);
    this.#said.set(shard, {
      ...facts,
      resumeGatewayUrl,
      turnAtMs: moment.nowMs,
      hadEvents: grown.length > 0,
    });
    return {
      atMs: moment.wallMs,
      ...facts,
      eventsPerSecond: rate(grown.reduce((sum, [, count]) => sum + count, 0), overS),
      rates: grown.toSorted(([, one], [, other]) => other - one).slice(0, TYPES_MAX)
        .map(([type, count]) => [type, rate(count, overS)] as const)
        .filter(([, perSecond]) => perSecond > 0),
    };
  }
}

/** With two digits. */
function rate(count: number, seconds: number): number {
  return Math.round(count / seconds * 100) / 100;
}

function hostOf(url: string | null): string | null {
  return url === null ? null : URL.parse(url)?.host ?? null;
}
