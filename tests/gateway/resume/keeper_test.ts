import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Observation } from "../../../gateway/observation.ts";
import { PointKeeper } from "../../../gateway/resume/keeper.ts";
import type { PointChange, ResumePoint, ResumePoints } from "../../../gateway/resume/points.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryResumePoints } from "../../fakes/memory_resume_points.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

function point(sequence: number, sessionId = "a"): ResumePoint {
  return {
    sessionId,
    sequence,
    resumeGatewayUrl: null,
    intents: 1,
    configuredPresence: null,
    startedAtMs: null,
    lastEventAtMs: null,
  };
}

class KeeperRig {
  readonly clock = new ManualClock();
  readonly store = new MemoryResumePoints();
  readonly observed: Observation[] = [];
  readonly stored: string[] = [];
  readonly lossesStored: [shard: number, count: number][] = [];
  readonly refused: string[] = [];
  readonly fenced: number[][] = [];
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
        return await this.store.write(changes);
      },
    };
    this.keeper = new PointKeeper({
      points: {
        ...points,
        load: () => this.store.load(),
        read: (shards) => this.store.read(shards),
        begin: (reign) => this.store.begin(reign),
        forget: () => this.store.forget(),
      },
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
      stored: (shard, { sessionId, sequence }) => this.stored.push(`${shard} ${sessionId} ${sequence}`),
      lossesStored: (shard, lost) => this.lossesStored.push([shard, lost.length]),
      refused: (shard, { sessionId, sequence }) => this.refused.push(`${shard} ${sessionId} ${sequence}`),
      fenced: (shards) => this.fenced.push([...shards]),
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

Deno.test("PointKeeper.moved() writes a point as it is when it is written, and keeps that apart from what follows", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  const moving = { ...point(1) };
  rig.keeper.change(0, { presence: "idle" });
  rig.keeper.moved(0, moving);
  moving.sequence = 2;
  await rig.pass(0);
  moving.sequence = 3;
  rig.keeper.moved(0, moving);
  assert.deepEqual(rig.writes, [[[0, { presence: "idle", point: point(2) }]]]);
  rig.store.release();
  await rig.pass(0);
  await rig.pass(50);
  assert.deepEqual(rig.stored, ["0 a 2", "0 a 3"]);
  assert.deepEqual(rig.writes[1], [[0, { point: point(3) }]]);
});

Deno.test("PointKeeper.change() of a point counts more than what has moved before it", async () => {
  const rig = new KeeperRig();
  rig.keeper.moved(0, point(5));
  rig.keeper.change(0, { point: null });
  rig.keeper.moved(1, point(5));
  rig.keeper.change(1, { point: point(0, "b") });
  rig.keeper.moved(2, point(5));
  rig.keeper.change(2, { presence: "idle" });
  await rig.pass(0);
  assert.deepEqual(rig.writes, [[
    [0, { point: null }],
    [1, { point: point(0, "b") }],
    [2, { presence: "idle", point: point(5) }],
  ]]);
});

Deno.test("PointKeeper hands over a moved point that the store refuses, once, and again when it has moved on", async () => {
  const rig = new KeeperRig();
  rig.refusals = 2;
  const moving = { ...point(1) };
  rig.keeper.moved(0, moving);
  await rig.pass(0);
  await rig.pass(1_000);
  assert.deepEqual(rig.refused, ["0 a 1"]);
  moving.sequence = 2;
  rig.keeper.moved(0, moving);
  await rig.pass(1_000);
  assert.deepEqual(rig.stored, ["0 a 2"]);
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

Deno.test("PointKeeper has a point stored within 100 ms while a write takes up to 50 ms", async () => {
  const PASSING_MS = 400;
  const changesAtMs = fc.array(fc.record({ atMs: fc.nat(PASSING_MS - 101), shard: fc.nat(2) }));
  const writesTakeMs = fc.array(fc.nat(50), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(changesAtMs, writesTakeMs, async (changesAtMs, writesTakeMs) => {
      const rig = new KeeperRig();
      rig.store.hold();
      /** When each point was handed over that is not stored yet: shard and sequence, as in `rig.stored`. */
      const waiting: { atMs: number; shard: number; sequence: number }[] = [];
      let writesSeen = 0;
      for (let nowMs = 0; nowMs < PASSING_MS; nowMs++) {
        changesAtMs.forEach(({ atMs, shard }, index) => {
          if (atMs !== nowMs) return;
          waiting.push({ atMs, shard, sequence: nowMs * 100 + index });
          rig.keeper.change(shard, { point: point(nowMs * 100 + index) });
        });
        await rig.pass(0);
        if (rig.writes.length > writesSeen) {
          const takesMs = writesTakeMs[writesSeen++ % writesTakeMs.length] ?? 0;
          rig.clock.schedule(nowMs + takesMs, () => rig.store.releaseNext());
        }
        // What is answered without any time passing is answered now.
        await rig.pass(0);
        for (const stored of rig.stored.splice(0)) {
          const [shard, , sequence] = stored.split(" ").map(Number);
          const isStored = (point: typeof waiting[number]) =>
            point.shard === shard && point.sequence <= Number(sequence);
          for (const point of waiting.filter(isStored)) waiting.splice(waiting.indexOf(point), 1);
        }
        for (const { atMs } of waiting) assert(nowMs - atMs < 100, `${nowMs - atMs} ms old`);
        await rig.pass(1);
      }
      assert.deepEqual(waiting, []);
    }),
  );
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

Deno.test("PointKeeper hands over the points of a refused write, and none of later changes before their own is refused", async () => {
  const rig = new KeeperRig();
  rig.refusals = 2;
  rig.keeper.change(0, { point: point(1) });
  rig.keeper.change(1, { point: point(5, "b") });
  rig.keeper.change(2, { presence: "idle" });
  rig.keeper.change(3, { point: null });
  await rig.pass(0);
  assert.deepEqual(rig.refused, ["0 a 1", "1 b 5"]);
  rig.keeper.change(0, { point: point(2) });
  rig.keeper.change(0, { point: point(3) });
  await rig.pass(999);
  assert.deepEqual(rig.refused, ["0 a 1", "1 b 5"]);
  await rig.pass(1);
  assert.deepEqual(rig.refused, ["0 a 1", "1 b 5", "0 a 3"]);
  rig.keeper.change(0, { point: point(4) });
  await rig.pass(1_000);
  assert.deepEqual(rig.stored, ["0 a 4", "1 b 5"]);
  rig.keeper.change(0, { point: point(5) });
  await rig.pass(50);
  assert.equal(rig.refused.length, 3);
});

Deno.test("PointKeeper hands over a point that has moved while its write was refused only as it is now", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.store.hold();
  rig.keeper.change(0, { point: point(1) });
  rig.keeper.change(1, { point: point(5, "b") });
  await rig.pass(0);
  rig.keeper.moved(0, point(2));
  rig.keeper.change(1, { point: null });
  rig.store.release();
  await microtasksDone();
  assert.deepEqual(rig.refused, ["0 a 2"]);
});

Deno.test("PointKeeper counts a write as refused that has no answer for two seconds, and looks again each second", async () => {
  const rig = new KeeperRig();
  rig.store.hold();
  rig.keeper.change(0, { point: point(1) });
  rig.keeper.change(1, { point: point(5, "b") });
  await rig.pass(0);
  rig.keeper.moved(0, point(2));
  await rig.pass(1_999);
  assert.deepEqual([rig.refused, rig.observed], [[], []]);
  await rig.pass(1);
  assert.deepEqual(rig.refused, ["0 a 2", "1 b 5"]);
  assert.deepEqual(rig.observed, [{ kind: "points.refused", error: "no answer for 2 s" }]);
  rig.keeper.moved(0, point(3));
  await rig.pass(999);
  rig.keeper.moved(0, point(4));
  await rig.pass(1);
  assert.deepEqual(rig.refused, ["0 a 2", "1 b 5", "0 a 4"]);
  await rig.pass(60_000);
  assert.equal(rig.refused.length, 3);
  assert.equal(rig.writes.length, 1);
  rig.store.release();
  await microtasksDone();
  await rig.pass(0);
  assert.deepEqual(rig.stored, ["0 a 1", "1 b 5", "0 a 4"]);
  assert.equal(rig.refused.length, 3);
  rig.clock.assertIdle();
});

Deno.test("PointKeeper.changeAtOnce() hands over at once what a store that refuses or hangs would not take", async () => {
  const rig = new KeeperRig();
  rig.refusals = 1;
  rig.keeper.change(0, { point: point(1) });
  await rig.pass(0);
  rig.keeper.moved(0, point(2));
  rig.keeper.changeAtOnce(1, { point: point(0, "b") });
  assert.deepEqual(rig.refused, ["0 a 1", "0 a 2", "1 b 0"]);
  rig.store.hold();
  await rig.pass(1_000);
  rig.keeper.changeAtOnce(2, { point: point(0, "c") });
  await rig.pass(1_999);
  assert.deepEqual(rig.refused, ["0 a 1", "0 a 2", "1 b 0", "2 c 0"]);
  await rig.pass(1);
  rig.keeper.changeAtOnce(3, { point: point(0, "d") });
  assert.deepEqual(rig.refused, ["0 a 1", "0 a 2", "1 b 0", "2 c 0", "3 d 0"]);
  rig.store.release();
  await microtasksDone();
  await rig.pass(0);
  rig.keeper.changeAtOnce(4, { point: point(0, "e") });
  await rig.pass(0);
  assert.equal(rig.stored.at(-1), "4 e 0");
  assert.equal(rig.refused.length, 5);
  rig.clock.assertIdle();
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
  assert.deepEqual(rig.refused, []);
  abort.abort();
  await flushed;
  assert.deepEqual(rig.refused, ["0 a 2"]);
  rig.clock.assertIdle();
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

Deno.test("PointKeeper says what is durably lost with the write that stored it, before the point that goes with it", async () => {
  const rig = new KeeperRig();
  const lost = { sessionId: "a", sequence: 4, sinceMs: 0, reason: "event_refused", type: "READY" } as const;
  rig.keeper.change(0, { lost: [lost] });
  rig.keeper.change(1, { lost: [] });
  assert.deepEqual(rig.lossesStored, []);
  await rig.pass(0);
  assert.deepEqual(rig.lossesStored, [[0, 1], [1, 0]]);
});

Deno.test("PointKeeper keeps what the store does not take because another process runs the shard, until it is forgotten", async () => {
  const rig = new KeeperRig();
  rig.store.fenced.add(0);
  rig.keeper.change(0, { point: point(1), lost: [] });
  rig.keeper.change(1, { point: point(1) });
  await rig.pass(0);
  assert.deepEqual([rig.fenced, rig.stored, rig.lossesStored], [[[0]], ["1 a 1"], []]);
  rig.keeper.change(0, { point: point(2) });
  await rig.pass(999);
  assert.equal(rig.writes.length, 1);
  await rig.pass(1);
  assert.deepEqual(rig.writes[1], [[0, { point: point(2), lost: [] }]]);
  rig.store.fenced.clear();
  await rig.pass(1_000);
  assert.deepEqual([rig.stored, rig.lossesStored], [["1 a 1", "0 a 2"], [[0, 0]]]);
  rig.store.fenced.add(0);
  rig.keeper.change(0, { point: point(3) });
  await rig.pass(50);
  rig.keeper.forget(0);
  await rig.pass(60_000);
  assert.equal(rig.writes.length, 4);
});

Deno.test("PointKeeper.written() resolves once nothing of the shard is left to be written", async () => {
  const rig = new KeeperRig();
  await rig.keeper.written(0);
  rig.store.hold();
  const told: string[] = [];
  rig.keeper.change(0, { point: point(1) });
  rig.keeper.written(0).then(() => told.push("written"));
  await rig.pass(0);
  rig.keeper.change(0, { presence: "idle" });
  rig.store.release();
  await rig.pass(0);
  assert.deepEqual(told, []);
  await rig.pass(50);
  assert.deepEqual(told, ["written"]);
});

Deno.test("PointKeeper.forget() is not undone by a write under way that the store refuses, nor by one that it fences", async () => {
  for (const isFenced of [false, true]) {
    const rig = new KeeperRig();
    rig.store.hold();
    if (isFenced) rig.store.fenced.add(0);
    else rig.refusals = 1;
    rig.keeper.change(0, { point: point(5) });
    rig.keeper.change(1, { point: point(7) });
    await rig.pass(0);
    rig.keeper.forget(0);
    rig.store.release();
    await rig.pass(0);
    // It is ours again, and its new point has not moved yet.
    rig.store.fenced.clear();
    await rig.pass(2_000);
    assert.deepEqual([...rig.store.shards.keys()], [1]);
  }
});
