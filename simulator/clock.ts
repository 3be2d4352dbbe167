/**
 * The simulator's time. Everything that waits or measures here asks a clock that was handed in, so that a test
 * turns a day by hand and a running simulator can be sent into the future.
 *
 * @module
 */

export interface SimulatorClock {
  /** Milliseconds since the Unix epoch, an integer that never falls. */
  nowMs(): number;
  /** Calls back once when {@link nowMs} has reached `atMs`. The returned function cancels it. */
  schedule(atMs: number, callback: () => void): () => void;
  /** Moves the time forward; what falls due on the way is called before this returns. */
  advance(byMs: number): void;
  /** Forgets everything scheduled. */
  close(): void;
}

interface Alarm {
  readonly atMs: number;
  readonly callback: () => void;
}

function earliest(alarms: ReadonlySet<Alarm>): Alarm | undefined {
  let first: Alarm | undefined;
  for (const alarm of alarms) {
    if (first === undefined || alarm.atMs < first.atMs) first = alarm;
  }
  return first;
}

/** Time that stands still until a test moves it. */
export class HandClock implements SimulatorClock {
  #nowMs: number;
  readonly #alarms = new Set<Alarm>();

  /** Starts on the first of September 2026, unless told otherwise. */
  constructor(startMs = Date.UTC(2026, 8, 1)) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const alarm = { atMs, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Steps from one deadline to the next, so that each callback sees the time it asked for. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const alarm = earliest(this.#alarms);
      if (alarm === undefined || alarm.atMs > untilMs) break;
      this.#alarms.delete(alarm);
      this.#nowMs = Math.max(this.#nowMs, alarm.atMs);
      alarm.callback();
    }
    this.#nowMs = untilMs;
  }

  close(): void {
    this.#alarms.clear();
  }
}

/** The longest wait that `setTimeout` takes. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

/** The machine's own time, plus what it was advanced by. */
export class RunningClock implements SimulatorClock {
  #advancedMs = 0;
  readonly #timers = new Map<Alarm, ReturnType<typeof setTimeout>>();

  nowMs(): number {
    // Not Date.now(), which falls when the machine's clock is set back.
    return Math.floor(performance.timeOrigin + performance.now()) + this.#advancedMs;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const alarm = { atMs, callback };
    this.#arm(alarm);
    return () => this.#disarm(alarm);
  }

  /** Jumps: what fell due on the way is called in order, and sees the time of arrival. */
  advance(byMs: number): void {
    this.#advancedMs += byMs;
    const alarms = [...this.#timers.keys()].sort((left, right) => left.atMs - right.atMs);
    for (const alarm of alarms) {
      if (!this.#timers.has(alarm)) continue; // an earlier one cancelled it
      this.#disarm(alarm);
      if (alarm.atMs <= this.nowMs()) alarm.callback();
      else this.#arm(alarm);
    }
  }

  close(): void {
    for (const alarm of [...this.#timers.keys()]) this.#disarm(alarm);
  }

  #arm(alarm: Alarm): void {
    const waitMs = Math.min(Math.max(0, alarm.atMs - this.nowMs()), TIMEOUT_MAX_MS);
    this.#timers.set(alarm, setTimeout(() => this.#ring(alarm), waitMs));
  }

  #ring(alarm: Alarm): void {
    this.#timers.delete(alarm);
    // A timer may be a fraction early, and one longer than the limit was cut.
    if (alarm.atMs > this.nowMs()) this.#arm(alarm);
    else alarm.callback();
  }

  #disarm(alarm: Alarm): void {
    clearTimeout(this.#timers.get(alarm));
    this.#timers.delete(alarm);
  }
}
