/**
 * One simulated history from its first moment to its verdict: a storm of faults, then quiet, then the question
 * whether every promise was kept.
 *
 * @module
 */
import { MemoryState } from "../fakes/memory_state_store.ts";
import { microtasksDone } from "../fakes/microtasks.ts";
import { BOT_ID } from "./bot_world.ts";
import { SimulatedBroker } from "./broker.ts";
import { BoundsChecker } from "./checkers/bounds.ts";
import { GapChecker, isKnown } from "./checkers/gaps.ts";
import { IdChecker } from "./checkers/ids.ts";
import { IdentifyChecker } from "./checkers/identifies.ts";
import { LeaseChecker } from "./checkers/leases.ts";
import { reportLosses } from "./checkers/losses.ts";
import { OrderChecker } from "./checkers/order.ts";
import { PointChecker } from "./checkers/points.ts";
import { SendChecker } from "./checkers/sends.ts";
import { SessionEndChecker } from "./checkers/session_ends.ts";
import { StateChecker } from "./checkers/state.ts";
import { SimulatedCommandQueue } from "./command_queue.ts";
import { SimulatedDiscord } from "./discord.ts";
import { SimulatedDisk } from "./disk.ts";
import { FleetCommands } from "./fleet_commands.ts";
import { GatewayLife, Settings, type Surroundings } from "./gateway_life.ts";
import { History } from "./history.ts";
import { Ledger } from "./ledger.ts";
import { Machine } from "./machine.ts";
import { NewsExchange } from "./news_exchange.ts";
import { drawPlan, type Fault, type Plan } from "./plan.ts";
import { SimulatedRedis } from "./redis.ts";
import type { Scene } from "./scene.ts";
import { SeededDice } from "./seeded_dice.ts";
import { Storm } from "./storm.ts";
import { Takeover } from "./takeover.ts";
import { VirtualClock } from "./virtual_clock.ts";

/** Events go on for so long after the storm. */
const CALM_MS = 20_000;
/** By then everything is connected and published: backoffs, pauses and a silence to be noticed together take less. */
const HEALED_MAX_MS = 30 * 60_000;
const LOOK_EVERY_MS = 500;
/** What an event costs in memory besides its body, at most. */
const EVENT_COST_BYTES = 1_000;
const HISTORY_LINES = 400;

export interface Verdict {
  /** What was broken first; null where every promise was kept. */
  readonly failure: string | null;
  readonly history: History;
  readonly plan: Plan;
  readonly faults: ReadonlyMap<Fault, number>;
  readonly virtualMs: number;
  /** Sent by Discord, repeats left out. */
  readonly dispatched: number;
  readonly repeated: number;
  /** Written to the spool. */
  readonly spooled: number;
  readonly gaps: number;
  /** Sessions that began and ended before anybody could write down that they were there. */
  readonly unknownSessions: number;
  /** Shards of a fleet that somebody took, each time that one did. */
  readonly leasesTaken: number;
  /** Shards whose part of the state cache was held against the model, and all that had one. */
  readonly cached: { readonly held: number; readonly shards: number };
}

/**
 * Runs the history of a seed. The same seed gives the same one, whenever and wherever it runs. `keep`: how many lines
 * of the history are kept, of each weight.
 */
export async function runWorld(seed: number, keep = HISTORY_LINES): Promise<Verdict> {
  const dice = new SeededDice(seed);
  const plan = drawPlan(dice.fork());
  const clock = new VirtualClock();
  const history = new History({ nowMs: () => clock.nowMs(), keep });
  const ledger = new Ledger();
  let failure: string | null = null;
  const report = (what: string) => {
    history.note("state", "checker", what);
    failure ??= what;
  };
  const state = new MemoryState();
  const scene: Scene = {
    clock,
    history,
    ledger,
    plan,
    report,
    checkers: {
      bounds: new BoundsChecker(report, {
        memoryMaxBytes: plan.memoryMaxBytes,
        spoolMaxBytes: plan.spoolMaxBytes ?? 0,
        shards: plan.shards + 1,
        eventMaxBytes: plan.bodyMaxBytes + EVENT_COST_BYTES,
      }),
      gaps: new GapChecker(
        report,
        (id) => ledger.session(id),
        ({ shard }) =>
          plan.fleet !== null &&
          ledger.sessions.some((session) => session.shard === shard && session.isSpoolDamaged),
      ),
      identifies: new IdentifyChecker(report, { isShared: plan.fleet !== null }),
      ids: new IdChecker(report, { mayHaveOld: plan.state?.old === true }),
      leases: plan.fleet && new LeaseChecker(report, { ttlMs: plan.fleet.leaseTtlMs }),
      order: new OrderChecker(report),
      points: new PointChecker(report, { areSpoolsApart: plan.fleet !== null }),
      sends: new SendChecker(report),
      sessionEnds: new SessionEndChecker(report),
      state: plan.state && new StateChecker(report, {
        kept: {
          get keys() {
            return state.kept.keys();
          },
          text: (key) => state.text(key),
          named: (set) => state.named(set),
        },
        shardsTotal: plan.shards,
        botId: BOT_ID,
        isOldTold: plan.state.old,
        bodyMaxBytes: plan.bodyMaxBytes,
        dispatch: (session, sequence) => ledger.dispatch(session, sequence),
      }),
    },
  };
  const surroundings: Surroundings = {
    discord: new SimulatedDiscord(scene, dice.fork()),
    broker: new SimulatedBroker(scene, dice.fork()),
    news: new NewsExchange(scene, dice.fork()),
    redis: new SimulatedRedis(scene, dice.fork(), state),
    commands: new SimulatedCommandQueue(clock),
    fleetCommands: new FleetCommands(),
  };
  const [diskDice, lifeDice, stormDice, takeoverDice] = [dice.fork(), dice.fork(), dice.fork(), dice.fork()];
  const settings = new Settings(plan.shards);
  const disk = new SimulatedDisk(scene, diskDice);
  const home = { settings, machine: new Machine("gateway"), disk };
  const alone = () => new GatewayLife(scene, lifeDice, surroundings, { ...home, plan: null });
  const lives = plan.fleet?.replicas.map((replica, index) => {
    const machine = new Machine(`replica-${index + 1}`);
    machine.skewMs = replica.skewMs;
    const ownDisk = new SimulatedDisk(scene, dice.fork(), machine.name);
    return new GatewayLife(scene, dice.fork(), surroundings, {
      settings,
      machine,
      disk: ownDisk,
      plan: replica,
    });
  }) ?? [alone()];
  const storm = new Storm(scene, stormDice, surroundings, { settings, lives });

  const { discord, redis } = surroundings;
  const runs = (process: number, shard: number) =>
    plan.fleet === null ? process === lives[0]?.livingProcess : process === discord.processOf(shard);
  const unfinished = () =>
    discord.unfinished(settings.total) ?? firstOf(lives, ({ disk }) => disk.unfinished()) ??
      (plan.fleet && firstOf(range(plan.shards), astray)) ?? redis.unfinished(runs) ??
      redis.untold(settings.total, (session) => plan.fleet !== null && scene.checkers.gaps.isTold(session)) ??
      firstOf(lives, ({ unconfirmed }) => unconfirmed.events > 0 ? "events wait for the broker" : null);
  const astray = (shard: number) => {
    const [connected, holding] = [discord.processOf(shard), redis.holderOf(shard)];
    return connected === holding
      ? null
      : `shard ${shard} is connected in ${connected}, and held by ${holding}`;
  };

  let heldShards = 0;
  let ebbedAtMs = 0;
  let isOver = false;
  const look = () => {
    const missing = unfinished();
    isOver = missing === null;
    if (clock.nowMs() > ebbedAtMs + HEALED_MAX_MS) {
      report(`${HEALED_MAX_MS / 60_000} minutes after the last fault: ${missing}`);
    }
    clock.after(LOOK_EVERY_MS, look);
  };

  const ebb = () => {
    ebbedAtMs = clock.nowMs();
    discord.ebb();
    clock.after(LOOK_EVERY_MS, look);
  };

  for (const life of lives) life.start();
  storm.begin();
  clock.after(plan.stormMs, () => storm.end());
  clock.after(plan.stormMs + CALM_MS, () => {
    if (plan.fleet === null) return ebb();
    new Takeover(scene, takeoverDice, surroundings, { lives, over: ebb }).begin(plan.fleet);
  });
  while (!isOver && failure === null) {
    clock.step();
    await microtasksDone();
    for (const life of lives) scene.checkers.bounds.held(life.unconfirmed.bytes);
  }
  if (failure === null) {
    const livingProcess = plan.fleet === null ? lives[0]?.livingProcess ?? 0 : null;
    const { gaps } = scene.checkers;
    // Nobody tells of a shard that there is no more.
    const sessions = [...ledger.sessions].filter(({ shard }) => shard < settings.total);
    reportLosses({ sessions, livingProcess, covers: (dispatch) => gaps.covers(dispatch) }, report);
    gaps.finish(sessions);
    heldShards = scene.checkers.state?.finish(sessions.filter(({ end }) => end === null)) ?? 0;
  }
  for (const life of lives) life.crash();
  return {
    failure,
    history,
    plan,
    faults: storm.counts,
    virtualMs: clock.nowMs(),
    dispatched: discord.dispatched,
    repeated: surroundings.broker.repeated,
    spooled: lives.reduce((sum, { disk }) => sum + disk.written, 0),
    gaps: surroundings.news.gaps,
    unknownSessions:
      [...ledger.sessions].filter((session) => session.end !== null && !isKnown(session)).length,
    leasesTaken: scene.checkers.leases?.grantCount ?? 0,
    cached: { held: heldShards, shards: plan.state === null ? 0 : plan.shards },
  };
}

function firstOf<Item>(items: Iterable<Item>, find: (item: Item) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
