import assert from "node:assert/strict";
import type { ReshardPhase, ReshardPlan } from "../../../gateway/reshard/plan.ts";
import { type NewSide, type OldSide, Resharding } from "../../../gateway/reshard/resharding.ts";
import { type Bank, FIRST_BANK } from "../../../gateway/resume/bank.ts";
import { reshardPlan } from "../../contracts/reshard_store_contract.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { MemoryReshardStore } from "../../fakes/memory_reshard_store.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { Observations } from "../../fakes/observations.ts";

/** What a process does, in words. */
type Did = string;

class Old implements OldSide {
  bank: Bank = FIRST_BANK;
  total: number | null = 2;
  shards = 0;
  readyShards = 0;
  capacity = Infinity;
  obstacle: string | null = null;
  /** What it says of what it has published when it is held back; null: it cannot be. */
  published: readonly string[] | null;

  constructor(readonly member: string, readonly world: World, readonly did: Did[]) {
    this.published = [`published by ${member}`];
  }

  get members(): ReadonlySet<string> {
    return new Set(this.world.members);
  }

  watch(): void {
    this.did.push("watches");
  }

  hold(): Promise<readonly string[] | null> {
    this.did.push("holds");
    return Promise.resolve(this.published);
  }

  letOn(): void {
    this.did.push("lets on");
  }

  retire(): void {
    this.did.push("retires");
  }

  leaveSessions(): Promise<void> {
    this.did.push("leaves its sessions");
    return Promise.resolve();
  }

  end(seen: readonly string[]): Promise<number> {
    this.did.push(`ends with ${seen.toSorted().join(", ")}`);
    return Promise.resolve(1);
  }
}

class New implements NewSide {
  readyShards = 0;
  readonly seen: readonly string[];

  constructor(member: string, readonly did: Did[], public shards: number) {
    this.seen = [`seen by ${member}`];
  }

  keepAll(isKept: boolean): void {
    this.did.push(isKept ? "keeps all" : "keeps the last");
  }

  takeOver(published: readonly string[]): void {
    this.did.push(`takes over with ${published.toSorted().join(", ")}`);
  }

  letOn(): void {
    this.did.push("has taken over");
  }

  discard(): Promise<void> {
    this.did.push("new side stops");
    return Promise.resolve();
  }
}

class Process {
  readonly did: Did[] = [];
  readonly old: Old;
  readonly observations = new Observations();
  readonly resharding: Resharding;
  next: New | null = null;
  isCutOff = false;
  identifiesLeft: number | null = 1_000;

  constructor(readonly world: World, readonly name: string, plan: ReshardPlan | null) {
    this.old = new Old(name, world, this.did);
    this.resharding = new Resharding({
      store: world.store.of(() => this.isCutOff),
      clock: world.clock,
      observe: this.observations.observe,
      replica: name,
      running: () => this.old,
      begin: ({ from, to, bank }) => {
        this.did.push(`begins ${from} to ${to} in ${bank}`);
        return this.next = new New(name, this.did, to / world.members.size);
      },
      tookOver: () => this.did.push("runs the new side"),
      missed: () => this.did.push("has missed too much"),
      identifiesLeft: () => Promise.resolve(this.identifiesLeft),
    });
    this.resharding.start(plan);
  }

  /** All of its new shards are there. */
  connect(): void {
    const next = this.next ?? assert.fail("it has begun nothing");
    next.readyShards = next.shards;
  }

  /** What it did since it was asked last. */
  get done(): Did[] {
    return this.did.splice(0).filter(isOfNote);
  }
}

/** What it does at every look while it rehearses is left out. */
function isOfNote(did: Did): boolean {
  return did !== "keeps the last";
}

class World {
  readonly clock = new ManualClock();
  readonly store = new MemoryReshardStore();
  readonly members = new Set<string>();
  readonly processes: Process[] = [];

  start(name: string, plan: ReshardPlan | null = null): Process {
    this.members.add(name);
    const process = new Process(this, name, plan);
    this.processes.push(process);
    return process;
  }

  async advance(byMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < byMs; passedMs += 50) {
      this.clock.advance(50);
      await microtasksDone();
    }
  }

  /** Until the plan is in that phase, for two minutes at most. */
  async until(phase: ReshardPhase): Promise<void> {
    for (let looks = 0; looks < 2_400 && this.store.plan?.phase !== phase; looks++) await this.advance(50);
    assert.equal(this.store.plan?.phase, phase);
  }
}

/** So many processes, of which the first has begun a change from 2 to 4 shards, and whose new shards are connected. */
async function changing(count: number): Promise<{ world: World; processes: Process[] }> {
  const world = new World();
  const processes = Array.from({ length: count }, (_, index) => world.start(`p${index + 1}`));
  // One old shard each, as far as there are some.
  processes.slice(0, 2).forEach(({ old }) => old.shards = old.readyShards = 2 / Math.min(count, 2));
  await world.advance(1_000);
  const to = Math.max(2, count) * 2;
  assert.equal(await processes[0]?.resharding.ask(to), null);
  await world.advance(1_000);
  for (const process of processes) {
    process.connect();
    assert.deepEqual(process.done.filter(isOfNote), [`begins 2 to ${to} in b`]);
  }
  return { world, processes };
}

Deno.test("Resharding switches once every process is ready, all with what all have published and seen", async () => {
  const { world, processes } = await changing(2);
  await world.until("holding");
  await world.until("done");
  await world.advance(1_000);
  for (const process of processes) {
    assert.deepEqual(process.done, [
      "watches",
      "keeps all",
      "holds",
      "retires",
      "takes over with published by p1, published by p2",
      "runs the new side",
      "leaves its sessions",
      "has taken over",
      "ends with seen by p1, seen by p2",
    ]);
    const phases = process.observations.of("reshard.phase").map(({ phase }) => phase);
    assert.deepEqual(phases, ["rehearsing", "holding", "taking_over", "done"]);
    assert.deepEqual(process.observations.of("reshard.ended").map(({ late }) => late), [1]);
  }
});

Deno.test("Resharding waits for every new shard, and for what any process waits for, and says what that is", async () => {
  const { world, processes: [one, other] } = await changing(3);
  if (other?.next === null || other?.next === undefined) throw new Error("nothing has begun");
  other.next.readyShards = 1;
  await world.advance(30_000);
  assert.equal(world.store.plan?.phase, "rehearsing");
  const told = () => other.observations.of("reshard.progress").at(-1)?.obstacle;
  assert.equal(told(), "1 of its 2 new shards are not connected");
  other.connect();
  other.old.obstacle = "3 events wait in the spool";
  await world.advance(6_000);
  assert.equal(told(), "its new shards have just connected");
  await world.advance(10_000);
  assert.equal(told(), "3 events wait in the spool");
  assert.equal(world.store.plan?.phase, "rehearsing");
  assert.deepEqual(one?.done, ["watches"]);
  other.old.obstacle = null;
  await world.until("done");
});

Deno.test("Resharding lets all go on where one cannot be held back, and tries again later", async () => {
  const { world, processes: [one, other] } = await changing(2);
  if (other === undefined) throw new Error("there are two");
  other.old.published = null;
  await world.until("holding");
  await world.until("rehearsing");
  await world.advance(500);
  for (const process of [one, other]) {
    assert.deepEqual(process?.done, ["watches", "keeps all", "holds", "lets on", "watches"]);
  }
  await world.advance(9_000);
  assert.equal(world.store.plan?.phase, "rehearsing", "not at once");
  other.old.published = ["late"];
  await world.until("done");
  assert(one?.done.includes("takes over with late, published by p1"));
});

Deno.test("Resharding is abandoned until others take over, and not after that", async () => {
  const { world, processes: [one, other] } = await changing(2);
  await world.until("holding");
  assert.equal(await other?.resharding.abandon("enough"), null);
  await world.advance(1_000);
  assert.equal(world.store.plan?.phase, "abandoned");
  assert(one?.done.slice(-2).join() === "lets on,new side stops");
  assert.deepEqual(one?.observations.of("reshard.abandoned").map(({ reason }) => reason), ["enough"]);
  assert.equal(
    await one?.resharding.abandon("again"),
    "No change of the number of shards is under way",
  );
  const second = await changing(2);
  await second.world.until("taking_over");
  assert.match(await second.processes[0]?.resharding.abandon("late") ?? "", /taken over already/);
  await second.world.until("done");
});

Deno.test("Resharding goes on without a process that dies, in whatever phase", async () => {
  for (const phase of ["rehearsing", "holding", "taking_over"] as const) {
    const { world, processes: [one, other] } = await changing(2);
    if (phase !== "rehearsing") await world.until(phase);
    await other?.resharding.stop();
    await world.advance(500);
    world.members.delete("p2");
    // Others have its new shards by and by.
    if (one?.next) one.next.readyShards = one.next.shards = 4;
    if (one !== undefined) one.old.shards = one.old.readyShards = 2;
    await world.until("done");
    assert(one?.did.some((did) => did.startsWith("ends with")), phase);
  }
});

Deno.test("Resharding publishes what it holds back where the store does not say how it goes on, and takes over once it does", async () => {
  const { world, processes: [one, other] } = await changing(2);
  if (one === undefined || other === undefined) throw new Error("there are two");
  await world.until("holding");
  await world.advance(50);
  one.did.splice(0, one.did.indexOf("keeps all"));
  one.isCutOff = true;
  await world.until("taking_over");
  await world.advance(4_000);
  assert.deepEqual(one.did, [
    "keeps all",
    "holds",
    "lets on",
    "watches",
  ], "and what its new side has is kept");
  one.did.splice(0);
  one.isCutOff = false;
  await world.advance(1_000);
  assert.deepEqual(one.done.slice(0, 3), [
    "retires",
    "takes over with published by p1, published by p2",
    "runs the new side",
  ]);
  await world.until("done");
});

Deno.test("Resharding that has taken over has a store go on that has forgotten it", async () => {
  const { world, processes: [one, other] } = await changing(2);
  await world.until("taking_over");
  await world.advance(100);
  const begun = { ...world.store.plan ?? assert.fail("no plan"), phase: "rehearsing" as const };
  world.store.empty();
  await world.store.restore(begun);
  await world.until("done");
  for (const process of [one, other]) {
    assert.equal(process?.done.filter((did) => did.startsWith("takes over")).length, 1);
  }
  world.store.empty();
  await world.advance(2_000);
  assert.equal(world.store.plan?.phase, "done", "and puts it back where all is forgotten");
});

Deno.test("Resharding that has slept through a change takes over as well", async () => {
  const world = new World();
  const process = world.start("sleeper");
  await world.advance(1_000);
  world.store.empty();
  await world.store.begin(reshardPlan({ from: 2, to: 4, phase: "done" }));
  await world.advance(2_000);
  assert.deepEqual(process.done.slice(0, 3), ["begins 2 to 4 in b", "retires", "takes over with "]);
});

Deno.test("Resharding leaves a change alone that is over when it starts", async () => {
  for (const plan of [reshardPlan({ phase: "abandoned" }), reshardPlan({ phase: "done", bank: "a" })]) {
    const world = new World();
    await world.store.begin(plan);
    const process = world.start("p1", plan);
    process.old.total = plan.phase === "done" ? plan.to : plan.from;
    await world.advance(2_000);
    assert.deepEqual([process.done, process.observations.all], [[], []]);
  }
});

Deno.test("Resharding waits for every old shard too: what one of them has still to get nobody else has", async () => {
  const { world, processes: [one] } = await changing(2);
  if (one === undefined) throw new Error("there are two");
  one.old.readyShards = 0;
  await world.advance(60_000);
  assert.equal(world.store.plan?.phase, "rehearsing");
  const said = one.observations.of("reshard.progress").at(-1)?.obstacle;
  assert.equal(said, "1 of its 1 old shards are not connected");
  // Nor where nobody has it.
  one.old.shards = 0;
  await world.advance(10_000);
  assert.equal(world.store.plan?.phase, "rehearsing");
  one.old.shards = one.old.readyShards = 1;
  await world.until("done");
});

Deno.test("Resharding holds nothing back for long where one of all does not tell, or cannot", async () => {
  const { world, processes: [one, other] } = await changing(2);
  if (one === undefined || other === undefined) throw new Error("there are two");
  await world.until("holding");
  // It dies, and for its lease's time nobody knows.
  await other.resharding.stop();
  await world.until("rehearsing");
  await world.advance(500);
  assert.deepEqual(one.done.slice(-2), ["lets on", "watches"]);
  world.members.delete("p2");
  one.old.shards = one.old.readyShards = 2;
  if (one.next !== null) one.next.readyShards = one.next.shards = 4;
  await world.until("done");

  const second = await changing(1);
  const [alone] = second.processes;
  await second.world.until("holding");
  // What it would tell is refused, once.
  second.world.store.refusals = 1;
  await second.world.until("done");
  assert(alone?.done.includes("takes over with published by p1"));
});

Deno.test("Resharding whose process starts anew while events are held back lets them on first", async () => {
  const { world, processes: [one, other] } = await changing(2);
  await world.until("holding");
  await other?.resharding.stop();
  world.members.delete("p2");
  const again = world.start("p3", world.store.plan);
  again.old.shards = again.old.readyShards = 1;
  await world.advance(1_000);
  assert.equal(world.store.plan?.phase, "rehearsing");
  assert.deepEqual(one?.done.slice(-2), ["lets on", "watches"]);
  again.connect();
  await world.until("done");
});

Deno.test("Resharding ends a change of which nobody is left, once it has taken over", async () => {
  const { world, processes } = await changing(1);
  await world.until("taking_over");
  await world.advance(100);
  const [before] = processes;
  await before?.resharding.stop();
  assert.equal(before?.done.at(-1), "ends with seen by p1", "what only the old side has seen");
  world.members.clear();
  const again = world.start("p2", world.store.plan);
  again.old.bank = "b";
  again.old.total = 2;
  await world.until("done");
  assert.deepEqual(again.done, []);
});

Deno.test("Resharding that has missed more than one change wants to start anew", async () => {
  const missed = [
    reshardPlan({ id: "third", bank: "a", from: 4, to: 8, phase: "done" }),
    reshardPlan({ id: "second", bank: "a", from: 4, to: 8, phase: "rehearsing" }),
  ];
  for (const plan of missed) {
    const world = new World();
    const sleeper = world.start("sleeper", reshardPlan({ id: "before", phase: "abandoned" }));
    await world.store.begin(plan);
    await world.advance(1_000);
    assert.equal(sleeper.done[0], "has missed too much", plan.phase);
  }
});

Deno.test("Resharding begins nothing that cannot be gone through with, and says why", async () => {
  const world = new World();
  const process = world.start("p1");
  const { resharding } = process;
  process.old.total = null;
  assert.match(await resharding.ask(4) ?? "", /not running yet/);
  process.old.total = 2;
  assert.match(await resharding.ask(2) ?? "", /are 2 shards already/);
  process.identifiesLeft = 3;
  assert.match(await resharding.ask(4) ?? "", /4 sessions would have to be begun, and Discord allows 3 more/);
  process.identifiesLeft = null;
  assert.match(await resharding.ask(4) ?? "", /did not say/);
  process.old.capacity = 3;
  assert.match(await resharding.ask(4) ?? "", /take 3 shards at most/);
  process.old.capacity = Infinity;
  process.identifiesLeft = 4;
  process.isCutOff = true;
  assert.match(await resharding.ask(4) ?? "", /Redis did not take/);
  process.isCutOff = false;
  assert.equal(world.store.plan, null);
  assert.equal(await resharding.ask(4), null);
  assert.equal(await resharding.ask(4), null, "asked again");
  process.identifiesLeft = 8;
  assert.match(await resharding.ask(8) ?? "", /under way/);
});
