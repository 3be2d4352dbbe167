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
  /** By the wall clock. */
  readonly atMs: number;
}

/** How often it is looked how late this process hears. */
const LOOK_INTERVAL_MS = 10;

export class Publications implements Disposable {
  readonly #heard: Publication[] = [];
  readonly #looking: ReturnType<typeof setInterval>;
  #latestMs = 0;

  constructor() {
    let dueAtMs = performance.now() + LOOK_INTERVAL_MS;
    this.#looking = setInterval(() => {
      const nowMs = performance.now();
      this.#latestMs = Math.max(this.#latestMs, nowMs - dueAtMs);
      dueAtMs = nowMs + LOOK_INTERVAL_MS;
    }, LOOK_INTERVAL_MS);
  }

  get all(): readonly Publication[] {
    return this.#heard;
  }

  /** By how much this process was late, at most, with whatever it had to do: so much later may something be heard. */
  get latestMs(): number {
    return this.#latestMs;
  }

  /** For a connection of this replica to the broker. */
  overhear(replica: string): Overhearer {
    let atMs = 0;
    const reader = new PublishReader((event) => this.#heard.push({ ...event, replica, atMs }));
    return (bytes) => {
      atMs = Date.now();
      reader.read(bytes);
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#looking);
  }
}
