/**
 * A clock that stands still until it is stepped to the next timer. A binary heap, because one simulated history
 * sets some ten thousand timers.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";

interface Timer {
  readonly atMs: number;
  /** Timers of the same moment go off in the order in which they were set. */
  readonly order: number;
  /** Null once it is cancelled: it stays in the heap until its time has come. */
  callback: (() => void) | null;
}

export class VirtualClock implements Clock {
  readonly #epochMs = Date.UTC(2026, 0, 1);
  readonly #heap: Timer[] = [];
  #nowMs = 0;
  #orders = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#epochMs + this.#nowMs;
  }

  schedule(atMs: number, callback: () => void): () => void {
    // Whole milliseconds, as real timers are.
    const timer: Timer = { atMs: Math.max(Math.ceil(atMs), this.#nowMs), order: this.#orders++, callback };
    this.#push(timer);
    return () => timer.callback = null;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.schedule(this.#nowMs + delayMs, callback);
  }

  /** Moves on to the next timer and lets it go off. False where none is set. */
  step(): boolean {
    for (let timer; (timer = this.#pop()) !== undefined;) {
      if (timer.callback === null) continue;
      this.#nowMs = timer.atMs;
      timer.callback();
      return true;
    }
    return false;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
