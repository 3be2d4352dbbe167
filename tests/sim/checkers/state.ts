/**
 * The state cache has every event before it is published, and in the end it holds what the contract says that it holds
 * after the events of the sessions that go on. What an event carries as `old` is what was kept before it.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import { StateModel } from "../../state/model.ts";
import type { Dispatch, Session } from "../ledger.ts";
import type { Report } from "../report.ts";
import { oldIn } from "./ids.ts";

/** What is kept, as whoever reads Redis sees it. */
export interface KeptState {
  readonly keys: Iterable<string>;
  text(key: string): string | null;
  /** What a set of the wire contract names. */
  named(set: string): readonly string[];
}

export interface StateCheckerOptions {
  readonly kept: KeptState;
  readonly shardsTotal: number;
  readonly botId: string;
  /** `STATE_OLD`. */
  readonly isOldTold: boolean;
  /** An event that becomes larger by `old` is published without. */
  readonly bodyMaxBytes: number;
  readonly dispatch: (session: string, sequence: number) => Dispatch | undefined;
}

/** What an event does, if nothing but the events of its session before it has been written. */
interface Deed {
  readonly mark: number;
  /** Keys with something else in them than before, and the mark that is in them then. */
  readonly written: ReadonlyMap<string, number>;
  readonly deleted: readonly string[];
  /** What was kept before it; undefined: nothing. */
  readonly old: unknown;
  /** False while what was kept of sessions before may still be there. */
  readonly isOldKnown: boolean;
}

interface Course {
  readonly model: StateModel;
  /** What the model has, by key. */
  keys: ReadonlyMap<string, unknown>;
  readonly deeds: Map<Dispatch, Deed>;
  isOpened: boolean;
}

/** Every kind is kept. */
const SETTINGS = { prefix: "", member: true, message: true, presence: true, emoji: true, voice: true };

export class StateChecker {
  readonly #report: Report;
  readonly #options: StateCheckerOptions;
  readonly #courses = new Map<Session, Course>();
  /** Shard → its newest session: what it begins with does away with everything of those before. */
  readonly #newest = new Map<number, Session>();
  #troubledAtMs = -Infinity;

  constructor(report: Report, options: StateCheckerOptions) {
    this.#report = report;
    this.#options = options;
  }

  /** Discord has dispatched it; what it writes has this mark. */
  dispatched(dispatch: Dispatch, mark: number): void {
    const { session } = dispatch;
    let course = this.#courses.get(session);
    if (course === undefined) {
      course = {
        model: new StateModel(SETTINGS),
        keys: new Map(),
        deeds: new Map(),
        isOpened: false,
      };
      this.#courses.set(session, course);
      this.#newest.set(session.shard, session);
    }
    const before = course.keys;
    const old = this.#apply(course.model, dispatch);
    const after = course.keys = course.model.keys();
    course.deeds.set(dispatch, {
      mark,
      written: new Map(
        [...after].flatMap(([key, value]) => before.get(key) === value ? [] : [[key, markIn(value)]]),
      ),
      deleted: [...before.keys()].filter((key) => !after.has(key)),
      old,
      isOldKnown: course.isOpened,
    });
  }

  /** By what was dispatched so far, nothing is left of what was kept before the session. */
  opened(session: Session): void {
    const course = this.#courses.get(session);
    if (course !== undefined) course.isOpened = true;
  }

  /** The connection to the cache, or the process, ended: what was on its way may be written twice. */
  troubled(atMs: number): void {
    this.#troubledAtMs = atMs;
  }

  /** The gateway hands it to the broker. */
  published(event: OutgoingEvent): void {
    const dispatch = this.#options.dispatch(event.session, event.sequence);
    if (dispatch === undefined) return;
    const course = this.#courses.get(dispatch.session);
    const deed = course?.deeds.get(dispatch);
    if (course === undefined || deed === undefined) return;
    if (!this.#isKept(course, dispatch, deed)) {
      this.#report(`${nameOf(dispatch)} was published before the cache has it`);
    }
    if (this.#options.isOldTold) this.#checkOld(event, dispatch, deed);
  }

  /** In the end, these sessions go on. Returns of how many shards the cache is what it must be, or would be reported. */
  finish(sessions: Iterable<Session>): number {
    const { kept, shardsTotal } = this.#options;
    const held = new Set<number>();
    const expected = new Map<string, unknown>();
    const sets = new Map<string, Set<string>>();
    for (const session of sessions) {
      const course = this.#courses.get(session);
      if (course === undefined) continue;
      held.add(session.shard);
      for (const [key, value] of course.model.keys()) expected.set(key, value);
      for (const [set, names] of course.model.sets()) {
        sets.set(set, (sets.get(set) ?? new Set()).union(names));
      }
    }
    const isHeld = (key: string) => held.has(shardOf(key, shardsTotal) ?? -1);
    for (const key of kept.keys) {
      if (isHeld(key) && !expected.has(key)) this.#report(`${key} is kept, and must not be`);
    }
    for (const [key, value] of expected) {
      const text = kept.text(key);
      if (text === null || !isDeepStrictEqual(JSON.parse(text), value)) {
        this.#report(`${key} is ${text}, and must be ${JSON.stringify(value)}`);
      }
    }
    for (const [set, names] of sets) {
      const found = kept.named(set).filter(isHeld);
      if (names.symmetricDifference(new Set(found)).size > 0) {
        this.#report(`${set} names ${found}, and must name ${[...names]}`);
      }
    }
    return held.size;
  }

  #isKept(course: Course, dispatch: Dispatch, { mark, written, deleted }: Deed): boolean {
    const isThere = ([key, writtenMark]: readonly [string, number]) => {
      const markThere = this.#markOf(key);
      if (markThere !== null) return markThere >= writtenMark;
      return this.#newest.get(dispatch.session.shard) !== dispatch.session ||
        isDoneLater(course, mark, key) || !this.#creates(dispatch, key);
    };
    const isGone = (key: string) => (this.#markOf(key) ?? Infinity) > mark;
    return [...written].every(isThere) && deleted.every(isGone);
  }

  /** What an event only changes need not be there: that which created it may have been lost. */
  #creates(dispatch: Dispatch, key: string): boolean {
    const alone = new StateModel(SETTINGS);
    this.#apply(alone, dispatch);
    return alone.keys().has(key);
  }

  #checkOld(event: OutgoingEvent, dispatch: Dispatch, deed: Deed): void {
    const { old, isOldKnown } = deed;
    // One that has been confirmed is a copy, for which nobody has kept it.
    if (!isOldKnown || dispatch.isConfirmed) return;
    const text = oldIn(event.body, dispatch.body);
    const told = text === null ? undefined : JSON.parse(text);
    if (isDeepStrictEqual(comparable(told), comparable(old))) return;
    const isTooLarge = dispatch.body.length + `,"old":${JSON.stringify(old)}`.length >
      this.#options.bodyMaxBytes;
    if (told === undefined && isTooLarge) return;
    // It is written once, and what it found is lost with the connection or the process that was to hear of it.
    if (told === undefined && dispatch.receivedAtMs <= this.#troubledAtMs) return;
    this.#report(`${nameOf(dispatch)} carries old ${text}, and before it was ${JSON.stringify(old)}`);
  }

  /** Null where nothing is kept. */
  #markOf(key: string): number | null {
    const text = this.#options.kept.text(key);
    return text === null ? null : markIn(JSON.parse(text));
  }

  #apply(model: StateModel, { session, type, body }: Dispatch): unknown {
    const { shardsTotal, botId } = this.#options;
    const { d } = JSON.parse(new TextDecoder().decode(body));
    return model.apply(String(type), d, { shard: session.shard, shardsTotal, botId });
  }
}

/** What has no mark, the bot's user, is the same in all events. */
function markIn(value: unknown): number {
  return Object(value).mark ?? Infinity;
}

/** Whether a later event of the session does something with the key. */
function isDoneLater({ deeds }: Course, mark: number, key: string): boolean {
  return deeds.values().some((later) =>
    later.mark > mark && (later.written.has(key) || later.deleted.includes(key))
  );
}

/** Whose guild, or channel, it is (Discord docs, Sharding); null: the bot's user. */
function shardOf(key: string, total: number): number | null {
  const [, id] = key.split(":");
  return id === undefined ? null : Number((BigInt(id) >> 22n) % BigInt(total));
}

/** Arrays are compared without regard to their order, which no contract says. */
function comparable(old: unknown): unknown {
  if (!Array.isArray(old)) return old;
  return old.toSorted((one, other) => one.id < other.id ? -1 : 1);
}

function nameOf({ session, sequence, type }: Dispatch): string {
  return `shard ${session.shard}: ${type} ${session.id}:${sequence}`;
}
