/**
 * The old sessions of a change of the number of shards, when others take over from them. What they have published in the
 * last seconds is told to those others. What they see afterwards, for some seconds more, is published only where the others
 * have not seen it.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { OutgoingEvent } from "../delivery/publisher.ts";
import { type Digest, digestOf, Overlap } from "./overlap.ts";
import { type EventLane, FORGET_EVERY_MS } from "./rehearsal.ts";

export interface FarewellOptions {
  /** Where events go that are to be published. */
  readonly outbox: EventLane;
  readonly clock: Clock;
  readonly digest: Digest;
  /** What was published so long before others take over is told to them. */
  readonly toldMs: number;
  /** Most bytes that are held back: past it all goes on its way, and some of it comes twice. */
  readonly heldMaxBytes: number;
}

interface Late {
  readonly event: OutgoingEvent;
  readonly digest: string;
}

export class Farewell implements EventLane {
  readonly #options: FarewellOptions;
  #published: { readonly atMs: number; readonly digest: string }[] = [];
  /** What came since it was held back; null while it is not. */
  #late: Late[] | null = null;
  #lateBytes = 0;

  /** From now on what is published is noted. */
  constructor(options: FarewellOptions) {
    this.#options = options;
  }

  accept(event: OutgoingEvent): void {
    const { outbox, clock, digest, toldMs, heldMaxBytes } = this.#options;
    const named = digestOf(event, digest);
    if (this.#late !== null) {
      this.#late.push({ event, digest: named });
      this.#lateBytes += event.body.length;
      if (this.#lateBytes > heldMaxBytes) this.letOn();
      return;
    }
    const atMs = clock.nowMs();
    this.#published.push({ atMs, digest: named });
    if ((this.#published[0]?.atMs ?? atMs) < atMs - toldMs - FORGET_EVERY_MS) this.#forgetOld();
    outbox.accept(event);
  }

  pass(shard: number, session: string, sequence: number): void {
    // Behind what is late nothing may be told to be through; it comes to nothing any more either.
    if (this.#late === null) this.#options.outbox.pass(shard, session, sequence);
  }

  letGo(shard: number, session: string, sequence: number): void {
    this.#options.outbox.letGo(shard, session, sequence);
  }

  /** The shard does not run here any more: whoever runs it gets again what has come late. */
  left(shard: number): void {
    if (this.#late === null) return;
    for (const { event } of this.#late) if (event.shard === shard) event.trace?.end("abandoned");
    this.#late = this.#late.filter(({ event }) => event.shard !== shard);
    this.#lateBytes = this.#late.reduce((sum, { event }) => sum + event.body.length, 0);
  }

  /** Holds back what comes from now on: others may be about to take over. */
  hold(): void {
    if (this.#late !== null) return;
    this.#late = [];
    this.#lateBytes = 0;
  }

  /** Nobody takes over: what was held back is published, and so is what comes. */
  letOn(): void {
    const late = this.#late ?? [];
    this.#late = null;
    for (const { event } of late) this.accept(event);
  }

  /** Digests of what was published in the last seconds. */
  get published(): string[] {
    this.#forgetOld();
    return this.#published.map(({ digest }) => digest);
  }

  /**
   * It is over, and no event comes any more; the last that came should be so old that the others have seen it too, had they
   * ever. Publishes what came late and the others have not seen. Returns how many events that are.
   *
   * @param seen Digests of what they have seen, from the seconds before they took over until now.
   */
  end(seen: Iterable<string>): number {
    const overlap = new Overlap(seen);
    // What was published here they have seen as well, most of it: it is no sign of anything that came later.
    for (const { digest } of this.#published) overlap.match(digest);
    let missing = 0;
    for (const { event, digest } of this.#late ?? []) {
      if (overlap.match(digest)) event.trace?.end("abandoned");
      else {
        missing += 1;
        this.#options.outbox.accept(event);
      }
    }
    this.#late = [];
    return missing;
  }

  #forgetOld(): void {
    const sinceMs = this.#options.clock.nowMs() - this.#options.toldMs;
    this.#published = this.#published.filter(({ atMs }) => atMs >= sinceMs);
  }
}
