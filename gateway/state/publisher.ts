/**
 * Publishes events once the state cache has them.
 *
 * To the outbox it is a publisher like any other. It is open while both are there, the broker and the cache: what is away
 * with Redis waits in the outbox, and in the spool, as it does while the broker is away.
 *
 * @module
 */
import type { Clock } from "../clock.ts";
import type { EventChoice } from "../delivery/event_choice.ts";
import type { OutgoingEvent, Publisher, PublisherEvents, PublishOutcome } from "../delivery/publisher.ts";
import { failureText } from "../failure.ts";
import type { Observer } from "../observation.ts";
import { joined } from "./fields.ts";
import type { StatePlan } from "./plan.ts";
import type { StateStore, WrittenShard } from "./store.ts";
import type { Old, StateWriter, Writing } from "./writer.ts";

export interface StatePublisherOptions {
  readonly publisher: Publisher;
  readonly store: StateStore;
  readonly plan: StatePlan;
  readonly writer: StateWriter;
  /** What is kept in the cache alone, because nobody wants it published. */
  readonly choice: EventChoice;
  /** Whether events wait while the store is away. */
  readonly isStrict: boolean;
  /** Whether this process runs the shard. What it has left of others passes the cache by: who runs them has written more. */
  readonly isOurs: (shard: number) => boolean;
  readonly clock: Clock;
  readonly observe: Observer;
  /** The cache had one event so long after it was asked. Not an observation, which costs more than this may. */
  readonly written: (tookMs: number) => void;
}

/** An event between the cache and the broker. */
interface Item {
  readonly event: OutgoingEvent;
  readonly settled: (outcome: PublishOutcome) => void;
  /** What goes to the broker; null while the cache has not got it. */
  outgoing: OutgoingEvent | null;
  /** The next of its shard. */
  behind: Item | null;
}

/** A shard's events, in order: a chain, for it may become long, and is taken from at its head. */
interface Lane {
  first: Item | null;
  last: Item | null;
  /** The first that has not been handed to the cache. */
  next: Item | null;
  /** One of them is written in pieces: those behind it wait. */
  isBusy: boolean;
}

/** How far a session is in the cache, for what is published again because broker, cache or process went away. */
interface Written {
  sequence: number;
  /** How far it will be, once the store has answered what it was asked. */
  askedSequence: number;
  /** Sequence → what was kept before, of events that are not confirmed yet. */
  readonly olds: Map<number, Uint8Array>;
}

/** Of a shard, the session there is, and those before it that may still have something on the way. */
const SESSIONS_KEPT = 16;

const OLD_NAME = new TextEncoder().encode(',"old":');
const CLOSE_BRACE = 0x7d;

export class StatePublisher implements Publisher {
  readonly #options: StatePublisherOptions;
  #events: PublisherEvents | null = null;
  #isBrokerOpen = false;
  #isStoreOpen = false;
  #isOpen = false;
  #isClosed = false;
  /** Anew with each opening: what an earlier one still does is nobody's any more. */
  #lanes = new Map<number, Lane>();
  /** Shard → session → what of it is in the cache; the newest session last. */
  readonly #written = new Map<number, Map<string, Written>>();
  /** Counts how often the store went away: what it was asked before, it does not answer. */
  #storeLosses = 0;
  /** Events that the store has been asked for and has not answered. */
  #unanswered = 0;
  /** Guilds of which an event has passed the cache by, until the store has marked them. */
  readonly #passedBy = new Set<string>();
  #isUnfilledTold = false;
  #whenStoreLost: (() => void)[] = [];
  /** The broker has refused a larger body. */
  #bodyMaxBytes = Infinity;

  constructor(options: StatePublisherOptions) {
    this.#options = options;
  }

  start(events: PublisherEvents): void {
    if (this.#isClosed) return;
    const { publisher, store, plan, observe } = this.#options;
    this.#events = events;
    publisher.start({
      opened: () => {
        this.#isBrokerOpen = true;
        this.#update(null);
      },
      closed: (refusal) => {
        this.#isBrokerOpen = false;
        if (refusal !== null) this.#bodyMaxBytes = refusal.bodyMaxBytes;
        this.#update(refusal);
      },
    });
    store.start({
      opened: ({ botId, written }) => {
        this.#isStoreOpen = true;
        this.#isUnfilledTold = false;
        plan.botId = botId ?? plan.botId;
        observe({ kind: "state.opened" });
        this.#learn(written, [...this.#written.keys(), ...written.map(({ shard }) => shard)]);
        this.#markPassedBy();
        this.#update(null);
      },
      closed: () => {
        this.#isStoreOpen = false;
        for (const resolve of this.#whenStoreLost.splice(0)) resolve();
        this.#abandonWriting();
        observe({ kind: "state.closed" });
        this.#update(null);
        if (this.#isOpen) this.#passByStore();
      },
    });
  }

  /**
   * Other processes have run these shards: what they wrote is not to be written again. Resolves when it is known, or where
   * the store is away: it is when that is back.
   */
  async learn(shards: readonly number[]): Promise<void> {
    if (!this.#isStoreOpen) return;
    const lost = new Promise<void>((resolve) => this.#whenStoreLost.push(resolve));
    const learnt = this.#options.store.written(shards).then((told) => this.#learn(told, shards));
    await Promise.race([learnt, lost]);
  }

  /** Sessions, by shard, that begin to be published in the middle: the cache has what came before from others. */
  adopt(sessions: ReadonlyMap<number, string>): void {
    for (const [shard, session] of sessions) this.#writtenBy(shard, session);
  }

  publish(event: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    if (!this.#isOpen) throw new Error(`Cannot publish ${event.type}: the broker or the state cache is away`);
    let lane = this.#lanes.get(event.shard);
    if (lane === undefined) {
      lane = { first: null, last: null, next: null, isBusy: false };
      this.#lanes.set(event.shard, lane);
    }
    const item: Item = { event, settled, outgoing: null, behind: null };
    if (lane.last === null) lane.first = item;
    else lane.last.behind = item;
    lane.last = item;
    lane.next ??= item;
    this.#begin(lane);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#events = null;
    this.#isOpen = false;
    this.#lanes = new Map();
    this.#abandonWriting();
    await Promise.all([this.#options.publisher.close(), this.#options.store.close()]);
  }

  #update(refusal: { readonly bodyMaxBytes: number } | null): void {
    if (this.#isClosed) return;
    const isThere = this.#isBrokerOpen && (this.#isStoreOpen || !this.#options.isStrict);
    // What an earlier opening has asked of the store is written first: it comes again, and is not to be written twice.
    const isOpen = isThere && (this.#isOpen || this.#unanswered === 0);
    if (isOpen === this.#isOpen) return;
    this.#isOpen = isOpen;
    this.#lanes = new Map();
    if (isOpen) this.#events?.opened();
    else this.#events?.closed(refusal);
  }

  /** What the store was asked may be there or not: where it comes again, it is asked again. */
  #abandonWriting(): void {
    this.#storeLosses += 1;
    this.#unanswered = 0;
    for (const sessions of this.#written.values()) {
      for (const written of sessions.values()) written.askedSequence = written.sequence;
    }
    this.#options.writer.abandon();
  }

  /** What the store was asked, it does not answer any more: it goes on without. */
  #passByStore(): void {
    for (const lane of [...this.#lanes.values()]) {
      lane.isBusy = false;
      const waiting: Item[] = [];
      for (let item = lane.first; item !== null && item !== lane.next; item = item.behind) {
        if (item.outgoing === null) waiting.push(item);
      }
      for (const item of waiting) this.#passBy(lane, item);
      this.#begin(lane);
    }
  }

  /** Hands what waits to the cache, as far as it may. */
  #begin(lane: Lane): void {
    for (let item; !lane.isBusy && (item = lane.next) !== null;) {
      lane.next = item.behind;
      if (this.#isWritten(item.event)) {
        const { shard, session, sequence } = item.event;
        this.#through(lane, item, this.#written.get(shard)?.get(session)?.olds.get(sequence) ?? null);
      } else if (!this.#options.isOurs(item.event.shard)) this.#through(lane, item, null);
      else if (this.#isStoreOpen) this.#write(lane, item);
      else this.#passBy(lane, item);
    }
  }

  #passBy(lane: Lane, item: Item): void {
    const { type, body } = item.event;
    for (const guild of this.#options.plan.guildsOfEvent(type, body)) this.#passedBy.add(guild);
    this.#through(lane, item, null);
  }

  /** Before anything else is asked: what is written from now on may be what takes the mark away. */
  #markPassedBy(): void {
    const guilds = [...this.#passedBy];
    this.#options.writer.markBehind(guilds).then(() => {
      for (const guild of guilds) this.#passedBy.delete(guild);
    }, (error: unknown) => this.#options.observe({ kind: "state.refused", error: failureText(error) }));
  }

  #write(lane: Lane, item: Item): void {
    const { clock } = this.#options;
    const { event } = item;
    const startMs = clock.nowMs();
    this.#writtenOf(event).askedSequence = event.sequence;
    const writing = this.#writingOf(event);
    if (writing.kind === "nothing") return this.#through(lane, item, null);
    const isLarge = writing.kind === "large";
    const storeLosses = this.#storeLosses;
    lane.isBusy = isLarge;
    this.#unanswered += 1;
    const answered = (old: Old) => {
      this.#unanswered -= 1;
      this.#remember(event, old);
      if (this.#lanes.get(event.shard) !== lane) return this.#update(null);
      if (isLarge) lane.isBusy = false;
      this.#through(lane, item, old);
      this.#begin(lane);
    };
    writing.done.then((old) => {
      if (storeLosses !== this.#storeLosses) return;
      this.#options.written(clock.nowMs() - startMs);
      answered(old);
    }, (error: unknown) => {
      if (storeLosses !== this.#storeLosses) return;
      this.#failed(event, error);
      answered(null);
    });
  }

  #writingOf(event: OutgoingEvent): Writing {
    try {
      return this.#options.writer.write(event.type, event.body, () => this.#askedOf(event.shard));
    } catch (error) {
      this.#failed(event, error);
      return { kind: "nothing" };
    }
  }

  /** A fault of ours: the store keeps what it cannot do to itself. */
  #failed({ type }: OutgoingEvent, error: unknown): void {
    this.#options.observe({ kind: "state.failed", type, error: failureText(error) });
  }

  #remember(event: OutgoingEvent, old: Old): void {
    const { sequence } = event;
    const written = this.#writtenOf(event);
    written.sequence = Math.max(written.sequence, sequence);
    if (old !== null) written.olds.set(sequence, old);
  }

  #writtenOf({ shard, session, type }: OutgoingEvent): Written {
    const isKnown = this.#written.get(shard)?.has(session) === true;
    if (!isKnown && type !== "READY") this.#tellUnfilled(shard);
    return this.#writtenBy(shard, session);
  }

  #writtenBy(shard: number, session: string): Written {
    let sessions = this.#written.get(shard);
    if (sessions === undefined) {
      sessions = new Map();
      this.#written.set(shard, sessions);
    }
    let written = sessions.get(session);
    if (written === undefined) {
      written = { sequence: 0, askedSequence: 0, olds: new Map() };
      sessions.set(session, written);
      const [oldest] = sessions.keys();
      if (sessions.size > SESSIONS_KEPT && oldest !== undefined) sessions.delete(oldest);
    }
    return written;
  }

  /** Up to its place in its session, or by what a later session began with. */
  #isWritten({ shard, session, sequence }: OutgoingEvent): boolean {
    let isBehind = false;
    for (const [id, written] of this.#written.get(shard) ?? []) {
      if (id === session) {
        if (sequence <= written.sequence) return true;
        isBehind = true;
      } else if (isBehind && written.sequence > 0) return true;
    }
    return false;
  }

  /** The cache has not seen a session begin, or has lost what it had of it. */
  #tellUnfilled(shard: number): void {
    if (this.#isUnfilledTold) return;
    this.#isUnfilledTold = true;
    this.#options.observe({ kind: "state.unfilled", shard });
  }

  /** How far the sessions of a shard will be in the cache, once all that it was asked is answered. */
  #askedOf(shard: number): WrittenShard {
    const sessions: { id: string; sequence: number }[] = [];
    for (const [id, { askedSequence }] of this.#written.get(shard) ?? []) {
      sessions.push({ id, sequence: askedSequence });
    }
    return { shard, sessions };
  }

  /**
   * What is written is what the store says when it opens: another process may have written more, and where it says less
   * than this one has heard, it has been emptied or set back since.
   */
  #learn(told: readonly WrittenShard[], shards: readonly number[]): void {
    const sessionsTold = new Map(told.map(({ shard, sessions }) => [shard, sessions]));
    for (const shard of new Set(shards)) {
      const known = this.#written.get(shard) ?? new Map<string, Written>();
      const sequences = new Map(sessionsTold.get(shard)?.map(({ id, sequence }) => [id, sequence]));
      let isLost = false;
      // What this process does not know of is newer: another has had the shard since.
      const sessions = [...new Set([...known.keys(), ...sequences.keys()])].map((id): [string, Written] => {
        const written = known.get(id);
        const sequence = sequences.get(id) ?? 0;
        isLost ||= written !== undefined && sequence < written.sequence;
        return [id, { sequence, askedSequence: sequence, olds: written?.olds ?? new Map() }];
      });
      this.#written.set(shard, new Map(sessions));
      if (isLost) this.#tellUnfilled(shard);
    }
  }

  /** The cache has it: it goes to the broker behind all before it. */
  #through(lane: Lane, item: Item, old: Old): void {
    item.outgoing = this.#withOld(item.event, old);
    for (let first; (first = lane.first) !== null && first.outgoing !== null;) {
      lane.first = first.behind;
      if (lane.first === null) lane.last = null;
      this.#publish(first.event, first.outgoing, first.settled);
    }
  }

  /** Without it where the broker would not take so much. */
  #withOld(event: OutgoingEvent, old: Old): OutgoingEvent {
    if (old === null) return event;
    const body = withOld(event.body, old);
    return body.length > this.#bodyMaxBytes ? event : { ...event, body };
  }

  #publish(event: OutgoingEvent, outgoing: OutgoingEvent, settled: (outcome: PublishOutcome) => void): void {
    const { choice, publisher } = this.#options;
    const { shard, session, sequence } = event; // not the event, which would keep its body for as long
    const forget = () => this.#written.get(shard)?.get(session)?.olds.delete(sequence);
    if (!choice.isWanted(event.type)) {
      forget();
      return settled("filtered");
    }
    const lanes = this.#lanes;
    publisher.publish(outgoing, (outcome) => {
      // The broker may go on where the store went away: what is on its way to it then comes again.
      if (lanes !== this.#lanes) return;
      if (outcome === "confirmed") forget();
      settled(outcome);
    });
  }
}

/** The payload with one member more at its end; as it came where it is no object. */
function withOld(body: Uint8Array, old: Uint8Array): Uint8Array {
  const end = body.lastIndexOf(CLOSE_BRACE);
  if (end === -1) return body;
  return joined([body.subarray(0, end), OLD_NAME, old, body.subarray(end)]);
}
