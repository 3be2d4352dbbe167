import assert from "node:assert/strict";
import type { Observation } from "../../../gateway/observation.ts";
import { PointKeeper } from "../../../gateway/resume/keeper.ts";
import type { PointChange, ResumePoint, ResumePoints } from "../../../gateway/resume/points.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryResumePoints } from "../../fakes/memory_resume_points.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

function point(sequence: number, sessionId = "a"): ResumePoint {
  return { sessionId, sequence, resumeGatewayUrl: null, intents: 1, configuredPresence: null };
}

class KeeperRig {
  readonly clock = new ManualClock();
  readonly store = new MemoryResumePoints();
  readonly observed: Observation[] = [];
  readonly stored: string[] = [];
  readonly keeper: PointKeeper;
  /** Refuses the next so many writes. */
  refusals = 0;

  constructor() {
    const points: Pick<ResumePoints, "write"> = {
      write: async (changes) => {
        if (this.refusals > 0) {
          this.refusals -= 1;
          // Refused when the answer comes, not before.
          await this.store.write(new Map());
          throw new Error("read only");
        }
        await this.store.write(changes);
      },
    };
    this.keeper = new PointKeeper({
      points: { ...points, load: () => this.store.load(), begin: (reign) => this.store.begin(reign) },
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
      stored: (shard, { sessionId, sequence }) => this.stored.push(`${shard} ${sessionId} ${sequence}`),
    });
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await microtasksDone();
  }

  get writes(): [number, PointChange][][] {
    return this.store.writes.map((changes) => [...changes]);
  }
}

Deno.test("PointKeeper.change() writes what moved together, the newest of each shard", async () => {
  const rig = new KeeperRig();
  rig.keeper.change(0, { point: point(1) });
  rig.keeper.change(0, { presence: "idle" });
  rig.keeper.change(1, { point: null });
  rig.keeper.change(0, { point: point(2) });
  await rig.pass(0);
  assert.deepEqual(rig.writes, [[[0, { point: point(2), presence: "idle" }], [1, { point: null }]]]);
});

Deno.test("PointKeeper says that a point is stored only once the store has acknowledged it", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  rig.keeper.change(0, { point: point(7) });
  rig.keeper.change(1, { point: null });
  rig.keeper.change(2, { presence: "idle" });
  await rig.pass(0);
  assert.deepEqual([rig.store.waiting, rig.stored], [1, []]);
  rig.store.release();
  await microtasksDone();
  assert.deepEqual(rig.stored, ["0 a 7"]);
  assert.deepEqual(rig.observed, [{ kind: "points.written", shards: 3, tookMs: 0 }]);
});

Deno.test("PointKeeper has one write under way and gathers what moves meanwhile", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  for (let sequence = 2; sequence <= 500; sequence += 1) {
    rig.keeper.change(0, { point: point(sequence) });
    await rig.pass(100);
  }
  assert.equal(rig.writes.length, 1);
  rig.store.release();
  await microtasksDone();
  await rig.pass(0);
  assert.deepEqual(rig.stored, ["0 a 1", "0 a 500"]);
  assert.equal(rig.writes.length, 2);
});

Deno.test("PointKeeper starts no two writes within 50 ms", async () => {
  const rig = new KeeperRig();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  await rig.pass(49);
  assert.deepEqual(rig.stored, ["0 a 1"]);
  await rig.pass(1);
  assert.deepEqual(rig.stored, ["0 a 1", "0 a 2"]);
});

Deno.test("PointKeeper.changeAtOnce() waits for no regular write, but for the one under way", async () => {
  const rig = new KeeperRig();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  rig.keeper.changeAtOnce(1, { point: point(0, "b") });
  await rig.pass(0);
  assert.deepEqual(rig.writes[1], [[0, { point: point(2) }], [1, { point: point(0, "b") }]]);
  rig.store.hold();
  rig.keeper.changeAtOnce(2, { point: point(0, "c") });
  await rig.pass(0);
  rig.keeper.changeAtOnce(3, { point: point(0, "d") });
  await rig.pass(0);
  assert.equal(rig.writes.length, 3);
  rig.store.release();
  await microtasksDone();
  await rig.pass(0);
  assert.deepEqual(rig.writes[3], [[3, { point: point(0, "d") }]]);
});

Deno.test("PointKeeper.changeAtOnce() leaves a store that refuses its pause", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  const before = rig.writes.length;
  rig.keeper.changeAtOnce(1, { point: point(0, "b") });
  await rig.pass(999);
  assert.equal(rig.writes.length, before);
  await rig.pass(1);
  assert.equal(rig.writes.length, before + 1);
});

Deno.test("PointKeeper writes again a second after a refusal, and what moved meanwhile wins", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.store.hold();
  rig.keeper.change(0, { point: point(1), presence: "idle" });
  rig.keeper.change(1, { point: point(9, "b") });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  rig.store.release();
  await microtasksDone();
  assert.deepEqual(rig.observed, [{ kind: "points.refused", error: "read only" }]);
  assert.deepEqual(rig.stored, []);
  await rig.pass(999);
  assert.deepEqual(rig.stored, []);
  await rig.pass(1);
  assert.deepEqual(rig.writes.at(-1), [
    [0, { point: point(2), presence: "idle" }],
    [1, { point: point(9, "b") }],
  ]);
  assert.deepEqual(rig.stored, ["0 a 2", "1 b 9"]);
});

Deno.test("PointKeeper writes nothing where nothing moved", async () => {
  const rig = new KeeperRig();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  await rig.pass(10_000);
  assert.equal(rig.writes.length, 1);
  rig.clock.assertIdle();
});

Deno.test("PointKeeper.flush() writes what is left and resolves when it is stored", async () => {
  const rig = new KeeperRig();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  const flushed = rig.keeper.flush(new AbortController().signal);
  await rig.pass(50);
  await flushed;
  assert.deepEqual(rig.stored, ["0 a 1", "0 a 2"]);
  rig.clock.assertIdle();
});

Deno.test("PointKeeper.flush() waits for the write under way and writes what moves behind it", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  const flushed = rig.keeper.flush(new AbortController().signal);
  await rig.pass(50);
  rig.keeper.change(0, { point: point(3) });
  rig.store.release();
  await microtasksDone();
  await rig.pass(0);
  await flushed;
  assert.deepEqual(rig.stored, ["0 a 1", "0 a 3"]);
});

Deno.test("PointKeeper.flush() writes a refused change again", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.keeper.change(0, { point: point(1) });
  const flushed = rig.keeper.flush(new AbortController().signal);
  await rig.pass(0);
  await rig.pass(1_000);
  await flushed;
  assert.deepEqual(rig.stored, ["0 a 1"]);
});

Deno.test("PointKeeper.flush() resolves at once where nothing is left", async () => {
  const rig = new KeeperRig();
  await rig.keeper.flush(new AbortController().signal);
  rig.clock.assertIdle();
});

Deno.test("PointKeeper.flush() gives up a store that hangs when it is aborted, and writes no more", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  rig.refusals = 1;
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.change(0, { point: point(2) });
  const abort = new AbortController();
  const flushed = rig.keeper.flush(abort.signal);
  abort.abort();
  await flushed;
  rig.store.release();
  await microtasksDone();
  rig.keeper.change(0, { point: point(3) });
  rig.clock.assertIdle();
  await rig.pass(10_000);
  assert.equal(rig.writes.length, 1);
});

Deno.test("PointKeeper.flush() gives up the pause after a refusal when it is aborted", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  const abort = new AbortController();
  const flushed = rig.keeper.flush(abort.signal);
  abort.abort();
  await flushed;
  rig.clock.assertIdle();
});
