/**
 * A simulated disk with the spool on it, in virtual time. It survives every gateway process; a transaction may be
 * durable though nobody hears of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { OutgoingEvent } from "../../gateway/delivery/publisher.ts";
import {
  NOTHING_SPOOLED,
  type Spool,
  type SpoolContents,
  type SpooledEvent,
  type SpooledLane,
  type SpooledPage,
  type SpooledPoint,
  type SpoolOpening,
  type SpoolWrite,
} from "../../gateway/delivery/spool.ts";
import type { GatewayProcess } from "./gateway_process.ts";
import type { Session } from "./ledger.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

export class SimulatedDisk {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  /** Names whoever has it. */
  readonly #holder: string;
  #lanes = new Map<number, SpooledEvent[]>();
  #points = new Map<number, SpooledPoint>();
  /** What each process found. */
  readonly #found = new WeakMap<GatewayProcess, ReadonlyMap<number, SpooledPoint>>();
  /** Of the events on it, and how often each is: one may have come again. */
  readonly #ids = new Map<string, number>();
  #total: number | null = null;
  #lastPosition = 0;
  #bytes = 0;
  #isDamaged = false;
  #isFull = false;
  #isSlow = false;
  #wellSinceMs = 0;
  /** Nothing that is on it can be read, until it can again. */
  isUnreadable = false;
  /** Events that were written to it. */
  written = 0;

  constructor(scene: Scene, dice: SeededDice, holder = "disk") {
    this.#scene = scene;
    this.#dice = dice;
    this.#holder = holder;
  }

  holds({ session, sequence }: OutgoingEvent): boolean {
    return (this.#ids.get(`${session}:${sequence}`) ?? 0) > 0;
  }

  #count({ session, sequence }: OutgoingEvent, copies: number): void {
    const id = `${session}:${sequence}`;
    const count = (this.#ids.get(id) ?? 0) + copies;
    if (count === 0) this.#ids.delete(id);
    else this.#ids.set(id, count);
  }

  /** How far this session was spooled, with its point, when the process opened it. */
  foundThrough(process: GatewayProcess, { id, shard }: Session): number | null {
    const point = this.#found.get(process)?.get(shard);
    return point?.sessionId === id ? point.sequence : null;
  }

  spool(process: GatewayProcess): Spool {
    let isWriting = false;
    return {
      open: () =>
        this.#call(process, () => {
          this.#found.set(process, new Map(this.#points));
          return this.#open();
        }),
      begin: ({ total, keepPoints }) =>
        this.#call(process, () => {
          if (this.#isDamaged) this.#lose();
          this.#total = total;
          if (!keepPoints) this.#points.clear();
        }),
      write: (write) => {
        assert(!isWriting || !process.isAlive, "one write at a time");
        isWriting = true;
        return this.#call(process, () => this.#write(write)).finally(() => isWriting = false);
      },
      read: (shard, afterPosition, maxBytes) =>
        this.#call(process, () => this.#read(shard, afterPosition, maxBytes)),
      close: () => this.#call(process, () => {}),
    };
  }

  set isFull(isFull: boolean) {
    this.#isFull = isFull;
    this.#changed();
  }

  set isSlow(isSlow: boolean) {
    this.#isSlow = isSlow;
    this.#changed();
  }

  /** Since when it has taken everything soon; Infinity where it does not. */
  get wellSinceMs(): number {
    return this.#wellSinceMs;
  }

  #changed(): void {
    this.#wellSinceMs = this.#isFull || this.#isSlow ? Infinity : this.#scene.clock.nowMs();
  }

  /** Whatever is on it can be read no more by the next process that opens it. */
  damage(): void {
    this.#isDamaged = true;
  }

  heal(): void {
    this.isFull = false;
    this.isSlow = false;
    this.isUnreadable = false;
  }

  /** The gateway has given up what is spooled of this shard, and says so. */
  givenUp(shard: number): void {
    const { ledger } = this.#scene;
    for (const { event } of this.#lanes.get(shard) ?? []) this.#excuse(event);
    for (const session of ledger.sessions) {
      if (session.shard === shard) session.isSpoolDamaged = true;
    }
  }

  unfinished(): string | null {
    for (const [shard, events] of this.#lanes) {
      if (events.length > 0) return `${events.length} events of shard ${shard} are in the spool`;
    }
    return null;
  }

  #open(): SpoolOpening {
    if (this.#isDamaged) {
      const movedAside = { to: "spool.damaged", problem: "it is damaged", isLost: true };
      return { kind: "ready", contents: NOTHING_SPOOLED, holder: this.#holder, movedAside };
    }
    const lanes = new Map<number, SpooledLane>();
    for (const [shard, events] of this.#lanes) {
      const [first] = events;
      const last = events.at(-1);
      if (first === undefined || last === undefined) continue;
      lanes.set(shard, {
        events: events.length,
        bytes: events.reduce((sum, { event }) => sum + event.body.length, 0),
        firstPosition: first.position,
        lastPosition: last.position,
        firstSession: first.event.session,
        firstSequence: first.event.sequence,
      });
    }
    const contents: SpoolContents = {
      lanes,
      points: new Map(this.#points),
      total: this.#points.size > 0 ? this.#total : null,
      lastPosition: this.#lastPosition,
    };
    return { kind: "ready", contents, holder: this.#holder, movedAside: null };
  }

  #lose(): void {
    const { ledger, history } = this.#scene;
    history.note("state", "disk", "the spool is damaged");
    for (const events of this.#lanes.values()) {
      for (const { event } of events) this.#excuse(event);
    }
    for (const session of ledger.sessions) {
      session.isSpoolDamaged = true;
      session.spooledThrough = null;
      session.safeThrough = 0;
      // Others go on from what they have stored.
      if (this.#scene.plan.fleet === null) session.durableThrough = session.storedThrough;
    }
    this.#lanes = new Map();
    this.#points = new Map();
    this.#ids.clear();
    this.#lastPosition = 0;
    this.#bytes = 0;
    this.#isDamaged = false;
  }

  /** It need not reach the queue any more. */
  #excuse(event: OutgoingEvent): void {
    const dispatch = this.#scene.ledger.dispatch(event.session, event.sequence);
    if (dispatch === undefined) return;
    dispatch.isSpooled = false;
    dispatch.isExcused = true;
  }

  #write({ events, confirmed, points, quarantined }: SpoolWrite): void {
    const { ledger, checkers, history } = this.#scene;
    if (this.#isFull && events.length > 0) throw new Error("database or disk is full");
    for (const { position, event } of events) {
      if (position <= this.#lastPosition) {
        this.#scene.report(`spool position ${position} was written after ${this.#lastPosition}`);
      }
      this.#lastPosition = position;
      this.#count(event, 1);
      const lane = this.#lanes.get(event.shard);
      if (lane === undefined) this.#lanes.set(event.shard, [{ position, event }]);
      else lane.push({ position, event });
      this.#bytes += event.body.length;
      const dispatch = ledger.dispatch(event.session, event.sequence);
      if (dispatch !== undefined) dispatch.isSpooled = true;
    }
    this.written += events.length;
    for (const [shard, position] of confirmed) this.#letGo(shard, position);
    checkers.bounds.spooled(this.#bytes);
    for (const [shard, point] of points) {
      this.#points.set(shard, point);
      const session = ledger.session(point.sessionId);
      if (session === undefined) this.#scene.report(`the spool holds ${point.sessionId}, which never was`);
      else checkers.points.spooled(session, point.sequence);
    }
    history.note(
      "detail",
      "disk",
      `${events.length} events in, ${quarantined.length} aside, ` +
        `${[...points].map(([shard, { sequence }]) => `${shard}:${sequence}`).join(" ")}`,
    );
  }

  #letGo(shard: number, position: number): void {
    const { ledger } = this.#scene;
    const lane = this.#lanes.get(shard) ?? [];
    const kept = lane.findIndex((spooled) => spooled.position > position);
    for (const { event } of lane.splice(0, kept === -1 ? lane.length : kept)) {
      this.#count(event, -1);
      this.#bytes -= event.body.length;
      const dispatch = ledger.dispatch(event.session, event.sequence);
      if (dispatch === undefined) continue;
      if (!dispatch.isConfirmed && !dispatch.isExcused && !dispatch.isGivenUp) {
        this.#scene.report(`${event.session}:${event.sequence} left the spool before it was confirmed`);
      }
      dispatch.isSpooled = false;
    }
  }

  #read(shard: number, afterPosition: number, maxBytes: number): SpooledPage {
    if (this.isUnreadable) throw new Error("disk I/O error");
    const page: SpooledEvent[] = [];
    let bytes = 0;
    for (const spooled of this.#lanes.get(shard) ?? []) {
      if (spooled.position <= afterPosition) continue;
      bytes += spooled.event.body.length;
      if (page.length > 0 && bytes > maxBytes) break;
      page.push(spooled);
    }
    return { events: page, unreadable: 0, lastPosition: page.at(-1)?.position ?? afterPosition };
  }

  /** A transaction that the death of its process interrupts is durable where it was about to be, or not at all. */
  #call<Value>(process: GatewayProcess, carryOut: () => Value): Promise<Value> {
    const { clock } = this.#scene;
    return process.asks((resolve, reject) => {
      const isSlow = this.#isSlow;
      const takesMs = isSlow ? this.#dice.between(200, 3_000) : this.#dice.between(2, 20);
      const heardMs = this.#dice.between(1, 10);
      clock.after(takesMs, () => {
        if (isSlow && !process.isAlive) return;
        try {
          const value = carryOut();
          clock.after(heardMs, () => resolve(value));
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          clock.after(heardMs, () => reject(error));
        }
      });
    });
  }
}
