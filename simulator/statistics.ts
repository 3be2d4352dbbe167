/**
 * What the simulator has seen of its clients: counts, happenings, commands and messages, each list with a
 * bound.
 *
 * @module
 */

import type { InteractionAnswer } from "./interactions.ts";

/** Something that happened to a connection or session. */
export interface Happening {
  readonly atMs: number;
  readonly kind:
    | "connected"
    | "refused"
    | "identified"
    | "identify-refused"
    | "resumed"
    | "resume-refused"
    | "closed-by-server"
    | "closed-by-client"
    | "session-ended";
  /** Number of the connection, counted from 1. */
  readonly connection?: number;
  readonly url?: "main" | "resume";
  readonly shard?: number;
  readonly session?: string;
  /** The close code, where there is one; 1005 for an empty close frame, 1006 for none. */
  readonly code?: number;
  /** Why, in words. */
  readonly cause?: string;
}

/** A frame other than a heartbeat, IDENTIFY or RESUME that a client sent. */
export interface ReceivedCommand {
  readonly atMs: number;
  readonly shard: number;
  readonly session: string;
  readonly op: number;
  /** The very text of the frame. */
  readonly text: string;
}

/** A message that came in through REST. */
export interface ReceivedMessage {
  readonly atMs: number;
  readonly channelId: string;
  readonly body: unknown;
}

/** How many happenings, commands and messages are kept; older ones are forgotten. */
const KEPT_MAX = 10_000;

/** A list that forgets its front. */
class RecentList<Item> {
  readonly #items: Item[] = [];

  add(item: Item): void {
    this.#items.push(item);
    if (this.#items.length > 2 * KEPT_MAX) this.#items.splice(0, this.#items.length - KEPT_MAX);
  }

  list(): readonly Item[] {
    return this.#items.slice(-KEPT_MAX);
  }
}

/** Counts how often each of some keys came. */
export type Tally = Record<string, number>;

export function count(tally: Tally, key: string | number): void {
  tally[key] = (tally[key] ?? 0) + 1;
}

/** What has happened so far, for tests and for curious people. */
export class Statistics {
  /** How often each kind of {@link Happening} happened. */
  readonly happenings: Tally = {};
  readonly closeCodesSent: Tally = {};
  readonly closeCodesReceived: Tally = {};
  readonly identifiesByShard: Tally = {};
  readonly resumesByShard: Tally = {};
  /** RESUMEs that came by the main URL, and fresh connections' IDENTIFYs that came by the resume URL. */
  readonly wrongUrl = { resumesOnMain: 0, identifiesOnResume: 0 };
  readonly restResponses: Tally = {};
  /** Answers of 401, 403 and 429 (except of scope `shared`): 10,000 in ten minutes get an address banned. */
  invalidRestResponses = 0;
  heartbeatsReceived = 0;
  framesReceived = 0;
  /** Events drawn from the world, whether or not a session wanted them. */
  eventsGenerated = 0;
  /** Numbered payloads created in sessions. */
  dispatchesCreated = 0;
  /** How often something changed, whether or not anybody watched. */
  changes = 0;

  readonly #history = new RecentList<Happening>();
  readonly #commands = new RecentList<ReceivedCommand>();
  readonly #messages = new RecentList<ReceivedMessage>();
  readonly #interactionAnswers = new RecentList<InteractionAnswer>();
  readonly #watchers = new Set<() => void>();
  #waking = false;

  note(happening: Happening): void {
    count(this.happenings, happening.kind);
    const { kind, code, shard } = happening;
    if (kind === "closed-by-server" && code !== undefined) count(this.closeCodesSent, code);
    if (kind === "closed-by-client" && code !== undefined) count(this.closeCodesReceived, code);
    if (kind === "identified" && shard !== undefined) count(this.identifiesByShard, shard);
    if (kind === "resumed" && shard !== undefined) count(this.resumesByShard, shard);
    this.#history.add(happening);
    this.changed();
  }

  noteCommand(command: ReceivedCommand): void {
    this.#commands.add(command);
    this.changed();
  }

  noteMessage(message: ReceivedMessage): void {
    this.#messages.add(message);
    this.changed();
  }

  noteInteractionAnswer(answer: InteractionAnswer): void {
    this.#interactionAnswers.add(answer);
    this.changed();
  }

  history(): readonly Happening[] {
    return this.#history.list();
  }

  commands(): readonly ReceivedCommand[] {
    return this.#commands.list();
  }

  messages(): readonly ReceivedMessage[] {
    return this.#messages.list();
  }

  interactionAnswers(): readonly InteractionAnswer[] {
    return this.#interactionAnswers.list();
  }

  /**
   * Calls back after whatever changes here, until the returned function is called. It is called when what caused the change
   * is done, so that it sees everything in its new state.
   */
  watch(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => this.#watchers.delete(callback);
  }

  /** Tells the watchers that something changed that is counted elsewhere. */
  changed(): void {
    this.changes++;
    if (this.#waking || this.#watchers.size === 0) return;
    this.#waking = true;
    queueMicrotask(() => {
      this.#waking = false;
      for (const callback of [...this.#watchers]) callback();
    });
  }
}
