/**
 * The new sessions of a change of the number of shards, until they take over. They come up beside the old ones and are not
 * published: the last seconds of each are kept, and what is older is passed, so that its resume point moves on.
 *
 * When they take over they publish what is kept and comes, but for what the old sessions have published already.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { OutgoingEvent } from "../delivery/publisher.ts";
import { type Digest, digestOf, Overlap } from "./overlap.ts";

/** Where a shard's events go. */
export type EventLane = Pick<Outbox, "accept" | "pass" | "letGo">;

export interface RehearsalOptions {
  /** What is to be published goes there, and what is passed. */
  readonly outbox: EventLane;
  readonly clock: Clock;
  readonly digest: Digest;
  /** Of each session the last events are kept for so long. */
  readonly keptMs: number;
  /** Most bytes that are kept of all of them: past it the oldest of the shard go earlier. */
  readonly keptMaxBytes: number;
}

/** By so much a new session may be behind an old one. Anything later that looks like what that has published is another. */
const LATE_MAX_MS = 1_000;
/** What is too old is looked for so often: each time all is copied that is not. */
export const FORGET_EVERY_MS = 1_000;

/** Something that came. */
interface Seen {
  readonly atMs: number;
  readonly digest: string;
  /** It was let go of before its time, and nobody publishes it from here. */
  isPassed: boolean;
}

interface Kept {
  readonly atMs: number;
  readonly session: string;
  readonly sequence: number;
  /** Null: a dispatch that nobody gets. */
  readonly what: { readonly event: OutgoingEvent; readonly seen: Seen } | null;
}

/** They have taken over. */
interface Live {
  /** What the old sessions have published. */
  readonly published: Overlap;
  readonly sinceMs: number;
}

export class Rehearsal implements EventLane {
  readonly #options: RehearsalOptions;
  /** By shard. */
  readonly #kept = new Map<number, Kept[]>();
  #keptBytes = 0;
  /** Nothing grows older than what came then; null: than what came {@link RehearsalOptions.keptMs} ago. */
  #keptFromMs: number | null = null;
  /** Null while nothing is published. */
  #live: Live | null = null;
  /** What was seen, of the last seconds before they took over and of the first seconds since. */
  #seen: Seen[] = [];

  constructor(options: RehearsalOptions) {
    this.#options = options;
  }

  /** Bodies of what is kept. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  accept(event: OutgoingEvent): void {
    const { outbox, clock, digest, keptMs } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#live !== null && nowMs >= this.#live.sinceMs + keptMs) return outbox.accept(event);
    const seen: Seen = { atMs: nowMs, digest: digestOf(event, digest), isPassed: false };
    this.#seen.push(seen);
    if (this.#live !== null) return this.#publish(event, seen, this.#live);
    this.#keptBytes += event.body.length;
    const { shard, session, sequence } = event;
    this.#keptOf(shard).push({ atMs: nowMs, session, sequence, what: { event, seen } });
    this.#letOldGo(shard);
    if ((this.#seen[0]?.atMs ?? Infinity) < this.#keptFrom - FORGET_EVERY_MS) this.#forgetSeen();
  }

  pass(shard: number, session: string, sequence: number): void {
    const kept = this.#kept.get(shard) ?? [];
    if (kept.length === 0) return this.#options.outbox.pass(shard, session, sequence);
    kept.push({ atMs: this.#options.clock.nowMs(), session, sequence, what: null });
  }

  letGo(shard: number, session: string, sequence: number): void {
    this.#options.outbox.letGo(shard, session, sequence);
  }

  /** The shard does not run here any more: whoever runs it gets again what is kept of it. */
  left(shard: number): void {
    for (const { what } of this.#kept.get(shard) ?? []) if (what !== null) this.#drop(what);
    this.#kept.delete(shard);
  }

  /** Whether what is kept by now stays even where it grows old: they are about to take over. */
  keepAll(isKept: boolean): void {
    this.#keptFromMs = isKept ? this.#keptFrom : null;
  }

  /**
   * They take over: what is kept of each is published in its order, and whatever comes, but for what is in `published`.
   *
   * @param published Digests of what the old sessions have published in the last seconds.
   */
  takeOver(published: Iterable<string>): void {
    if (this.#live !== null) return;
    const { clock, outbox } = this.#options;
    const live = { published: new Overlap(published), sinceMs: clock.nowMs() };
    for (const [shard, kept] of this.#kept) {
      this.#letOldGo(shard);
      for (const { session, sequence, what } of kept) {
        if (what === null) outbox.pass(shard, session, sequence);
        else this.#publish(what.event, what.seen, live);
      }
    }
    this.#live = live;
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  /** Digests of what was seen in the last seconds, and since they took over: it need not be published once more. */
  get seen(): string[] {
    this.#forgetSeen();
    return this.#seen.filter(({ isPassed }) => !isPassed).map(({ digest }) => digest);
  }

  #publish(event: OutgoingEvent, { atMs, digest }: Seen, { published, sinceMs }: Live): void {
    const { outbox } = this.#options;
    // Later than that it is something else that looks the same.
    if (atMs > sinceMs + LATE_MAX_MS || !published.match(digest)) return outbox.accept(event);
    event.trace?.end("abandoned");
    outbox.pass(event.shard, event.session, event.sequence);
  }

  /** Passes what is older than what is kept, or more. */
  #letOldGo(shard: number): void {
    const { outbox, keptMaxBytes } = this.#options;
    const kept = this.#keptOf(shard);
    const fromMs = this.#keptFrom;
    let end = 0;
    for (let next; (next = kept[end]) !== undefined;) {
      const { atMs, session, sequence, what } = next;
      if (atMs >= fromMs && this.#keptBytes <= keptMaxBytes && what !== null) break;
      if (what !== null) this.#drop(what);
      outbox.pass(shard, session, sequence);
      end += 1;
    }
    kept.splice(0, end);
  }

  #drop({ event, seen }: NonNullable<Kept["what"]>): void {
    this.#keptBytes -= event.body.length;
    event.trace?.end("abandoned");
    seen.isPassed = true;
  }

  #forgetSeen(): void {
    const fromMs = this.#keptFrom;
    this.#seen = this.#seen.filter(({ atMs }) => atMs >= fromMs);
  }

  get #keptFrom(): number {
    const { clock, keptMs } = this.#options;
    return this.#keptFromMs ?? (this.#live?.sinceMs ?? clock.nowMs()) - keptMs;
  }

  #keptOf(shard: number): Kept[] {
    let kept = this.#kept.get(shard);
    if (kept === undefined) this.#kept.set(shard, kept = []);
    return kept;
  }
}
