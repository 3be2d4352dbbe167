/** The services of one process, and of several, while the number of shards changes. */
import assert from "node:assert/strict";
import { parseConfig } from "../../gateway/config.ts";
import { type Exit, EXIT_CONFIGURATION, EXIT_OUTDATED } from "../../gateway/exit.ts";
import type { GenerationPorts } from "../../gateway/generation.ts";
import { Generations } from "../../gateway/generations.ts";
import { type Bank, BANKS } from "../../gateway/resume/bank.ts";
import { runningBy } from "../../gateway/reshard/plan.ts";
import { reshardPlan } from "../contracts/reshard_store_contract.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { MemoryLeases } from "../fakes/memory_leases.ts";
import { MemoryReshardStore } from "../fakes/memory_reshard_store.ts";
import { MemoryResumePoints } from "../fakes/memory_resume_points.ts";
import { MemoryTransport } from "../fakes/memory_transport.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { Observations } from "../fakes/observations.ts";
import { ServiceRig } from "./service_rig.ts";

const STEP_MS = 20;
const SETTINGS = { SHARDS_TOTAL: "2" };

/** What each bank has of its own. */
interface Kept {
  readonly points: MemoryResumePoints;
  readonly leases: MemoryLeases;
}

class World {
  readonly clock = new ManualClock();
  readonly store = new MemoryReshardStore();
  readonly transport = new MemoryTransport({ answering: true });
  readonly kept = new Map<Bank, Kept>(BANKS.map((bank) => [bank, {
    points: new MemoryResumePoints(),
    leases: new MemoryLeases(() => this.clock.wallMs()),
  }]));
  readonly rigs: ServiceRig[] = [];

  start(settings: Record<string, string> = SETTINGS): Process {
    return new Process(this, settings);
  }

  /** Every broker connection is there, and confirms at once. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.clock.advance(STEP_MS);
      await microtasksDone();
      for (const { publisher } of this.rigs) {
        if (!publisher.isStarted) continue;
        if (!publisher.isOpen) publisher.open();
        publisher.confirmAll();
      }
      await microtasksDone();
    }
  }

  /** What was published, by whomever, as the ids of messages. */
  get published(): number[] {
    return this.rigs.flatMap(({ publisher }) => publisher.confirmed).filter(({ type }) =>
      type === "MESSAGE_CREATE"
    )
      .map(({ body }) => JSON.parse(new TextDecoder().decode(body)).d.id);
  }

  /** A message that all sessions there are told. */
  tell(id: number): void {
    for (const connection of this.transport.standing) connection.dispatch("MESSAGE_CREATE", { id });
  }
}

class Process {
  readonly observations = new Observations();
  readonly generations: Generations;
  readonly exits: Exit[] = [];
  changedTo: number | null = null;
  ports: GenerationPorts | null = null;

  constructor(world: World, settings: Record<string, string>) {
    const parsed = parseConfig({ BOT_TOKEN: "token", SHARDS_WAIT: "0", ...settings }, {
      isTerminal: false,
      replicaName: "test",
      readFile: () => assert.fail("no file is named"),
    });
    assert(parsed.ok, JSON.stringify(parsed));
    this.generations = new Generations({
      config: parsed.config,
      clock: world.clock,
      observe: this.observations.observe,
      store: world.store,
      create: (ports) => {
        this.ports = ports;
        const { bank } = ports.isNext ? world.store.plan ?? runningBy(null) : runningBy(world.store.plan);
        const { points, leases } = world.kept.get(bank) ?? assert.fail("there are two banks");
        const { clock, transport } = world;
        const rig = new ServiceRig(settings, { clock, transport, points, leases, generation: ports });
        // As a connection to each server would tell.
        for (const purpose of ["publishing", "consuming"] as const) {
          rig.service.observe({ kind: "broker.connected", purpose, address: "127.0.0.1:5672" });
        }
        world.rigs.push(rig);
        return rig.service;
      },
      changed: (total) => this.changedTo = total,
      disconnect: () => Promise.resolve(),
    });
    this.generations.failed.then((exit) => this.exits.push(exit));
    this.generations.start();
  }
}

Deno.test("Generations run another service beside the first, and go on with it: what happens comes once", async () => {
  const world = new World();
  const process = world.start();
  await world.pass(1_000);
  const [first] = world.rigs;
  assert.equal(process.generations.service, first?.service);
  assert.equal(await process.ports?.reshard(4), null);
  let told = 0;
  for (let seconds = 0; seconds < 30 && world.store.plan?.phase !== "done"; seconds += 1) {
    await world.pass(1_000);
    // Shard 0 of 2 and of 4, and so on: to as many sessions as there are, all but one of each kind too many.
    const [oldSession, newSession] = [2, 4].map((count) =>
      world.transport.standing.find((connection) =>
        JSON.stringify(connection.sent).includes(`"shard":[0,${count}]`)
      )
    );
    told += 1;
    oldSession?.dispatch("MESSAGE_CREATE", { id: told });
    newSession?.dispatch("MESSAGE_CREATE", { id: told });
  }
  await world.pass(1_000);
  assert.equal(world.store.plan?.phase, "done");
  assert.deepEqual(world.published, Array.from({ length: told }, (_, index) => index + 1));
  const { service } = process.generations;
  assert.notEqual(service, first?.service);
  assert.deepEqual([service.total, service.bank, process.changedTo], [4, "b", 4]);
  assert.equal(first?.isStoreDisconnected, true, "the first one has let go of everything");
});

Deno.test("Generations begin where the last change has left off, and say where the settings are behind", async () => {
  const world = new World();
  await world.store.begin(reshardPlan({ from: 2, to: 4, phase: "done", superseded: [1] }));
  for (
    const [settings, expected, warnings] of [
      [{ SHARDS_TOTAL: "2" }, 4, 1],
      [{ SHARDS_TOTAL: "1" }, 4, 1],
      [{ SHARDS_TOTAL: "4" }, 4, 0],
      [{ SHARDS_TOTAL: "3" }, 3, 0],
    ] as const
  ) {
    const process = world.start(settings);
    await world.pass(1_000);
    const { service } = process.generations;
    assert.deepEqual([service.total, service.bank], [expected, "b"], JSON.stringify(settings));
    const told = process.observations.of("service.warning").map(({ message }) => message);
    assert.equal(told.length, warnings);
    for (const message of told) assert.match(message, /changed to 4.*SHARDS_TOTAL=4/);
    const stopped = process.generations.stop();
    await world.pass(12_000);
    await stopped;
  }
});

Deno.test("Generations wait for a store that does not answer, and stop meanwhile", async () => {
  const world = new World();
  world.store.isAway = true;
  const process = world.start();
  await world.pass(1_000);
  assert.equal(process.generations.service.total, null);
  world.store.isAway = false;
  await world.pass(1_000);
  assert.equal(process.generations.service.total, 2);
  world.store.isAway = true;
  const other = new World();
  other.store.isAway = true;
  const waiting = other.start();
  await other.pass(200);
  const stopped = waiting.generations.stop();
  await other.pass(12_000);
  await stopped;
});

Deno.test("Generations abandon a change whose new sessions Discord refuses, and run on", async () => {
  const world = new World();
  const process = world.start();
  await world.pass(1_000);
  await process.ports?.reshard(4);
  // What was identified before it nobody else knows of: it is waited for.
  await world.pass(8_000);
  const refused = world.transport.standing.find(({ sent }) => JSON.stringify(sent).includes('"shard":[0,4]'));
  refused?.end(4010);
  await world.pass(15_000);
  assert.equal(world.store.plan?.phase, "abandoned");
  assert.match(world.store.plan.reason ?? "", /4010/);
  assert.deepEqual(process.exits, []);
  assert.deepEqual([process.generations.service.total, process.generations.service.readyShards], [2, 2]);
  // The same of one that runs ends the process.
  world.transport.standing[0]?.end(4010);
  await world.pass(1_000);
  assert.deepEqual(process.exits.map(({ status }) => status), [EXIT_CONFIGURATION]);
});

Deno.test("Generations end a process that has missed more than one change", async () => {
  const world = new World();
  const process = world.start();
  await world.pass(1_000);
  await world.store.begin(reshardPlan({ from: 4, to: 8, bank: "a", phase: "done" }));
  await world.pass(2_000);
  assert.deepEqual(process.exits.map(({ status }) => status), [EXIT_OUTDATED]);
});

Deno.test("Generations refuse a change where only some of the shards run here", async () => {
  const world = new World();
  const process = world.start({ ...SETTINGS, SHARDS_END: "0" });
  await world.pass(1_000);
  const refusal = await process.ports?.reshard(4);
  assert.equal(refusal?.error, "cannot_reshard");
  assert.match(refusal.message, /SHARDS_START, SHARDS_END/);
  assert.match((await process.ports?.reshard(null))?.message ?? "", /No change/);
});
