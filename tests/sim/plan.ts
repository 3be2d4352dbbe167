/**
 * What a seed decides before anything happens: how large the world is, how it behaves, what may go wrong in it.
 *
 * @module
 */
import type { SeededDice } from "./seeded_dice.ts";

/** Everything that can go wrong, and what bots and operators do. */
export const FAULTS = [
  // Discord and the way to it.
  "socket_reset",
  "socket_close",
  "socket_stall",
  "socket_deaf",
  "socket_silent",
  "reconnect_asked",
  "session_invalid",
  "session_forgotten",
  "connections_refused",
  "connections_mute",
  "frame_damaged",
  "dispatch_repeated",
  "dispatch_unnamed",
  "heartbeat_asked",
  "burst",
  "identify_unanswered",
  "rest_outage",
  // The broker.
  "broker_outage",
  "broker_blink",
  "broker_blocked",
  "broker_refusing",
  "event_poisoned",
  "event_oversized",
  "event_returned",
  "news_outage",
  // Redis.
  "redis_refusing",
  "redis_hanging",
  "redis_reply_lost",
  "redis_slow",
  // The disk.
  "disk_full",
  "disk_slow",
  "disk_unreadable",
  "disk_damaged",
  // The gateway.
  "crash",
  "crash_at_step",
  "crash_loop",
  "stop",
  "intents_changed",
  "total_changed",
  // Bots.
  "restart_resume",
  "restart_identify",
  "commands",
] as const;

/** What goes wrong besides where there are several gateways. */
export const FLEET_FAULTS = [
  "replica_paused",
  "replica_asleep",
  "wall_clock_set",
  "redis_cut_off",
  "broker_cut_off",
  "discord_cut_off",
  "redis_failover",
] as const;

export type Fault = typeof FAULTS[number] | typeof FLEET_FAULTS[number];

export interface Plan {
  readonly shards: number;
  readonly maxConcurrency: number;
  /** Mean time between the dispatches of one shard. */
  readonly dispatchEveryMs: number;
  readonly heartbeatMs: number;
  /** How long Discord keeps a session that nobody is attached to. */
  readonly sessionTtlMs: number;
  /** Dispatches that Discord keeps of a session. */
  readonly replayMost: number;
  /** Whether RESUMED is sent again after another RESUME. */
  readonly isResumedKept: boolean;
  /** Whether sockets that were left still say something. */
  readonly isHaunted: boolean;
  readonly identifiesPerDay: number;
  readonly memoryMaxBytes: number;
  /** Null: no spool. */
  readonly spoolMaxBytes: number | null;
  readonly silenceMinutes: number;
  readonly isConfirmedInOrder: boolean;
  /** Largest body that the broker takes. */
  readonly bodyMaxBytes: number;
  /** How long things go wrong, and how often. */
  readonly stormMs: number;
  readonly faultEveryMs: number;
  readonly faults: readonly Fault[];
  /** How the gateway keeps a state cache; null: it keeps none. */
  readonly state: StatePlan | null;
  /** Several gateways that share the shards; null: one. */
  readonly fleet: FleetPlan | null;
}

export interface FleetPlan {
  readonly leaseTtlMs: number;
  readonly replicas: readonly ReplicaPlan[];
}

export interface ReplicaPlan {
  /** By so much its wall clock is ahead. */
  readonly skewMs: number;
  /** Its machine may sleep, or its wall clock be set: what counts on either clock cannot bear both at a time. */
  readonly may: "sleep" | "be set";
}

export interface StatePlan {
  /** Whether events carry what was kept before them. */
  readonly old: boolean;
}

/** How often a fault is drawn compared with others. */
const WEIGHTS: Partial<Record<Fault, number>> = {
  crash: 3,
  crash_at_step: 6,
  broker_outage: 3,
  broker_blink: 3,
  redis_refusing: 2,
  redis_reply_lost: 2,
  socket_reset: 2,
  socket_close: 3,
};

const RARE: ReadonlySet<Fault> = new Set(["total_changed", "disk_damaged"]);
const MINUTE_MS = 60_000;

/**
 * What a cache is not held against: after these the events of one guild need not reach it in order, or not at all. Another
 * total hands guilds to other shards, and what a spool loses is missing in the cache too.
 */
const NOT_WITH_STATE: ReadonlySet<Fault> = new Set(["total_changed", "disk_damaged", "disk_unreadable"]);

/** Another number of shards is not for one of several replicas to decide. */
const NOT_IN_FLEETS: ReadonlySet<Fault> = new Set(["total_changed"]);
const FLEET_FAULT_WEIGHT = 3;

export function drawPlan(dice: SeededDice): Plan {
  const shards = dice.between(2, 6);
  const hasSpool = dice.chance(0.75);
  const plan = {
    shards,
    maxConcurrency: dice.pick([1, 1, 2, 16]),
    dispatchEveryMs: shards * dice.pick([150, 300, 600]),
    heartbeatMs: dice.pick([8_000, 20_000, 41_250]),
    sessionTtlMs: dice.pick([20_000, 60_000, 120_000]),
    replayMost: dice.pick([20, 100, 400]),
    isResumedKept: dice.chance(0.7),
    isHaunted: dice.chance(0.5),
    identifiesPerDay: dice.chance(0.8) ? 1_000 : dice.between(shards, shards + 8),
    memoryMaxBytes: dice.pick([32_768, 131_072, 1_048_576]),
    spoolMaxBytes: hasSpool ? dice.pick([16_384, 1_048_576, 1_048_576]) : null,
    silenceMinutes: dice.pick([0, 1, 1]),
    isConfirmedInOrder: dice.chance(0.6),
    bodyMaxBytes: 2_048,
    stormMs: dice.between(1, 4) * MINUTE_MS,
    faultEveryMs: dice.pick([1_500, 4_000, 10_000]),
    faults: drawFaults(dice),
  };
  // Later than all else, so that a plan without a cache, or a fleet, is the one that it would be if there were none.
  const state = dice.chance(0.25) ? { old: dice.chance(0.5) } : null;
  const fleet = dice.chance(1 / 3) ? drawFleet(dice) : null;
  if (fleet !== null) {
    const faults = plan.faults.filter((fault) => !NOT_IN_FLEETS.has(fault));
    const fleetFaults = drawKinds(dice, FLEET_FAULTS);
    const own = fleetFaults.flatMap((fault) => new Array<Fault>(FLEET_FAULT_WEIGHT).fill(fault));
    // Where much else goes wrong, what a fleet alone can do wrong seldom has the time.
    return { ...plan, state: null, fleet, faults: dice.chance(0.4) ? own : [...faults, ...own] };
  }
  if (state === null) return { ...plan, state, fleet };
  return { ...plan, state, fleet, faults: plan.faults.filter((fault) => !NOT_WITH_STATE.has(fault)) };
}

function drawFleet(dice: SeededDice): FleetPlan {
  return {
    leaseTtlMs: dice.between(3, 10) * 1_000,
    replicas: Array.from({ length: dice.between(2, 4) }, () => ({
      skewMs: dice.pick([0, 1, -1]) * dice.pick([40, 3_000, 600_000]),
      may: dice.pick(["sleep", "be set"] as const),
    })),
  };
}

/** Half of all kinds, so that each has room to matter. */
function drawFaults(dice: SeededDice): Fault[] {
  return drawKinds(dice, FAULTS).flatMap((fault) => new Array<Fault>(WEIGHTS[fault] ?? 1).fill(fault));
}

function drawKinds(dice: SeededDice, faults: readonly Fault[]): readonly Fault[] {
  const drawn = faults.filter((fault) => dice.chance(RARE.has(fault) ? 0.15 : 0.5));
  return drawn.length > 0 ? drawn : [dice.pick(faults)];
}
