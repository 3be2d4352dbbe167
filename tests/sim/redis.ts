/**
 * A simulated Redis in virtual time: it survives every gateway process, and what was sent to it is carried out in
 * order, whether or not anybody hears of it.
 *
 * @module
 */
import {
  type Fences,
  LEAD_LEASE,
  type Leases,
  type LeaseToken,
  shardLease,
  shardOfLease,
} from "../../gateway/fleet/leases.ts";
import { FORGOTTEN_MAX_MS } from "../../gateway/fleet/tenure.ts";
import { type SharedTurns, turnTimes } from "../../gateway/identify/shared_turns.ts";
import type { Board } from "../../gateway/resume/board.ts";
import type { PointChange, ResumePoints, StoredFleet, StoredShard } from "../../gateway/resume/points.ts";
import type { StateStore } from "../../gateway/state/store.ts";
import { MemoryTurnStore } from "../fakes/memory_shared_turns.ts";
import { type MemoryState, MemoryStateStore } from "../fakes/memory_state_store.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { reachableSequence } from "./ledger.ts";
import { RedisStore } from "./redis_store.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";
import { SimulatedStateStore } from "./state_store.ts";

/**
 * `refusing`: it answers at once that it will not. `hanging`: it is paused, and carries out later what was sent to it.
 * `reply_lost`: it carries out, and the answer is lost.
 */
export type RedisMood = "well" | "refusing" | "hanging" | "reply_lost" | "slow";

/** The client gives a call up by then. */
const ANSWER_MAX_MS = 5_000;

const NOTHING_STORED: StoredShard = { point: null, lost: [], presence: null, guilds: null };

/** Connections to Redis that may hang, one after the other, before a lease is not renewed in time (main.ts). */
const LEASE_TRIES = 5;
/** `SHARDS_WAIT` as it is by default. */
const IDENTIFY_SPACING_MS = 6_000;
/** Where a machine is cut off, what it sends may still arrive when it is no more. */
const LATE_ARRIVALS = 0.5;

/** Those that do not find for a while which server has taken the place of another. */
const LOST_CLIENTS = { "at once": 0.1, "parted": 0.2, "split": 0.5 };

/** A connection carries out what it is sent in order; another one may overtake it. */
interface RedisConnection {
  carriedOutAtMs: number;
}

/** Redis as one process of a fleet has it: a connection for its leases, and one for everything else. */
interface RedisClients {
  store: RedisStore;
  /** Since when that is the one. */
  sinceMs: number;
  readonly connections: { leases: RedisConnection; rest: RedisConnection };
}

type Use = keyof RedisClients["connections"];

export class SimulatedRedis {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #state: MemoryState;
  readonly #turns: MemoryTurnStore;
  /** The server whose word counts in the end. */
  #store: RedisStore;
  /** Outside a fleet there is one connection. */
  readonly #connection: RedisConnection = { carriedOutAtMs: 0 };
  readonly #clients = new Map<GatewayProcess, RedisClients>();
  #mood: RedisMood = "well";
  #wellSinceMs = 0;
  #isFailingOver = false;
  /** Sent to it while it hangs. */
  #paused: (() => void)[] = [];
  writes = 0;

  /** `state`: what it keeps of the state cache. */
  constructor(scene: Scene, dice: SeededDice, state: MemoryState) {
    this.#scene = scene;
    this.#dice = dice;
    this.#state = state;
    this.#store = new RedisStore(scene.clock);
    this.#turns = new MemoryTurnStore(scene.clock);
  }

  /** Since when it has been well for this process; Infinity where it is not. */
  wellSinceMs(process: GatewayProcess): number {
    const clients = this.#clients.get(process);
    if (this.#isFailingOver || clients?.store.isGone) return Infinity;
    return Math.max(this.#wellSinceMs, clients?.sinceMs ?? 0);
  }

  set mood(mood: RedisMood) {
    this.#mood = mood;
    this.#wellSinceMs = mood === "well" ? this.#scene.clock.nowMs() : Infinity;
    if (mood !== "hanging") { for (const carryOut of this.#paused.splice(0)) carryOut(); }
  }

  /**
   * Another server takes its place. What this one is told from now on is lost, though it goes on answering for up to a
   * second whoever has not yet heard of the other.
   */
  failOver(): void {
    if (this.#isFailingOver) return;
    const { clock, history } = this.#scene;
    const old = this.#store;
    const turns = this.#turns.snapshot();
    this.#isFailingOver = true;
    this.#store = old.copy(old.skewMs + this.#dice.between(-500, 500));
    // Some find the other while the old one still answers, or all of them when it is gone; or the network is split, and
    // some are on the old one's side.
    const way = this.#dice.pick(["at once", "parted", "split"] as const);
    const areParted = way !== "at once";
    const goesAfterMs = way === "split" ? FORGOTTEN_MAX_MS : this.#dice.between(1, FORGOTTEN_MAX_MS);
    const backAfterMs = areParted ? 0 : this.#dice.pick([0, 300, 1_500]);
    history.note("state", "redis", `is replaced, ${way}, and goes in ${goesAfterMs} ms`);
    for (const clients of this.#clients.values()) {
      const movesAfterMs = {
        "at once": goesAfterMs + this.#dice.between(0, backAfterMs),
        "parted": this.#dice.between(0, goesAfterMs),
        "split": this.#dice.between(0, 50),
      }[way];
      const isLost = this.#dice.chance(LOST_CLIENTS[way]);
      clock.after(isLost ? goesAfterMs + this.#dice.between(1_000, 20_000) : movesAfterMs, () => {
        if (clients.store !== old) return;
        clients.store = this.#store;
        clients.sinceMs = clock.nowMs();
      });
    }
    clock.after(goesAfterMs, () => {
      old.isGone = true;
      this.#turns.failOver(turns);
      this.#turns.back();
      history.note("state", "redis", "is another server now");
    });
    if (areParted) this.#turns.away();
    clock.after(goesAfterMs + backAfterMs, () => {
      this.#isFailingOver = false;
      if (this.#mood === "well") this.#wellSinceMs = clock.nowMs();
    });
  }

  leases(process: GatewayProcess): Leases {
    const { plan, checkers, clock } = this.#scene;
    const answerMaxMs = plan.fleet === null ? ANSWER_MAX_MS : plan.fleet.leaseTtlMs / LEASE_TRIES;
    // What the store carries out it carries out at once.
    const ask = <Value>(carryOut: (store: RedisStore) => Promise<Value>) =>
      this.#call(process, carryOut, { use: "leases", answerMaxMs }).then((done) => done);
    return {
      renew: async (...given) => {
        const sentAtMs = clock.nowMs();
        const view = await ask(({ leases }) => leases.renew(...given));
        checkers.leases?.renewed(process.number, sentAtMs);
        return view;
      },
      take: (...given) =>
        ask(async (store) => {
          const [member] = given;
          const taken = await store.leases.take(...given);
          this.#granted({ process, member }, store, taken);
          return taken;
        }),
      letGo: (...given) => ask(({ leases }) => leases.letGo(...given)),
      proclaim: (...given) => ask(({ leases }) => leases.proclaim(...given)),
      leave: (...given) => ask(({ leases }) => leases.leave(...given)),
    };
  }

  /** Null outside a fleet. */
  sharedTurns(process: GatewayProcess): SharedTurns | null {
    if (this.#scene.plan.fleet === null) return null;
    const member = `process-${process.number}`;
    const times = turnTimes(IDENTIFY_SPACING_MS);
    const turns = this.#turns.process(member, times);
    const ask = <Value>(carryOut: () => Promise<Value>, none: Value) =>
      this.#call(process, carryOut).then((done) => done).catch(() => none);
    return {
      member,
      times,
      take: (asked) => ask(() => turns.take(asked), null),
      keep: (held) => ask(() => turns.keep(held), undefined),
      confirm: (turn) => ask(() => turns.confirm(turn), false),
      used: (turn) => ask(() => turns.used(turn), undefined),
      giveBack: (turn) => ask(() => turns.giveBack(turn), undefined),
    };
  }

  points(process: GatewayProcess, fences: Fences): ResumePoints {
    return {
      read: (shards) =>
        this.#patient(
          process,
          (store) => new Map([...store.shards].filter(([shard]) => shards.includes(shard))),
        ),
      load: () =>
        this.#patient(process, (store): StoredFleet => ({
          total: store.total,
          bot: store.bot,
          shards: new Map(store.shards),
          foreign: false,
        })),
      begin: async ({ total, bot, keepSessions, lost }) => {
        const token = fences.leadToken();
        if (token === null) return false;
        return await this.#patient(process, (store) => {
          if (isTaken(store, LEAD_LEASE, fences.member, token)) return false;
          store.total = total;
          if (bot !== null) store.bot = bot;
          if (!keepSessions) {
            for (const shard of store.shards.keys()) this.#change(store, shard, { point: null, guilds: [] });
          }
          for (const [shard, sessions] of lost) {
            if (sessions.length > 0) this.#change(store, shard, { lost: sessions });
          }
          return true;
        });
      },
      write: (changes) => {
        const tokens = new Map([...changes.keys()].map((shard) => [shard, fences.tokenOf(shard)]));
        return this.#call(process, (store) => {
          this.writes += 1;
          const fenced = new Set<number>();
          for (const [shard, change] of changes) {
            if (isFenced(store, shard, fences.member, tokens.get(shard) ?? null)) fenced.add(shard);
            else this.#change(store, shard, change);
          }
          return fenced;
        });
      },
      forget: () => {},
    };
  }

  board(process: GatewayProcess): Board {
    return { publish: () => this.#call(process, () => {}) };
  }

  stateStore(process: GatewayProcess): StateStore {
    return new SimulatedStateStore({
      scene: this.#scene,
      process,
      state: new MemoryStateStore(this.#state),
      already: () => this.#state.already,
      send: (carryOut, answered, failed) => this.#send(process, carryOut, answered, failed),
    });
  }

  /** Number of the process that holds the shard, as far as it knows; null: nobody does, or nobody knows who. */
  holderOf(shard: number): number | null {
    const name = shardLease(shard);
    const { leases } = this.#store;
    if (leases.holderOf(name) === null) return null;
    return this.#scene.checkers.leases?.takerOf(shard, leases.tokenOf(name)) ?? null;
  }

  /** The session that is resumed where somebody takes the shard over; null: none is. */
  sessionOf(shard: number): string | null {
    return this.#store.shards.get(shard)?.point?.sessionId ?? null;
  }

  /** A session of which it does not yet hold the last sequence; null where it holds all. `runs`: whether this process has the shard. */
  unfinished(runs: (process: number, shard: number) => boolean): string | null {
    for (const session of this.#scene.ledger.sessions) {
      if (session.end !== null) continue;
      const point = this.#store.shards.get(session.shard)?.point;
      const last = reachableSequence(session, (process) => runs(process, session.shard));
      if (point?.sessionId !== session.id || point.sequence !== last) {
        return `Redis holds ${point?.sessionId}:${point?.sequence} of shard ${session.shard}, ` +
          `Discord is at ${session.id}:${last}`;
      }
    }
    return null;
  }

  /** A shard whose gap has not been told; null where all have. `isTold`: though it has lost that it was. */
  untold(total: number, isTold: (sessionId: string) => boolean): string | null {
    for (const [shard, { lost: [lost] }] of this.#store.shards) {
      // Of a shard that there is no more nobody asks.
      if (lost !== undefined && shard < total && !isTold(lost.sessionId)) {
        return `the gap of ${lost.sessionId} of shard ${shard} is not told`;
      }
    }
    return null;
  }

  /** The process has died: nothing answers it any more. */
  processDied(process: GatewayProcess): void {
    this.#clients.delete(process);
  }

  #granted(
    { process: { number: process }, member }: { process: GatewayProcess; member: string },
    store: RedisStore,
    taken: ReadonlyMap<string, LeaseToken>,
  ): void {
    const { checkers, clock, history } = this.#scene;
    if (checkers.leases === null) return;
    const isForgotten = store !== this.#store;
    const atMs = clock.nowMs();
    for (const [name, token] of taken) {
      history.note(
        "state",
        "redis",
        `gives ${name} to process ${process}${isForgotten ? ", and forgets it" : ""}`,
      );
      const shard = shardOfLease(name);
      if (shard === null) continue;
      checkers.leases.granted({ shard, token, process, member, atMs, isForgotten });
    }
  }

  #change(store: RedisStore, shard: number, change: PointChange): void {
    const { ledger, checkers, history } = this.#scene;
    const stored = store.shards.get(shard) ?? NOTHING_STORED;
    store.shards.set(shard, { ...stored, ...change });
    const { point, lost } = change;
    for (const { sessionId, sequence } of lost ?? []) {
      history.note("detail", "redis", `holds the loss of ${sessionId}:${sequence}`);
    }
    if (lost?.length === 0) history.note("detail", "redis", `holds no loss of shard ${shard}`);
    if (point === null) history.note("detail", "redis", `holds no point of shard ${shard}`);
    if (point === undefined || point === null) return;
    history.note("detail", "redis", `holds ${point.sessionId}:${point.sequence}`);
    const session = ledger.session(point.sessionId);
    if (session === undefined) this.#scene.report(`Redis holds ${point.sessionId}, which never was`);
    else if (store === this.#store) checkers.points.stored(session, point.sequence);
    else checkers.points.storedAndForgotten(session, point.sequence);
  }

  /** Tries again for as long as it takes. */
  #patient<Value>(process: GatewayProcess, carryOut: (store: RedisStore) => Value): Promise<Value> {
    return process.asks((resolve) => {
      const again = process.into(() => this.#scene.clock.after(500, process.into(ask)));
      const ask = () => this.#send(process, carryOut, resolve, again);
      ask();
    });
  }

  #call<Value>(
    process: GatewayProcess,
    carryOut: (store: RedisStore) => Value,
    options: SendOptions = {},
  ): Promise<Value> {
    return process.asks((resolve, reject) => this.#send(process, carryOut, resolve, reject, options));
  }

  #send<Value>(
    process: GatewayProcess,
    carryOut: (store: RedisStore) => Value,
    resolve: (value: Value) => void,
    reject: (error: Error) => void,
    { use = "rest", answerMaxMs = ANSWER_MAX_MS }: SendOptions = {},
  ): void {
    const { clock } = this.#scene;
    const { machine } = process;
    const clients = this.#clientsOf(process);
    const store = clients?.store ?? this.#store;
    const connection = clients?.connections[use] ?? this.#connection;
    const waysMs = this.#mood === "slow" ? this.#dice.between(100, 1_500) : this.#dice.between(1, 8);
    const isReplyLost = this.#mood === "reply_lost";
    if (this.#mood === "refusing" || store.isGone) {
      clock.after(waysMs, () => reject(new Error("Redis refuses")));
      return;
    }
    // Whoever has waited too long has left the connection, and hears no answer any more.
    let isLeft = false;
    const cancelWait = clock.after(answerMaxMs, () => {
      isLeft = true;
      if (clients?.connections[use] === connection) clients.connections[use] = { carriedOutAtMs: 0 };
      reject(new Error("Redis does not answer"));
    });
    const arrive = () => {
      if (store.isGone) {
        cancelWait();
        if (!isLeft) reject(new Error("the connection to Redis is lost"));
        return;
      }
      const value = carryOut(store);
      clock.after(waysMs, () => {
        // The wait for what does not come goes on.
        if (machine.isCut("redis")) return;
        cancelWait();
        if (isLeft) return;
        const isLost = isReplyLost || store.isGone || (clients !== null && clients.store !== store);
        if (isLost) reject(new Error("the connection to Redis is lost"));
        else resolve(value);
      });
    };
    const reach = () => {
      if (this.#mood === "hanging") this.#paused.push(arrive);
      else arrive();
    };
    if (machine.isCut("redis")) {
      if (this.#dice.chance(LATE_ARRIVALS)) machine.whenMended("redis", reach);
      return;
    }
    if (this.#mood === "hanging") {
      this.#paused.push(arrive);
      return;
    }
    // In the order in which it was sent. What a process has sent is carried out though it is dead by then.
    connection.carriedOutAtMs = Math.max(connection.carriedOutAtMs, clock.nowMs() + waysMs);
    clock.schedule(connection.carriedOutAtMs, reach);
  }

  /** Null outside a fleet. */
  #clientsOf(process: GatewayProcess): RedisClients | null {
    if (this.#scene.plan.fleet === null) return null;
    let clients = this.#clients.get(process);
    if (clients === undefined) {
      const connections = { leases: { carriedOutAtMs: 0 }, rest: { carriedOutAtMs: 0 } };
      this.#clients.set(process, clients = { store: this.#store, sinceMs: 0, connections });
    }
    return clients;
  }
}

interface SendOptions {
  readonly use?: Use;
  readonly answerMaxMs?: number;
}

/** As the script that writes points has it: a lease that is not there fences nobody. */
function isFenced(store: RedisStore, shard: number, member: string, token: LeaseToken | null): boolean {
  return token === null || isTaken(store, shardLease(shard), member, token);
}

function isTaken(store: RedisStore, name: string, member: string, token: LeaseToken): boolean {
  const lease = store.leases.everything.leases.get(name);
  return lease !== undefined && (lease.token !== token || lease.holder !== member);
}
