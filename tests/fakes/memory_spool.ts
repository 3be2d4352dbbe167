/**
 * A spool in memory. What is durable lies on a {@link MemoryDisk}, where the next process finds it. It answers at once,
 * unless the test makes it wait or refuse.
 *
 * @module
 */
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

/** What outlives a process. */
export class MemoryDisk {
  readonly holder: string = crypto.randomUUID();
  /** Position → event, in the order of the positions. */
  readonly events = new Map<number, OutgoingEvent>();
  readonly points = new Map<number, SpooledPoint>();
  /** Positions of events that nobody can read any more. */
  readonly unreadable = new Set<number>();
  /** The oldest first. */
  readonly quarantined: OutgoingEvent[] = [];
  bot: string | null = null;
  total: number | null = null;
  lastPosition = 0;
  isDamaged = false;
  /** The spool that has taken it; null where it is free. */
  user: MemorySpool | null = null;
  /** How often something was moved aside. */
  movedAside = 0;

  /** The next process finds nothing readable. */
  damage(): void {
    this.isDamaged = true;
  }

  contents(): SpoolContents {
    return {
      lanes: this.#lanes(),
      points: new Map(this.points),
      total: this.points.size > 0 ? this.total : null,
      lastPosition: this.lastPosition,
    };
  }

  clear(): void {
    this.events.clear();
    this.points.clear();
    this.quarantined.length = 0;
    this.bot = null;
    this.total = null;
    this.lastPosition = 0;
    this.isDamaged = false;
  }

  #lanes(): Map<number, SpooledLane> {
    const lanes = new Map<number, SpooledLane>();
    for (const [position, { shard, body, session, sequence }] of this.events) {
      const lane = lanes.get(shard) ??
        { events: 0, bytes: 0, firstPosition: position, firstSession: session, firstSequence: sequence };
      lanes.set(shard, {
        ...lane,
        events: lane.events + 1,
        bytes: lane.bytes + body.length,
        lastPosition: position,
      });
    }
    return lanes;
  }
}

interface HeldCall {
  /** Makes it durable, and returns what the caller is told. */
  carryOut(): () => void;
}

export class MemorySpool implements Spool {
  readonly disk: MemoryDisk;
  /** Every write in the order of the calls, done, waiting or refused. */
  readonly writes: SpoolWrite[] = [];
  #held: HeldCall[] | null = null;
  #bot: string | null = null;
  /** What is on the disk cannot be gone on with, and goes with {@link begin}. */
  #isUnfit = false;
  #refusal: Error | null = null;
  #readRefusal: Error | null = null;

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
  }

  open({ bot }: { readonly bot: string | null }): Promise<SpoolOpening> {
    return this.#whenThere(() => this.#take(bot));
  }

  begin({ total, keepPoints }: { readonly total: number; readonly keepPoints: boolean }): Promise<void> {
    return this.#whenThere(() => {
      this.#refuseWhereToldTo();
      if (this.#isUnfit) this.disk.clear();
      this.#isUnfit = false;
      this.disk.total = total;
      if (!keepPoints) this.disk.points.clear();
    });
  }

  write(write: SpoolWrite): Promise<void> {
    this.writes.push(write);
    return this.#whenThere(() => {
      this.#refuseWhereToldTo();
      this.#keep(write);
    });
  }

  read(shard: number, afterPosition: number, maxBytes: number): Promise<SpooledPage> {
    return this.#whenThere(() => {
      if (this.#readRefusal !== null) throw this.#readRefusal;
      return this.#page(shard, afterPosition, maxBytes);
    });
  }

  close(): Promise<void> {
    return this.#whenThere(() => {
      if (this.disk.user === this) this.disk.user = null;
    });
  }

  /** Calls waiting for {@link release}. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** From now on the disk hangs: calls wait. */
  hold(): void {
    this.#held ??= [];
  }

  /** Carries out the oldest waiting call; the disk still hangs for the others. */
  releaseNext(): void {
    this.#held?.shift()?.carryOut()();
  }

  /** The disk no longer hangs: what waited is carried out, in order. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const call of held) call.carryOut()();
  }

  /** From now on nothing is written, for this reason; null: it is again. */
  refuse(reason: Error | null): void {
    this.#refusal = reason;
  }

  /** From now on nothing can be read, for this reason; null: it can again. */
  refuseToRead(reason: Error | null): void {
    this.#readRefusal = reason;
  }

  /**
   * The process dies: the disk is free for the next one, and nobody hears of the calls that wait.
   *
   * @param carriedOut How many of those have become durable, the oldest first.
   */
  crash(carriedOut = 0): void {
    for (const call of this.#held?.slice(0, carriedOut) ?? []) call.carryOut();
    this.#held = [];
    if (this.disk.user === this) this.disk.user = null;
  }

  #take(bot: string | null): SpoolOpening {
    const { disk } = this;
    if (disk.user !== null) return { kind: "unusable", problem: "another process uses it" };
    disk.user = this;
    const problem = disk.isDamaged
      ? "it is damaged"
      : disk.bot !== null && bot !== null && disk.bot !== bot
      ? `it holds events of bot ${disk.bot}, and this is bot ${bot}`
      : null;
    this.#bot = bot;
    if (problem !== null) {
      this.#isUnfit = true;
      const movedAside = { to: `aside/${++disk.movedAside}`, problem, isLost: disk.isDamaged };
      return { kind: "ready", contents: NOTHING_SPOOLED, holder: disk.holder, movedAside };
    }
    if (disk.lastPosition > 0) disk.bot ??= bot;
    return { kind: "ready", contents: disk.contents(), holder: disk.holder, movedAside: null };
  }

  #keep({ events, confirmed, points, quarantined }: SpoolWrite): void {
    const { disk } = this;
    disk.bot ??= this.#bot;
    for (const { position, event } of events) {
      disk.events.set(position, { ...event, partition: null, trace: null });
      disk.lastPosition = Math.max(disk.lastPosition, position);
    }
    for (const [position, { shard }] of disk.events) {
      if (position <= (confirmed.get(shard) ?? 0)) disk.events.delete(position);
    }
    for (const [shard, point] of points) disk.points.set(shard, point);
    for (const event of quarantined) {
      const same = disk.quarantined.findIndex(({ session, sequence }) =>
        session === event.session && sequence === event.sequence
      );
      if (same !== -1) disk.quarantined.splice(same, 1);
      disk.quarantined.push(event);
    }
  }

  #page(shard: number, afterPosition: number, maxBytes: number): SpooledPage {
    const page: SpooledEvent[] = [];
    let unreadable = 0;
    let lastPosition = afterPosition;
    let bytes = 0;
    for (const [position, event] of this.disk.events) {
      if (event.shard !== shard || position <= afterPosition) continue;
      if (this.disk.unreadable.has(position)) unreadable += 1;
      else {
        bytes += event.body.length;
        if (page.length > 0 && bytes > maxBytes) break;
        page.push({ position, event });
      }
      lastPosition = position;
    }
    return { events: page, unreadable, lastPosition };
  }

  #refuseWhereToldTo(): void {
    if (this.#refusal !== null) throw this.#refusal;
  }

  #whenThere<Result>(carryOut: () => Result): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const call: HeldCall = {
      carryOut: () => {
        try {
          const result = carryOut();
          return () => resolve(result);
        } catch (error) {
          return () => reject(error);
        }
      },
    };
    if (this.#held === null) call.carryOut()();
    else this.#held.push(call);
    return promise;
  }
}
