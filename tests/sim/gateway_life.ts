/**
 * The simulated operator's side of the gateway: starts it, lets it crash, stops it in order, starts it again, with
 * other settings where asked.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Config, parseConfig } from "../../gateway/config.ts";
import { LEAD_LEASE, shardLease } from "../../gateway/fleet/leases.ts";
import { failureText } from "../../gateway/failure.ts";
import type { Publisher } from "../../gateway/delivery/publisher.ts";
import { FIRST_BANK } from "../../gateway/resume/bank.ts";
import { GatewayService } from "../../gateway/service.ts";
import { StatePlan } from "../../gateway/state/plan.ts";
import { StatePublisher } from "../../gateway/state/publisher.ts";
import { StateWriter } from "../../gateway/state/writer.ts";
import { plainDigest } from "../fakes/plain_digest.ts";
import type { SimulatedBroker } from "./broker.ts";
import { reportUnwritten } from "./checkers/beginnings.ts";
import type { SimulatedCommandQueue } from "./command_queue.ts";
import type { SimulatedDiscord } from "./discord.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { FleetCommands } from "./fleet_commands.ts";
import { GatewayProcess } from "./gateway_process.ts";
import type { Machine } from "./machine.ts";
import type { NewsExchange } from "./news_exchange.ts";
import type { ReplicaPlan } from "./plan.ts";
import type { SimulatedRedis } from "./redis.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

/** What a stop in order may take (contract, Process). */
const STOP_MAX_MS = 10_000;
/** Its first segment is the bot's id in base64, as in a real one. */
const TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.sim.ulated";
/** GUILDS and GUILD_MESSAGES; the other value adds GUILD_MESSAGE_REACTIONS. */
export const INTENTS = [513, 1_537] as const;

export interface Surroundings {
  readonly discord: SimulatedDiscord;
  readonly broker: SimulatedBroker;
  readonly news: NewsExchange;
  readonly redis: SimulatedRedis;
  /** Of a gateway that is alone. */
  readonly commands: SimulatedCommandQueue;
  readonly fleetCommands: FleetCommands;
}

/** What all gateways of a history are started with, from the next start on. */
export class Settings {
  intents: number = INTENTS[0];
  total: number;
  #processes = 0;

  constructor(total: number) {
    this.total = total;
  }

  nextProcess(): number {
    return ++this.#processes;
  }
}

/** Where a gateway's processes run. */
export interface Home {
  readonly machine: Machine;
  readonly disk: SimulatedDisk;
}

interface Running {
  readonly process: GatewayProcess;
  readonly service: GatewayService;
}

export class GatewayLife {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #surroundings: Surroundings;
  readonly #settings: Settings;
  readonly machine: Machine;
  readonly disk: SimulatedDisk;
  /** Null for a gateway that is alone. */
  readonly plan: ReplicaPlan | null;
  #running: Running | null = null;
  #isStopping = false;
  /** It did not stand still, nor was it cut off, since then. */
  #undisturbedSinceMs = 0;
  #restNotBeforeMs = 0;

  constructor(
    scene: Scene,
    dice: SeededDice,
    surroundings: Surroundings,
    { settings, machine, disk, plan }: Home & {
      readonly settings: Settings;
      readonly plan: ReplicaPlan | null;
    },
  ) {
    this.#scene = scene;
    this.#dice = dice;
    this.#surroundings = surroundings;
    this.#settings = settings;
    this.machine = machine;
    this.disk = disk;
    this.plan = plan;
  }

  get isPaused(): boolean {
    return this.#running?.process.isPaused ?? false;
  }

  /** It did not run on as usual. */
  disturbed(): void {
    this.#undisturbedSinceMs = this.#scene.clock.nowMs();
  }

  /** Number of the process that runs; 0 where none does. */
  get livingProcess(): number {
    return this.#running?.process.number ?? 0;
  }

  get unconfirmed(): { events: number; bytes: number } {
    return this.#running?.service.unconfirmed ?? { events: 0, bytes: 0 };
  }

  start(): void {
    const { clock, report, history, checkers, ledger, plan } = this.#scene;
    const { discord, broker, news, redis, commands, fleetCommands } = this.#surroundings;
    const { disk, machine } = this;
    const { total, intents } = this.#settings;
    if (this.#running !== null) return;
    const process = new GatewayProcess({
      number: this.#settings.nextProcess(),
      clock,
      machine,
      died: () => this.#died(process),
    });
    history.note("state", machine.name, `process ${process.number} starts`);
    discord.processStarts(process, { total, intents });
    const config = this.#config();
    const turns = redis.sharedTurns(process);
    let statePublisher: StatePublisher | null = null;
    const service: GatewayService = new GatewayService(config, {
      clock: process.clock,
      dice: this.#dice.fork().roll,
      transport: discord.transport(process, disk),
      publisher: (fence) => {
        const publisher = fence(broker.publisher(process, disk));
        statePublisher = this.#stateBefore(config, process, publisher);
        return statePublisher ?? publisher;
      },
      learn: (shards) => statePublisher?.learn(shards) ?? Promise.resolve(),
      notices: news.notices(process),
      commands: plan.fleet === null
        ? { kind: "alone", source: commands.source(process) }
        : { kind: "fleet", links: (member) => fleetCommands.links(process, member) },
      points: redis.points(process, {
        get member(): string {
          return service.member;
        },
        tokenOf: (shard) => service.tokenOf(shardLease(shard)),
        leadToken: () => service.tokenOf(LEAD_LEASE),
      }),
      leases: redis.leases(process),
      sharedTurns: () => turns,
      place: () => Promise.resolve({ bank: FIRST_BANK, total: null }),
      reshard: () => Promise.resolve(null),
      drained: () => {},
      adopt: () => {},
      digest: plainDigest,
      siblings: null,
      processId: `process-${process.number}`,
      board: redis.board(process),
      // Nothing follows from the figures, whatever becomes of them.
      figures: { forgetReplicas: () => Promise.resolve(), write: () => Promise.resolve() },
      version: "0.0.0",
      spool: config.events.spool && disk.spool(process),
      guildNames: null,
      tracer: null,
      readGatewayBot: () => discord.readGatewayBot(process),
      disconnectStore: () => process.asks((resolve) => clock.after(5, resolve)),
      observe: process.into((observation) => {
        // What others of a fleet send counts too.
        if (observation.kind === "identify.budget" && plan.fleet === null) {
          const { identifiesLeft, budgetReadAtMs } = discord;
          checkers.identifies.counted({
            left: observation.remaining,
            remaining: identifiesLeft,
            readAtMs: budgetReadAtMs,
          });
        }
        if (observation.kind === "shard.identifying") checkers.identifies.sent(clock.nowMs());
        if (observation.kind === "event.quarantined") {
          const dispatch = ledger.dispatch(observation.session, observation.sequence);
          if (dispatch !== undefined) dispatch.isGivenUp = true;
        }
        if (observation.kind === "spool.unreadable") disk.givenUp(observation.shard);
        const { kind, ...facts } = observation;
        if (STATE_OBSERVATIONS.has(kind)) {
          history.note("state", machine.name, `${kind} ${JSON.stringify(facts)}`);
        }
      }),
      confirmed: () => {},
    });
    this.#running = { process, service };
    this.#isStopping = false;
    const failed = process.into((error: unknown) => report(`the gateway failed: ${failureText(error)}`));
    service.start().catch(failed);
    service.failed.then(process.into(({ message }) => report(`the gateway gave up: ${message}`)));
  }

  /** Dies now. */
  crash(): void {
    this.#running?.process.die();
  }

  /** Dies at its next call to the outside but so many. */
  crashAtStep(steps: number): void {
    this.#running?.process.dieAfter(steps);
  }

  /** Dies now, and is not there again for so long at least. */
  crashFor(restMs: number): void {
    this.#restNotBeforeMs = this.#scene.clock.nowMs() + restMs;
    this.crash();
  }

  /** Stops in order. */
  stop(): void {
    const running = this.#running;
    if (running === null || this.#isStopping) return;
    this.#isStopping = true;
    const { clock, history, report } = this.#scene;
    const { process, service } = running;
    history.note("state", this.machine.name, `process ${process.number} is to stop`);
    const startedAtMs = clock.nowMs();
    service.stop().then(process.into(() => {
      const tookMs = clock.nowMs() - startedAtMs;
      const isUndisturbed = this.#undisturbedSinceMs <= startedAtMs;
      if (tookMs > STOP_MAX_MS && isUndisturbed) report(`the gateway took ${tookMs} ms to stop`);
      process.die();
    }));
  }

  /** Nothing of it runs for a while. */
  pause(forMs: number, slept: boolean): void {
    const running = this.#running;
    if (running === null || running.process.isPaused) return;
    const { clock, history } = this.#scene;
    const { process } = running;
    process.pause();
    const awakening = this.#dice.pick(["in order", "timers first", "timers last"] as const);
    history.note("state", this.machine.name, `process ${process.number} stands still for ${forMs} ms`);
    clock.after(forMs, () => {
      if (!process.isPaused) return;
      this.disturbed();
      history.note("state", this.machine.name, `process ${process.number} goes on, ${awakening}`);
      process.goOn(awakening, slept);
    });
  }

  /** Before the broker, where there is a state cache. */
  #stateBefore(
    { state, events }: Config,
    process: GatewayProcess,
    publisher: Publisher,
  ): StatePublisher | null {
    if (state === null) return null;
    const { clock, report } = this.#scene;
    const store = this.#surroundings.redis.stateStore(process);
    const plan = new StatePlan(state);
    return new StatePublisher({
      publisher,
      store,
      plan,
      writer: new StateWriter({
        store,
        plan,
        nextTurn: () => process.asks((resolve) => clock.after(0, resolve)),
      }),
      choice: events.choice,
      isStrict: state.strict,
      // One gateway at a time runs all of them.
      isOurs: () => true,
      clock: process.clock,
      written: () => {},
      observe: process.into((observation) => {
        if (observation.kind === "state.failed") report(`the state cache failed: ${observation.error}`);
      }),
    });
  }

  #died(process: GatewayProcess): void {
    const { clock, history, ledger, plan, report, checkers } = this.#scene;
    history.note("state", this.machine.name, `process ${process.number} is gone`);
    checkers.state?.troubled(clock.nowMs());
    this.#running = null;
    const { discord, redis, fleetCommands } = this.#surroundings;
    const redisSinceMs = this.machine.isCut("redis") ? Infinity : redis.wellSinceMs(process);
    discord.processDied(process);
    redis.processDied(process);
    fleetCommands.processDied(process);
    const diskSinceMs = plan.spoolMaxBytes === null ? Infinity : this.disk.wellSinceMs;
    const writableSinceMs = Math.max(Math.min(redisSinceMs, diskSinceMs), this.#undisturbedSinceMs);
    reportUnwritten(
      ledger.sessions,
      {
        process: process.number,
        atMs: clock.nowMs(),
        writableSinceMs,
        runs: (shard, sinceMs) => {
          const { leases } = checkers;
          const heldSinceMs = leases?.heldSinceMs(shard, process.number) ?? Infinity;
          return leases === null || heldSinceMs <= sinceMs;
        },
      },
      report,
    );
    const restartAfterMs = this.#dice.between(1_000, 8_000);
    clock.after(Math.max(restartAfterMs, this.#restNotBeforeMs - clock.nowMs()), () => this.start());
  }

  #config(): Config {
    const { plan } = this.#scene;
    const parsed = parseConfig({
      BOT_TOKEN: TOKEN,
      COMPRESS: "none",
      INTENTS: String(this.#settings.intents),
      SHARDS_TOTAL: String(this.#settings.total),
      ...(plan.fleet === null ? {} : {
        FLEET: "true",
        LEASE_TTL: String(plan.fleet.leaseTtlMs / 1_000),
        REPLICA_NAME: this.machine.name,
      }),
      MAX_UNCONFIRMED_BYTES: String(plan.memoryMaxBytes),
      SPOOL_PATH: plan.spoolMaxBytes === null ? "off" : "spool",
      ...(plan.spoolMaxBytes === null ? {} : { SPOOL_MAX_BYTES: String(plan.spoolMaxBytes) }),
      SILENCE_MIN: String(plan.silenceMinutes),
      ...(plan.state === null ? {} : {
        STATE_ENABLED: "true",
        STATE_MEMBER: "true",
        STATE_MESSAGE: "true",
        STATE_PRESENCE: "true",
        STATE_EMOJI: "true",
        STATE_VOICE: "true",
        STATE_OLD: String(plan.state.old),
      }),
    }, {
      isTerminal: false,
      replicaName: "sim",
      readFile: () => assert.fail("no file is named"),
    });
    assert(parsed.ok, JSON.stringify(parsed));
    return parsed.config;
  }
}

/** What of the gateway's own words is worth a line. */
const STATE_OBSERVATIONS: ReadonlySet<string> = new Set([
  "shard.ready",
  "shard.resuming",
  "shard.resumed",
  "shard.disconnected",
  "shard.reconnecting",
  "shard.zombie",
  "shard.silent",
  "shard.parked",
  "shard.unparked",
  "shard.gap",
  "shard.fatal",
  "frame.unreadable",
  "event.quarantined",
  "points.refused",
  "spool.opened",
  "spool.late",
  "spool.used",
  "spool.emptied",
  "spool.moved_aside",
  "spool.refused",
  "spool.unreadable",
  "spool.full",
  "spool.room",
  "service.warning",
  "service.late",
  "fleet.joined",
  "fleet.led",
  "leases.lapsed",
  "leases.regained",
  "points.fenced",
  "shard.handed_over",
  "shards.lost",
  "shards.begun",
]);
