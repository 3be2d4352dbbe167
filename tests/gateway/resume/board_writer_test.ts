import assert from "node:assert/strict";
import type { Observation } from "../../../gateway/observation.ts";
import type { Board, ShardEntry } from "../../../gateway/resume/board.ts";
import { BoardWriter } from "../../../gateway/resume/board_writer.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryBoard } from "../../fakes/memory_board.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

function entry(shard: number, latencyMs = 0): ShardEntry {
  return { shard, status: "Connected", latencyMs, lastAckAtMs: 0, session: "a" };
}

class WriterRig {
  readonly clock = new ManualClock();
  readonly board = new MemoryBoard();
  readonly observed: Observation[] = [];
  changed: ShardEntry[] = [];
  readonly writer: BoardWriter;

  /** Whether another member of the fleet writes what others read, and the rest of it. */
  isLed = false;

  constructor(board?: Board, isShared = false) {
    this.writer = new BoardWriter({
      board: board ?? this.board,
      entries: {
        takeChanged: () => this.changed.splice(0),
        putBack: (entries) => this.changed.push(...entries),
      },
      composes: () => !this.isLed,
      isShared,
      clock: this.clock,
      observe: (observation) => this.observed.push(observation),
    });
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await microtasksDone();
  }
}

Deno.test("BoardWriter writes once a second what changed, and nothing where nothing did", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  rig.changed = [entry(0), entry(1)];
  await rig.pass(999);
  assert.deepEqual(rig.board.published, []);
  await rig.pass(1);
  assert.deepEqual(rig.board.published, [[entry(0), entry(1)]]);
  await rig.pass(5_000);
  assert.equal(rig.board.published.length, 1);
  rig.changed = [entry(1, 42)];
  await rig.pass(1_000);
  assert.deepEqual(rig.board.published.at(-1), [entry(1, 42)]);
  await rig.writer.stop();
});

Deno.test("BoardWriter writes where only sessions have moved", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  rig.writer.sessionsMoved();
  await rig.pass(2_000);
  assert.deepEqual(rig.board.published, [[]]);
  await rig.writer.stop();
  assert.deepEqual(rig.board.published, [[]]);
});

Deno.test("BoardWriter gathers what changes while the store hangs", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  rig.board.hold();
  rig.changed = [entry(0)];
  await rig.pass(1_000);
  rig.changed = [entry(1)];
  await rig.pass(5_000);
  assert.equal(rig.board.published.length, 1);
  rig.board.release();
  await microtasksDone();
  await rig.pass(1_000);
  assert.deepEqual(rig.board.published, [[entry(0)], [entry(1)]]);
  await rig.writer.stop();
});

Deno.test("BoardWriter writes sessions again that the store refused, though no entry has changed since", async () => {
  let refusals = 2;
  const written: (readonly ShardEntry[])[] = [];
  const rig = new WriterRig({
    publish: (changed) => {
      refusals -= 1;
      if (refusals >= 0) return Promise.reject(new Error("read only"));
      written.push(changed);
      return Promise.resolve();
    },
  });
  rig.writer.start();
  rig.changed = [entry(0)];
  await rig.pass(1_000);
  assert.deepEqual(rig.observed, [{ kind: "board.refused", error: "read only" }]);
  rig.changed = [];
  await rig.pass(1_000);
  await rig.pass(1_000);
  assert.deepEqual(written, [[]]);
  await rig.writer.stop();
});

Deno.test("BoardWriter gives back the entries that it could not write", async () => {
  const rig = new WriterRig({ publish: () => Promise.reject(new Error("read only")) });
  rig.writer.start();
  rig.changed = [entry(0), entry(1)];
  await rig.pass(1_000);
  assert.deepEqual(rig.changed, [entry(0), entry(1)]);
  await rig.writer.stop();
});

Deno.test("BoardWriter.stop() writes a last time, behind the write under way, and no more after it", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  rig.board.hold();
  rig.changed = [entry(0)];
  await rig.pass(1_000);
  rig.changed = [entry(1)];
  const stopped = rig.writer.stop();
  await microtasksDone();
  assert.equal(rig.board.published.length, 1);
  rig.board.release();
  await stopped;
  assert.deepEqual(rig.board.published, [[entry(0)], [entry(1)]]);
  rig.clock.assertIdle();
});

Deno.test("BoardWriter.stop() before start() writes what changed", async () => {
  const rig = new WriterRig();
  await rig.writer.stop();
  assert.deepEqual(rig.board.published, []);
  rig.changed = [entry(0)];
  await rig.writer.stop();
  assert.deepEqual(rig.board.published, [[entry(0)]]);
});

Deno.test("BoardWriter.stop() resolves only when its last write is done", async () => {
  const rig = new WriterRig();
  rig.board.hold();
  rig.changed = [entry(0)];
  let isStopped = false;
  const stopped = rig.writer.stop().then(() => isStopped = true);
  await microtasksDone();
  assert.equal(isStopped, false);
  rig.board.release();
  await stopped;
});
