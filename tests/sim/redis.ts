/**
 * A simulated Redis in virtual time: it survives every gateway process, and what was sent to it is carried out in
 * order, whether or not anybody hears of it.
 *
 * @module
 */
import { type Fences, type Leases, shardLease } from "../../gateway/fleet/leases.ts";
import type { Board } from "../../gateway/resume/board.ts";
import type { PointChange, ResumePoints, StoredFleet, StoredShard } from "../../gateway/resume/points.ts";
import type { StateStore } from "../../gateway/state/store.ts";
import { MemoryLeases } from "../fakes/memory_leases.ts";
import { type MemoryState, MemoryStateStore } from "../fakes/memory_state_store.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import { reachableSequence } from "./ledger.ts";
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

export class SimulatedRedis {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #shards = new Map<number, StoredShard>();
  readonly #leases: MemoryLeases;
  #total: number | null = null;
  #bot: string | null = null;
  #mood: RedisMood = "well";
  #wellSinceMs = 0;
  /** Sent to it while it hangs. */
  #paused: (() => void)[] = [];
  #carriedOutAtMs = 0;
  writes = 0;

  readonly #state: MemoryState;

  /** `state`: what it keeps of the state cache. */
  constructor(scene: Scene, dice: SeededDice, state: MemoryState) {
    this.#scene = scene;
    this.#dice = dice;
    this.#state = state;
    this.#leases = new MemoryLeases(() => scene.clock.wallMs());
  }

  /** Since when it has been well; Infinity where it is not. */
  get wellSinceMs(): number {
    return this.#wellSinceMs;
  }

  set mood(mood: RedisMood) {
    this.#mood = mood;
    this.#wellSinceMs = mood === "well" ? this.#scene.clock.nowMs() : Infinity;
    if (mood !== "hanging") { for (const carryOut of this.#paused.splice(0)) carryOut(); }
  }

  leases(process: GatewayProcess): Leases {
    const leases = this.#leases;
    // What the store carries out it carries out at once.
    const ask = <Value>(carryOut: () => Promise<Value>) => this.#call(process, carryOut).then((done) => done);
    return {
      renew: (...given) => ask(() => leases.renew(...given)),
      take: (...given) => ask(() => leases.take(...given)),
      letGo: (...given) => ask(() => leases.letGo(...given)),
      proclaim: (...given) => ask(() => leases.proclaim(...given)),
      leave: (...given) => ask(() => leases.leave(...given)),
    };
  }

  points(process: GatewayProcess, fences: Fences): ResumePoints {
    return {
      read: (shards) =>
        this.#patient(process, () => new Map([...this.#shards].filter(([shard]) => shards.includes(shard)))),
      load: () =>
        this.#patient(process, (): StoredFleet => ({
          total: this.#total,
          bot: this.#bot,
          shards: new Map(this.#shards),
          foreign: false,
        })),
      begin: ({ total, bot, keepSessions, lost }) =>
        this.#patient(process, () => {
          this.#total = total;
          if (bot !== null) this.#bot = bot;
          if (!keepSessions) {
            for (const shard of this.#shards.keys()) this.#change(shard, { point: null, guilds: [] });
          }
          for (const [shard, sessions] of lost) this.#change(shard, { lost: sessions });
        }),
      write: (changes) => {
        const tokens = new Map([...changes.keys()].map((shard) => [shard, fences.tokenOf(shard)]));
        return this.#call(process, () => {
          this.writes += 1;
          const fenced = new Set<number>();
          for (const [shard, change] of changes) {
            const name = shardLease(shard);
            const isOurs = this.#leases.tokenOf(name) === tokens.get(shard) &&
              this.#leases.holderOf(name) === fences.member;
            if (isOurs) this.#change(shard, change);
            else fenced.add(shard);
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
      send: (carryOut, answered, failed) => this.#send(carryOut, answered, failed),
    });
  }

  /** A session of which it does not yet hold the last sequence; null where it holds all. */
  unfinished(livingProcess: number): string | null {
    for (const session of this.#scene.ledger.sessions) {
      if (session.end !== null) continue;
      const point = this.#shards.get(session.shard)?.point;
      const last = reachableSequence(session, livingProcess);
      if (point?.sessionId !== session.id || point.sequence !== last) {
        return `Redis holds ${point?.sessionId}:${point?.sequence} of shard ${session.shard}, ` +
          `Discord is at ${session.id}:${last}`;
      }
    }
    return null;
  }

  /** A shard whose gap has not been told; null where all have. */
  untold(total: number): string | null {
    for (const [shard, { lost: [lost] }] of this.#shards) {
      // Of a shard that there is no more nobody asks.
      if (lost !== undefined && shard < total) {
        return `the gap of ${lost.sessionId} of shard ${shard} is not told`;
      }
    }
    return null;
  }

  #change(shard: number, change: PointChange): void {
    const { ledger, checkers, history } = this.#scene;
    const stored = this.#shards.get(shard) ?? NOTHING_STORED;
    this.#shards.set(shard, { ...stored, ...change });
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
    else checkers.points.stored(session, point.sequence);
  }

  /** Tries again for as long as it takes. */
  #patient<Value>(process: GatewayProcess, carryOut: () => Value): Promise<Value> {
    return process.asks((resolve) => {
      const again = process.into(() => this.#scene.clock.after(500, process.into(ask)));
      const ask = () => this.#send(carryOut, resolve, again);
      ask();
    });
  }

  #call<Value>(process: GatewayProcess, carryOut: () => Value): Promise<Value> {
    return process.asks((resolve, reject) => this.#send(carryOut, resolve, reject));
  }

  #send<Value>(
    carryOut: () => Value,
    resolve: (value: Value) => void,
    reject: (error: Error) => void,
  ): void {
    const { clock } = this.#scene;
    const waysMs = this.#mood === "slow" ? this.#dice.between(100, 1_500) : this.#dice.between(1, 8);
    const isReplyLost = this.#mood === "reply_lost";
    if (this.#mood === "refusing") {
      clock.after(waysMs, () => reject(new Error("Redis refuses")));
      return;
    }
    // Whoever has waited too long has left the connection, and hears no answer any more.
    let isLeft = false;
    const cancelWait = clock.after(ANSWER_MAX_MS, () => {
      isLeft = true;
      reject(new Error("Redis does not answer"));
    });
    const arrive = () => {
      const value = carryOut();
      clock.after(waysMs, () => {
        cancelWait();
        if (isLeft) return;
        if (isReplyLost) reject(new Error("the connection to Redis is lost"));
        else resolve(value);
      });
    };
    if (this.#mood === "hanging") {
      this.#paused.push(arrive);
      return;
    }
    // In the order in which it was sent. What a process has sent is carried out though it is dead by then.
    this.#carriedOutAtMs = Math.max(this.#carriedOutAtMs, clock.nowMs() + waysMs);
    clock.schedule(
      this.#carriedOutAtMs,
      () => this.#mood === "hanging" ? this.#paused.push(arrive) : arrive(),
    );
  }
}
