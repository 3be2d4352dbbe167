/**
 * Which replica handed which event to the broker, and when: heard on its own line to the broker.
 *
 * @module
 */
import type { Overhearer } from "../harness/tcp_proxy.ts";
import { type PublishedEvent, PublishReader } from "./publish_reader.ts";

/** An event that left a replica's process. */
export interface Publication extends PublishedEvent {
  readonly replica: string;
  /** When it was heard, by the wall clock. */
  readonly atMs: number;
  /** It left its process no longer before, as far as this process had other things to do. */
  readonly lateMs: number;
}

/** How often it is looked how late this process is. */
const LOOK_INTERVAL_MS = 10;

export class Publications implements Disposable {
  readonly #heard: Publication[] = [];
  readonly #looking: ReturnType<typeof setInterval>;
  #lookedAtMs = performance.now();
  /** So late was the last look. */
  #lookWasLateMs = 0;

  constructor() {
    this.#looking = setInterval(() => {
      this.#lookWasLateMs = this.#sinceDueMs;
      this.#lookedAtMs = performance.now();
    }, LOOK_INTERVAL_MS);
  }

  get all(): readonly Publication[] {
    return this.#heard;
  }

  /** For a connection of this replica to the broker. */
  overhear(replica: string): Overhearer {
    let atMs = 0;
    let lateMs = 0;
    const reader = new PublishReader((event) => this.#heard.push({ ...event, replica, atMs, lateMs }));
    return (bytes) => {
      atMs = Date.now();
      lateMs = this.#sinceDueMs + this.#lookWasLateMs;
      reader.read(bytes);
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }

  /** Of the next look, which nothing but this process's work can have put off. */
  get #sinceDueMs(): number {
    return Math.max(0, performance.now() - this.#lookedAtMs - LOOK_INTERVAL_MS);
  }
}
