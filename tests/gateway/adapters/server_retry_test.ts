import assert from "node:assert/strict";
import { keepTrying, serverRetryDelayMs } from "../../../gateway/adapters/server_retry.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

Deno.test("serverRetryDelayMs() doubles from 100 ms to 5 s, and stays there", () => {
  const longestMs = [0, 1, 2, 3, 4, 5, 6, 7, 5_000].map((attempt) => serverRetryDelayMs(attempt, () => 1));
  assert.deepEqual(longestMs, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
});

Deno.test("serverRetryDelayMs() is at least half of the longest", () => {
  assert.equal(serverRetryDelayMs(2, () => 0), 200);
  assert.equal(serverRetryDelayMs(9, () => 0), 2_500);
});

/** What is kept lives until {@link end}. */
class KeptRig {
  readonly clock = new ManualClock();
  readonly #over = new AbortController();
  /** Whether each life that has ended was sound. */
  readonly soundness: boolean[] = [];
  lives = 0;
  end: () => void = () => {};
  readonly done: Promise<void>;

  constructor() {
    this.done = keepTrying(async (isSound) => {
      this.lives += 1;
      await new Promise<void>((resolve) => this.end = resolve);
      this.soundness.push(isSound());
    }, { clock: this.clock, dice: () => 1, over: this.#over.signal });
  }

  /** Lets what lives now end after `livedMs`, and returns the wait before it is made anew. */
  async waitAfterMs(livedMs: number): Promise<number> {
    this.clock.advance(livedMs);
    const endedAtMs = this.clock.nowMs();
    this.end();
    await microtasksDone();
    const waitMs = (this.clock.deadlinesMs[0] ?? Infinity) - endedAtMs;
    const livesBefore = this.lives;
    this.clock.advance(waitMs - 1);
    await microtasksDone();
    assert.equal(this.lives, livesBefore);
    this.clock.advance(1);
    await microtasksDone();
    assert.equal(this.lives, livesBefore + 1);
    return waitMs;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    this.end();
    await this.done;
    this.clock.assertIdle();
  }
}

Deno.test("keepTrying() waits longer with each end, and from the shortest wait after a sound life", async () => {
  const rig = new KeptRig();
  assert.equal(await rig.waitAfterMs(0), 100);
  assert.equal(await rig.waitAfterMs(10_000), 200);
  assert.equal(await rig.waitAfterMs(29_999), 400);
  assert.equal(await rig.waitAfterMs(30_000), 100);
  assert.equal(await rig.waitAfterMs(0), 200);
  assert.deepEqual(rig.soundness, [false, false, false, true, false]);
  await rig.stop();
});

Deno.test("keepTrying() is over without another attempt, in a life and in a wait", async () => {
  const living = new KeptRig();
  await living.stop();
  assert.equal(living.lives, 1);
  const waiting = new KeptRig();
  waiting.end();
  await microtasksDone();
  await waiting.stop();
  assert.equal(waiting.lives, 1);
});
