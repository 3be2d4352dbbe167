/**
 * What may be sent on one connection, and when: Discord's limits on client frames, with room kept for
 * heartbeats.
 *
 * @module
 */
import { SlidingWindow } from "./sliding_window.ts";

/** 120 frames per 60 s and connection (Discord gateway docs, Rate Limiting). */
const FRAMES_PER_WINDOW = 120;
/** The documented minute, and two seconds for frames that were slow on their way while later ones were not. */
const FRAMES_WINDOW_MS = 62_000;
/** Five presence updates per 20 s; more are silently dropped by Discord (gateway docs, Update Presence). */
const PRESENCES_PER_WINDOW = 5;
/** The documented 20 s, and one for the way. */
const PRESENCES_WINDOW_MS = 21_000;
/** However fast the heartbeat, this many frames stay for everything else. */
const OTHERS_MIN_PER_WINDOW = 10;

/**
 * Counts the presence updates of one shard. Unlike frames they are counted over all its connections: whether
 * Discord counts them by connection or by session is not known, and what is too much it drops without a word.
 */
export function presenceWindow(): SlidingWindow {
  return new SlidingWindow(PRESENCES_WINDOW_MS);
}

export class SendBudget {
  /** Everything but regular heartbeats, whose number is known beforehand. */
  readonly #frames = new SlidingWindow(FRAMES_WINDOW_MS);
  readonly #presences: SlidingWindow;
  readonly #limit: number;

  /**
   * `penaltyFrames`: how much less to spend, after Discord closed an earlier connection for sending too much.
   * `presences`: the shard's presence updates on all its connections.
   */
  constructor(heartbeatIntervalMs: number, penaltyFrames: number, presences = presenceWindow()) {
    this.#presences = presences;
    const heartbeats = Math.ceil(FRAMES_WINDOW_MS / heartbeatIntervalMs) + 1;
    this.#limit = Math.max(OTHERS_MIN_PER_WINDOW, FRAMES_PER_WINDOW - heartbeats - penaltyFrames);
  }

  /** When the next frame that is neither a regular heartbeat nor a presence may go out: `nowMs`, or later. */
  frameAtMs(nowMs: number): number {
    return this.#frames.roomAtMs(nowMs, this.#limit);
  }

  /** When the next presence update may go out. */
  presenceAtMs(nowMs: number): number {
    return Math.max(this.frameAtMs(nowMs), this.#presences.roomAtMs(nowMs, PRESENCES_PER_WINDOW));
  }

  recordFrame(nowMs: number): void {
    this.#frames.record(nowMs);
  }

  recordPresence(nowMs: number): void {
    this.#frames.record(nowMs);
    this.#presences.record(nowMs);
  }
}
