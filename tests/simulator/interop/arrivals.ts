import assert from "node:assert/strict";
import type { Control } from "../../../simulator/control.ts";
import type { Fault } from "../../../simulator/fault.ts";

/** The dispatches that a client library handed on, in order. */
export class Arrivals {
  readonly #sequences: number[] = [];
  #wake = () => {};

  add(sequence: number): void {
    this.#sequences.push(sequence);
    this.#wake();
  }

  /** Waits for the dispatch of that number. */
  async until(sequence: number): Promise<void> {
    while (!this.#sequences.includes(sequence)) await new Promise<void>((resolve) => this.#wake = resolve);
  }

  /** Everything that the simulator created for the one session there is has arrived, once and in order. */
  assertComplete(control: Control): void {
    const [session, ...others] = control.ledger.summary().sessions;
    assert.deepEqual(others, []);
    assert.deepEqual(this.#sequences, control.ledger.page(session?.session ?? "").map(({ s }) => s));
  }
}

/**
 * Takes a connected client through a lost connection: events before, while it is away, and after it is back. The client has
 * identified, and hands what it receives to `arrivals`.
 */
export async function loseConnection(control: Control, arrivals: Arrivals, loss: Fault): Promise<void> {
  const newest = () => control.state().sessions[0]?.sequence ?? 0;
  await control.until(() => newest() > 0);
  control.generate(30);
  await arrivals.until(newest());
  assert.equal(control.inject(loss), 1);
  control.generate(20);
  await control.until(() => control.state().statistics.happenings.resumed === 1);
  control.generate(20);
  await arrivals.until(newest());
  arrivals.assertComplete(control);
  const { happenings, wrongUrl } = control.state().statistics;
  assert.equal(happenings.identified, 1);
  assert.equal(happenings.resumed, 1);
  assert.deepEqual(wrongUrl, { resumesOnMain: 0, identifiesOnResume: 0 });
}
