import assert from "node:assert/strict";
import { FiguresGatherer } from "../../../gateway/figures/gatherer.ts";
import { FiguresWriter } from "../../../gateway/figures/writer.ts";
import type { Observation } from "../../../gateway/observation.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryFiguresStore } from "../../fakes/memory_figures_store.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";

class WriterRig {
  readonly clock = new ManualClock();
  readonly store = new MemoryFiguresStore();
  readonly observed: Observation[] = [];
  isStoreThere = true;
  readonly gatherer = new FiguresGatherer({
    clock: this.clock,
    known: () => ({
      total: null,
      recommended: null,
      states: new Map(),
      brokerConnected: false,
      unconfirmed: { events: 0, bytes: 0 },
      spooled: null,
      fleet: null,
    }),
    progressOf: () => undefined,
    replicaName: "one",
    version: "1.2.3",
    holdsSecret: () => false,
  });
  readonly writer = new FiguresWriter({
    store: this.store,
    gatherer: this.gatherer,
    replicaName: "one",
    isStoreThere: () => this.isStoreThere,
    clock: this.clock,
    observe: (observation) => this.observed.push(observation),
  });

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await microtasksDone();
  }

  receive(): void {
    this.gatherer.observe({ kind: "event.received", shard: 0, type: "READY", bytes: 9 });
  }

  /** Events of each second that was written. */
  get seconds(): (number | undefined)[] {
    return this.store.history.get("one")?.map(({ events }) => events) ?? [];
  }
}

Deno.test("FiguresWriter writes once a second, in step with the clock", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  await rig.pass(999);
  assert.equal(rig.store.asked.length, 0);
  await rig.pass(1);
  assert.equal(rig.store.asked.length, 1);
  for (let second = 0; second < 5; second++) await rig.pass(1_000);
  assert.equal(rig.store.asked.length, 6);
  assert.deepEqual(rig.clock.deadlinesMs, [7_000]);
  await rig.writer.stop();
  rig.clock.assertIdle();
});

Deno.test("FiguresWriter first forgets the processes that were not heard for fifteen minutes, stopped or not", async () => {
  const rig = new WriterRig();
  const { replica } = rig.gatherer.take({ stopped: false });
  const heard = (name: string, agoMs: number, stopped: boolean) => {
    const heardAtMs = rig.clock.wallMs() + 1_000 - agoMs;
    rig.store.replicas.set(name, { ...replica, name, heardAtMs, stopped });
    rig.store.history.set(name, []);
  };
  heard("one", 1_000_000, true);
  heard("silent", 900_000, false);
  heard("stopped", 900_000, true);
  heard("long silent", 900_001, false);
  heard("long stopped", 900_001, true);
  rig.writer.start();
  await rig.pass(1_000);
  assert.deepEqual([...rig.store.replicas.keys()], ["one", "silent", "stopped"]);
  assert.deepEqual([...rig.store.history.keys()], ["one", "silent", "stopped"]);
  assert.equal(rig.store.replicas.get("one")?.stopped, false);
  heard("long stopped", 1_000_000, true);
  await rig.pass(1_000);
  assert.equal(rig.store.replicas.size, 4, "only when it starts");
  await rig.writer.stop();
});

Deno.test("FiguresWriter never has two writes under way, and lets the seconds go by meanwhile", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  await rig.pass(1_000);
  rig.store.hold();
  rig.receive();
  await rig.pass(1_000);
  rig.receive();
  rig.receive();
  await rig.pass(1_000);
  await rig.pass(1_000);
  assert.equal(rig.store.asked.length, 2);
  rig.store.release();
  await microtasksDone();
  for (let number = 0; number < 3; number++) rig.receive();
  await rig.pass(1_000);
  assert.deepEqual(rig.seconds, [0, 1, 3]);
  await rig.writer.stop();
});

Deno.test("FiguresWriter tries nothing while the store is away, and keeps what happened to shards", async () => {
  const rig = new WriterRig();
  rig.isStoreThere = false;
  rig.writer.start();
  rig.gatherer.observe({ kind: "shard.zombie", shard: 0 });
  rig.receive();
  await rig.pass(5_000);
  assert.equal(rig.store.asked.length, 0);
  rig.isStoreThere = true;
  await rig.pass(1_000);
  assert.deepEqual(rig.seconds, [0], "the second before is over");
  assert.deepEqual(rig.store.life.get(0)?.map(({ kind }) => kind), ["zombie"]);
  assert.deepEqual(rig.observed, []);
  await rig.writer.stop();
});

Deno.test("FiguresWriter says once in an outage that figures are not written, and forgets old ones after it", async () => {
  const rig = new WriterRig();
  const { replica } = rig.gatherer.take({ stopped: false });
  rig.store.replicas.set("old", { ...replica, name: "old", heardAtMs: 0 });
  rig.store.away();
  rig.writer.start();
  await rig.pass(1_000);
  await rig.pass(1_000);
  assert.deepEqual(rig.observed, [{ kind: "figures.refused", error: "not connected" }]);
  rig.store.back();
  await rig.pass(1_000);
  assert.deepEqual([...rig.store.replicas.keys()], ["one"]);
  assert.equal(rig.observed.length, 1);
  rig.store.away();
  await rig.pass(1_000);
  assert.equal(rig.observed.length, 2);
  await rig.writer.stop();
});

Deno.test("FiguresWriter.stop() writes behind the write under way that the process has stopped, and no more", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  await rig.pass(1_000);
  rig.store.hold();
  await rig.pass(1_000);
  rig.gatherer.observe({ kind: "shard.zombie", shard: 0 });
  const stopped = Promise.all([rig.writer.stop(), rig.writer.stop()]);
  await microtasksDone();
  assert.equal(rig.store.asked.length, 2);
  rig.store.release();
  await stopped;
  assert.equal(rig.store.asked.length, 3);
  assert.equal(rig.store.replicas.get("one")?.stopped, true);
  assert.equal(rig.store.life.get(0)?.length, 1);
  assert.equal(rig.seconds.length, 2, "the rest of a second is none");
  rig.writer.start();
  rig.clock.assertIdle();
});

Deno.test("FiguresWriter.stop() waits for nobody where the store is away", async () => {
  const rig = new WriterRig();
  rig.writer.start();
  rig.isStoreThere = false;
  rig.store.hold();
  await rig.writer.stop();
  assert.equal(rig.store.asked.length, 0);
  rig.clock.assertIdle();
});

Deno.test("FiguresWriter.stop() before start() says that the process has stopped", async () => {
  const rig = new WriterRig();
  await rig.writer.stop();
  assert.equal(rig.store.replicas.get("one")?.stopped, true);
});
