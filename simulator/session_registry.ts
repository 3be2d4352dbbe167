/**
 * All sessions that are alive, and their end.
 *
 * @module
 */
import type { Account } from "./account.ts";
import type { SimulatorClock } from "./clock.ts";
import { shardOfGuild } from "./event_world.ts";
import type { Knobs } from "./knobs.ts";
import type { Ledger } from "./ledger.ts";
import { Session, type SessionLink, type SessionTerms } from "./session.ts";
import { SlidingWindow } from "./sliding_window.ts";
import type { Statistics } from "./statistics.ts";

/** 32 hexadecimal digits that nobody can guess. */
function newSessionId(): string {
  return crypto.randomUUID().replaceAll("-", "");
}

/** All living sessions: who they are, whom an event reaches, and when one without a connection dies. */
export class SessionRegistry {
  readonly #clock: SimulatorClock;
  readonly #knobs: Knobs;
  readonly #statistics: Statistics;
  readonly #ledger: Ledger;
  readonly #sessions = new Map<string, Session>();
  /** By shard count, then shard id: several shardings may live side by side. */
  readonly #byShard = new Map<number, Map<number, Set<Session>>>();
  readonly #expiries = new Map<Session, () => void>();

  constructor(clock: SimulatorClock, knobs: Knobs, statistics: Statistics, ledger: Ledger) {
    this.#clock = clock;
    this.#knobs = knobs;
    this.#statistics = statistics;
    this.#ledger = ledger;
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  /** The sessions that hold a guild; without a guild, those of shard 0. */
  *of(guildId: bigint | null): Iterable<Session> {
    for (const [shardCount, shards] of this.#byShard) {
      yield* shards.get(guildId === null ? 0 : shardOfGuild(guildId, shardCount)) ?? [];
    }
  }

  create(terms: SessionTerms, link: SessionLink): Session {
    const session = new Session(newSessionId(), terms, new SlidingWindow(), this.#ledger);
    this.#sessions.set(session.id, session);
    const shards = this.#byShard.get(session.shardCount) ?? new Map<number, Set<Session>>();
    this.#byShard.set(session.shardCount, shards);
    const siblings = shards.get(session.shardId) ?? new Set<Session>();
    shards.set(session.shardId, siblings.add(session));
    session.attach(link);
    return session;
  }

  /** Gives the session another connection. */
  attach(session: Session, link: SessionLink): void {
    this.#expiries.get(session)?.();
    this.#expiries.delete(session);
    session.attach(link);
  }

  /** Takes the session's connection away; it lives on for a while. */
  detach(session: Session): void {
    session.detach();
    const expire = () => this.end(session, "was not resumed in time");
    this.#expiries.set(session, this.#clock.schedule(this.#clock.nowMs() + this.#knobs.sessionTtlMs, expire));
  }

  /** Ends the session for good; its connection, if any, is the caller's to tell. */
  end(session: Session, cause: string): void {
    if (!this.#sessions.delete(session.id)) return;
    this.#byShard.get(session.shardCount)?.get(session.shardId)?.delete(session);
    this.#expiries.get(session)?.();
    this.#expiries.delete(session);
    this.#statistics.note({
      atMs: this.#clock.nowMs(),
      kind: "session-ended",
      shard: session.shardId,
      session: session.id,
      cause,
    });
    session.detach();
  }

  /** Ends all sessions of one bot. */
  endAll(account: Account, cause: string): void {
    for (const session of [...this.#sessions.values()]) {
      if (session.account === account) this.end(session, cause);
    }
  }
}
