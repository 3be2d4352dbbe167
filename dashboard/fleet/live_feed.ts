/**
 * Keeps open pages live: looks at what they show once a second, while anybody listens, and tells all of them what has
 * changed. However many pages are open, each thing is looked at once.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { failureText } from "../../gateway/failure.ts";
import { RedisAwayError } from "../redis.ts";

const LOOK_EVERY_MS = 1_000;
/**
 * Whoever has so much waiting does not read. What is waiting counts, and not how large the next message is: a change of
 * the whole fleet is one of half a megabyte, and the very one that must be told. So a listener holds this and one message
 * more at most, and a message is bounded by its topic: by the most shards that there can be. One that goes to all is
 * the same bytes for all.
 */
const WAITING_MAX_BYTES = 512 * 1024;
const LISTENERS_MAX = 200;
/** How long somebody whose sign-in has ended goes on hearing, at most. */
const WELCOME_EVERY_MS = 15_000;
/** After which a browser that has lost the stream asks for it again. */
const RECONNECT_AFTER_MS = 2_000;

/** Something that pages show. */
export interface Topic {
  /** Those of the same key are one, looked at once. */
  readonly key: string;
  /** Kind of the message, by which islands hear it. */
  readonly event: string;
  /** Whether it is Redis that a {@link read} asks: no other can tell that Redis is back. */
  readonly readsRedis: boolean;
  /** What there is to tell now, as plain data. It is told when its JSON is not that of the last time. */
  read(): Promise<unknown>;
  /**
   * What whoever joins is told first, right after a {@link read}; where there is no such function, what was read.
   *
   * @param sinceMs When their page was made, or last heard; null where they do not say.
   */
  join?(sinceMs: number | null): unknown;
}

export interface ListenerOptions {
  readonly sinceMs: number | null;
  /** Asked now and then: whether they may still hear. */
  readonly isWelcome: () => Promise<boolean>;
}

/** A topic while somebody listens to it. */
interface Watched {
  readonly topic: Topic;
  readonly listeners: Set<Listener>;
  /** What was told last; null before that. */
  lastJson: string | null;
  isLooking: boolean;
  /** One line for a topic that fails, however often it does. */
  isFailureTold: boolean;
}

interface Listener {
  readonly options: ListenerOptions;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** Those of which they have heard nothing yet. */
  readonly joining: Set<Watched>;
  welcomeAtMs: number;
}

const encoder = new TextEncoder();
const ALIVE = message("alive", "0");

export interface LiveFeedOptions {
  readonly clock: Clock;
  /** Hears why a topic cannot be looked at, once until it can. */
  readonly warn: (message: string) => void;
}

export class LiveFeed {
  readonly #clock: Clock;
  readonly #warn: (message: string) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #listeners = new Set<Listener>();
  #cancelTimer: (() => void) | null = null;
  /** Whether Redis could not be reached when it was last asked. */
  #isAway = false;
  #isStopped = false;

  constructor({ clock, warn }: LiveFeedOptions) {
    this.#clock = clock;
    this.#warn = warn;
  }

  /**
   * A stream of server-sent events for one page: `alive` every second; `away`, true or false, when Redis goes and
   * comes; and each topic's own. It ends when they are no longer welcome, and breaks when they do not read.
   *
   * @returns null where too many listen already, or this has stopped.
   */
  stream(topics: readonly Topic[], options: ListenerOptions): ReadableStream<Uint8Array> | null {
    if (this.#isStopped || this.#listeners.size >= LISTENERS_MAX) return null;
    let leave = () => {};
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        const welcomeAtMs = this.#clock.nowMs() + WELCOME_EVERY_MS;
        const listener: Listener = { options, controller, joining: new Set(), welcomeAtMs };
        leave = () => this.#leave(listener);
        this.#join(listener, topics);
      },
      cancel: () => leave(),
    }, new ByteLengthQueuingStrategy({ highWaterMark: WAITING_MAX_BYTES }));
  }

  /** How many listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Ends all streams. Safe twice. */
  stop(): void {
    this.#isStopped = true;
    for (const listener of this.#listeners) this.#end(listener);
  }

  #join(listener: Listener, topics: readonly Topic[]): void {
    this.#listeners.add(listener);
    this.#tell(listener, encoder.encode(`retry: ${RECONNECT_AFTER_MS}\n\n`));
    this.#tell(listener, ALIVE);
    if (this.#isAway) this.#tell(listener, message("away", "true"));
    for (const topic of topics) {
      const watched = this.#watched.get(topic.key) ?? {
        topic,
        listeners: new Set(),
        lastJson: null,
        isLooking: false,
        isFailureTold: false,
      };
      this.#watched.set(topic.key, watched);
      watched.listeners.add(listener);
      listener.joining.add(watched);
      void this.#look(watched);
    }
    if (this.#cancelTimer === null) this.#schedule(this.#clock.nowMs() + LOOK_EVERY_MS);
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    for (const [key, watched] of this.#watched) {
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0) this.#watched.delete(key);
    }
    if (this.#listeners.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #end(listener: Listener): void {
    this.#leave(listener);
    listener.controller.close();
  }

  #schedule(atMs: number): void {
    this.#cancelTimer = this.#clock.schedule(atMs, () => {
      // A late turn is not caught up.
      this.#schedule(Math.max(atMs + LOOK_EVERY_MS, this.#clock.nowMs()));
      for (const listener of this.#listeners) {
        this.#tell(listener, ALIVE);
        this.#checkWelcome(listener);
      }
      for (const watched of this.#watched.values()) void this.#look(watched);
    });
  }

  /** Never rejects. */
  async #look(watched: Watched): Promise<void> {
    if (watched.isLooking) return;
    watched.isLooking = true;
    const { topic } = watched;
    try {
      const json = JSON.stringify(await topic.read());
      watched.isFailureTold = false;
      if (topic.readsRedis) this.#setAway(false);
      this.#deliver(watched, json);
    } catch (error) {
      if (error instanceof RedisAwayError) this.#setAway(true);
      else if (!watched.isFailureTold) {
        watched.isFailureTold = true;
        this.#warn(`Cannot keep pages live (${topic.key}): ${failureText(error)}`);
      }
    } finally {
      watched.isLooking = false;
    }
  }

  #deliver(watched: Watched, json: string): void {
    const { topic, listeners } = watched;
    const id = this.#clock.wallMs();
    const isNew = json !== watched.lastJson;
    watched.lastJson = json;
    const shared = isNew ? message(topic.event, json, id) : null;
    for (const listener of listeners) {
      if (!listener.joining.delete(watched)) {
        if (shared !== null) this.#tell(listener, shared);
      } else {
        const first = topic.join?.(listener.options.sinceMs);
        this.#tell(
          listener,
          message(topic.event, first === undefined ? json : JSON.stringify(first), id),
        );
      }
    }
  }

  #setAway(isAway: boolean): void {
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    const bytes = message("away", String(isAway));
    for (const listener of this.#listeners) this.#tell(listener, bytes);
  }

  #tell(listener: Listener, bytes: Uint8Array): void {
    if (!this.#listeners.has(listener)) return;
    if ((listener.controller.desiredSize ?? 0) > 0) return listener.controller.enqueue(bytes);
    this.#leave(listener);
    listener.controller.error(new Error("Cannot keep a page live: it does not read"));
  }

  #checkWelcome(listener: Listener): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < listener.welcomeAtMs) return;
    listener.welcomeAtMs = nowMs + WELCOME_EVERY_MS;
    listener.options.isWelcome().then(
      (isWelcome) => {
        if (!isWelcome && this.#listeners.has(listener)) this.#end(listener);
      },
      // Whoever cannot be asked about now is asked about again.
      () => {},
    );
  }
}

/** @param id What a browser says that it heard last, when it comes back. */
function message(event: string, json: string, id?: number): Uint8Array {
  const head = id === undefined ? `event: ${event}` : `event: ${event}\nid: ${id}`;
  return encoder.encode(`${head}\ndata: ${json}\n\n`);
}
