/**
 * The new sessions of a change of the number of shards, until they take over. They come up beside the old ones and are not
 * published: the last seconds of each are kept, and what is older is passed, so that its resume point moves on.
 *
 * A shard that takes over publishes what is kept and comes, but for what the old sessions have published already.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { Outbox } from "../delivery/outbox.ts";
import type { OutgoingEvent } from "../delivery/publisher.ts";
import { type Digest, digestOf, type Overlap } from "./overlap.ts";

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

interface Kept {
  readonly atMs: number;
  readonly session: string;
  readonly sequence: number;
  /** Null: a dispatch that nobody gets. */
  readonly event: OutgoingEvent | null;
}

/** A shard that has taken over. */
interface Live {
  /** What the old sessions have published. */
  readonly published: Overlap;
  /** Later than that nothing is looked for in it any more. */
  readonly untilMs: number;
}

interface RehearsedShard {
  kept: Kept[];
  /** Null while it does not publish. */
  live: Live | null;
}

export class Rehearsal implements EventLane {
  readonly #options: RehearsalOptions;
  readonly #shards = new Map<number, RehearsedShard>();
  #keptBytes = 0;
  #isAnyLive = false;
  /** What was seen, of the last seconds before the first shard took over and of all time since. */
  #seen: { readonly atMs: number; readonly digest: string }[] = [];

  constructor(options: RehearsalOptions) {
    this.#options = options;
  }

  /** Bodies of what is kept. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  accept(event: OutgoingEvent): void {
    const rehearsed = this.#shard(event.shard);
    const nowMs = this.#options.clock.nowMs();
    const { live } = rehearsed;
    if (live !== null && nowMs >= live.untilMs) return this.#options.outbox.accept(event);
    const digest = digestOf(event, this.#options.digest);
    this.#seen.push({ atMs: nowMs, digest });
    if (live !== null) return this.#publish(live, event, digest);
    this.#keptBytes += event.body.length;
    const { shard, session, sequence } = event;
    rehearsed.kept.push({ atMs: nowMs, session, sequence, event });
    this.#letOldGo(shard, rehearsed, nowMs);
  }

  pass(shard: number, session: string, sequence: number): void {
    const rehearsed = this.#shard(shard);
    if (rehearsed.live !== null || rehearsed.kept.length === 0) {
      return this.#options.outbox.pass(shard, session, sequence);
    }
    rehearsed.kept.push({ atMs: this.#options.clock.nowMs(), session, sequence, event: null });
  }

  letGo(shard: number, session: string, sequence: number): void {
    this.#options.outbox.letGo(shard, session, sequence);
  }

  /**
   * The shard takes over: what is kept of it is published in its order, and whatever comes, but for what is in `published`.
   *
   * @param published What the old sessions have published in the last seconds. Shared by all shards that take over.
   */
  takeOver(shard: number, published: Overlap): void {
    const rehearsed = this.#shard(shard);
    if (rehearsed.live !== null) return;
    const { clock, keptMs, digest, outbox } = this.#options;
    const nowMs = clock.nowMs();
    this.#letOldGo(shard, rehearsed, nowMs);
    rehearsed.live = { published, untilMs: nowMs + keptMs };
    this.#isAnyLive = true;
    for (const { session, sequence, event } of rehearsed.kept) {
      if (event === null) outbox.pass(shard, session, sequence);
      else {
        this.#keptBytes -= event.body.length;
        this.#publish(rehearsed.live, event, digestOf(event, digest));
      }
    }
    rehearsed.kept = [];
  }

  /** Digests of what was seen since then, by the monotonic clock: published by whomever, it need not be once more. */
  seenSince(sinceMs: number): string[] {
    return this.#seen.filter(({ atMs }) => atMs >= sinceMs).map(({ digest }) => digest);
  }

  #publish({ published }: Live, event: OutgoingEvent, digest: string): void {
    const { outbox } = this.#options;
    if (published.match(digest)) outbox.pass(event.shard, event.session, event.sequence);
    else outbox.accept(event);
  }

  /** Passes what is older than what is kept, or more. */
  #letOldGo(shard: number, rehearsed: RehearsedShard, nowMs: number): void {
    const { outbox, keptMs, keptMaxBytes } = this.#options;
    const { kept } = rehearsed;
    let end = 0;
    for (let next; (next = kept[end]) !== undefined;) {
      const isOld = next.atMs < nowMs - keptMs || this.#keptBytes > keptMaxBytes || next.event === null;
      if (!isOld) break;
      this.#keptBytes -= next.event?.body.length ?? 0;
      outbox.pass(shard, next.session, next.sequence);
      end += 1;
    }
    kept.splice(0, end);
    if (this.#isAnyLive) return;
    let seenBefore = 0;
    while ((this.#seen[seenBefore]?.atMs ?? Infinity) < nowMs - keptMs) seenBefore += 1;
    if (seenBefore > 0) this.#seen.splice(0, seenBefore);
  }

  #shard(shard: number): RehearsedShard {
    let rehearsed = this.#shards.get(shard);
    if (rehearsed === undefined) this.#shards.set(shard, rehearsed = { kept: [], live: null });
    return rehearsed;
  }
}
