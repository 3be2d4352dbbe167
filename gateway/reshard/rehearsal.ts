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

/** What is too old is looked for so often: each time all is copied that is not. */
export const FORGET_EVERY_MS = 1_000;

interface Kept {
  readonly atMs: number;
  readonly session: string;
  readonly sequence: number;
  /** Null: a dispatch that nobody gets. */
  readonly event: OutgoingEvent | null;
}

/** They have taken over. */
interface Live {
  /** What the old sessions have published. */
  readonly published: Overlap;
  readonly sinceMs: number;
  /** Later than that nothing is looked for in it any more. */
  readonly untilMs: number;
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
  #seen: { readonly atMs: number; readonly digest: string }[] = [];

  constructor(options: RehearsalOptions) {
    this.#options = options;
  }

  /** Bodies of what is kept. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  accept(event: OutgoingEvent): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#live !== null && nowMs >= this.#live.untilMs) return this.#options.outbox.accept(event);
    const digest = digestOf(event, this.#options.digest);
    this.#seen.push({ atMs: nowMs, digest });
    if (this.#live !== null) return this.#publish(this.#live, event, digest);
    this.#keptBytes += event.body.length;
    const { shard, session, sequence } = event;
    this.#keptOf(shard).push({ atMs: nowMs, session, sequence, event });
    this.#letOldGo(shard);
    if ((this.#seen[0]?.atMs ?? Infinity) < this.#keptFrom - FORGET_EVERY_MS) this.#forgetSeen();
  }

  pass(shard: number, session: string, sequence: number): void {
    const kept = this.#kept.get(shard) ?? [];
    if (kept.length === 0) return this.#options.outbox.pass(shard, session, sequence);
    kept.push({ atMs: this.#options.clock.nowMs(), session, sequence, event: null });
  }

  letGo(shard: number, session: string, sequence: number): void {
    this.#options.outbox.letGo(shard, session, sequence);
  }

  /** The shard does not run here any more: whoever runs it gets again what is kept of it. */
  left(shard: number): void {
    for (const { event } of this.#kept.get(shard) ?? []) {
      event?.trace?.end("abandoned");
      this.#keptBytes -= event?.body.length ?? 0;
    }
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
    const { clock, keptMs, digest, outbox } = this.#options;
    const sinceMs = clock.nowMs();
    const live: Live = { published: new Overlap(published), sinceMs, untilMs: sinceMs + keptMs };
    for (const [shard, kept] of this.#kept) {
      this.#letOldGo(shard);
      for (const { session, sequence, event } of kept) {
        if (event === null) outbox.pass(shard, session, sequence);
        else this.#publish(live, event, digestOf(event, digest));
      }
    }
    this.#live = live;
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  /** Digests of what was seen in the last seconds, and since they took over: it need not be published once more. */
  get seen(): string[] {
    this.#forgetSeen();
    return this.#seen.map(({ digest }) => digest);
  }

  #publish({ published }: Live, event: OutgoingEvent, digest: string): void {
    const { outbox } = this.#options;
    if (!published.match(digest)) return outbox.accept(event);
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
      const isOld = next.atMs < fromMs || this.#keptBytes > keptMaxBytes || next.event === null;
      if (!isOld) break;
      this.#keptBytes -= next.event?.body.length ?? 0;
      next.event?.trace?.end("abandoned");
      outbox.pass(shard, next.session, next.sequence);
      end += 1;
    }
    kept.splice(0, end);
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
