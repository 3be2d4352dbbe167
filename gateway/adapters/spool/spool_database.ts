/**
 * The spool's database: one SQLite file that one connection has for itself. Synchronous: every write waits for the
 * disk, so this has no place on the thread of the sockets.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { failureText } from "../../failure.ts";
import {
  QUARANTINE_MAX_BYTES,
  type SpoolContents,
  type SpooledEvent,
  type SpooledLane,
  type SpooledPage,
  type SpooledPoint,
  type SpoolWrite,
} from "../../delivery/spool.ts";
import { GAP_REASONS } from "../../observation.ts";
import type { LostSession } from "../../resume/points.ts";
import { DiskReserve } from "./disk_reserve.ts";
import { StoredRow, UnreadableRowError } from "./stored_row.ts";

/** Thrown where the file is not, or no longer, one that can be gone on with: it is to be moved aside. */
export class UnfitSpoolError extends Error {
  override readonly name = "UnfitSpoolError";
  /** What is wrong with it, fit to be part of a file's name. */
  readonly label: "damaged" | "other-version" | "other-bot";

  constructor(label: UnfitSpoolError["label"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.label = label;
  }
}

/** "Shdl" in ASCII: tells this program's files from other SQLite databases. */
const APPLICATION_ID = 0x5368646c;

/** Goes up with every change of {@link SCHEMA}. */
const SCHEMA_VERSION = 1;

/** Results with which SQLite says that the file is malformed, or no database (SQLite docs, Result Codes). */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** The general error; where a statement is prepared, it says that a table or a column is not there. */
const SQLITE_ERROR = 1;

/** Three times what the log grows to while the file it is copied into finds room, and once more for a large write. */
const RESERVE_BYTES = 16 * 1024 * 1024;

export interface SpoolBounds {
  readonly quarantineMaxBytes?: number;
  /** What is held back of the disk while there are events. */
  readonly reserveBytes?: number;
}

/**
 * - `locking_mode`: nobody else has a use for the file, and so there is no file of memory shared with others.
 * - `auto_vacuum = FULL`: each commit gives what has become free back to the disk, so that the file does not keep the
 *   size of the longest outage. Draining costs half as much again by it.
 * - `synchronous = FULL`: a commit is on the disk when it returns, also for a power failure.
 * - `wal_autocheckpoint` (pages of 4 KiB) and `journal_size_limit` (bytes): the log is copied into the file every
 *   4 MiB and does not keep the size of a larger write. A smaller one would be copied more often for nothing.
 * - `cache_size` (KiB): what the worker keeps in memory, whatever the size of the file.
 */
const SETTINGS = [
  "PRAGMA locking_mode = EXCLUSIVE",
  "PRAGMA auto_vacuum = FULL",
  "PRAGMA journal_mode = WAL",
  "PRAGMA synchronous = FULL",
  "PRAGMA wal_autocheckpoint = 1024",
  "PRAGMA journal_size_limit = 4194304",
  "PRAGMA cache_size = -4096",
];

/**
 * `lanes` alone answers what the spool holds of each shard: it has the bodies' sizes, so that the bodies are not read.
 * `last_position` outlives the events, so that no position is given twice.
 */
const SCHEMA = `
  CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    bot TEXT,
    total INTEGER,
    last_position INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    session TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE INDEX lanes ON events (shard, position, length(body));
  CREATE TABLE points (
    shard INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    resume_gateway_url TEXT,
    intents INTEGER,
    configured_presence TEXT,
    started_at INTEGER,
    last_event_at INTEGER,
    lost TEXT NOT NULL
  ) STRICT;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY,
    shard INTEGER NOT NULL,
    session TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    refused_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (session, sequence)
  ) STRICT;
  INSERT INTO meta (id, last_position) VALUES (1, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * What is written replaces what is there under the same key: a write whose success nobody heard of may come again.
 * All are prepared, because errors of `exec` do not carry SQLite's result code.
 */
const STATEMENTS = {
  beginTransaction: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollBack: "ROLLBACK",
  truncateLog: "PRAGMA wal_checkpoint(TRUNCATE)",
  meta: "SELECT bot, total, last_position FROM meta",
  setBot: "UPDATE meta SET bot = ?",
  setTotal: "UPDATE meta SET total = ?",
  setLastPosition: "UPDATE meta SET last_position = max(last_position, ?)",
  lanes: `
    SELECT lane.*, events.session, events.sequence
    FROM (
      SELECT shard, count(*) AS events, sum(length(body)) AS bytes, min(position) AS first, max(position) AS last
      FROM events GROUP BY shard
    ) AS lane LEFT JOIN events ON events.position = lane.first`,
  points: "SELECT * FROM points",
  forgetPoints: "DELETE FROM points",
  setPoint: "INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  append: "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
  remove: "DELETE FROM events WHERE shard = ? AND position <= ?",
  anyEvent: "SELECT 1 FROM events LIMIT 1",
  anything: `
    SELECT 1 WHERE EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM points)
      OR EXISTS (SELECT 1 FROM quarantine)`,
  next: "SELECT * FROM events WHERE shard = ? AND position > ? ORDER BY position LIMIT 1",
  nextPosition: "SELECT position FROM events WHERE shard = ? AND position > ? ORDER BY position LIMIT 1",
  quarantine: `
    INSERT OR REPLACE INTO quarantine (shard, session, sequence, type, received_at, refused_at, body)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  trimQuarantine: `
    DELETE FROM quarantine WHERE id <= (
      SELECT max(id)
      FROM (SELECT id, sum(length(body)) OVER (ORDER BY id DESC) AS bytes_from_here FROM quarantine)
      WHERE bytes_from_here > ?
    )`,
} as const;

type Statements = { readonly [Name in keyof typeof STATEMENTS]: StatementSync };

export class SpoolDatabase {
  readonly #connection: DatabaseSync;
  readonly #statements: Statements;
  readonly #reserve: DiskReserve;
  readonly #quarantineMaxBytes: number;

  private constructor(
    connection: DatabaseSync,
    path: string,
    { quarantineMaxBytes = QUARANTINE_MAX_BYTES, reserveBytes = RESERVE_BYTES }: SpoolBounds,
  ) {
    this.#connection = connection;
    this.#statements = prepareAll(connection);
    this.#reserve = new DiskReserve(`${path}-reserve`, reserveBytes);
    this.#quarantineMaxBytes = quarantineMaxBytes;
  }

  /**
   * Opens the file, makes it where there is none, and reads what it holds. Rows of events are not read, so a file of
   * gigabytes takes a second; one that turns out unreadable later makes {@link read} throw.
   *
   * @param bot Id of the bot that its events are to belong to; null where that is not known.
   * @throws UnfitSpoolError
   * @throws Error with SQLite's words where the file cannot be used.
   */
  static open(
    path: string,
    bot: string | null,
    bounds: SpoolBounds = {},
  ): { database: SpoolDatabase; contents: SpoolContents } {
    const connection = new DatabaseSync(path);
    try {
      return asUnfitWhereDamaged(() => {
        for (const setting of SETTINGS) connection.prepare(setting).get();
        prepareFile(connection);
        const database = new SpoolDatabase(connection, path, bounds);
        database.#giveTo(bot);
        return { database, contents: database.#contents() };
      });
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** For how many shards the points are from now on, and whether those there are stay. */
  begin(total: number, keepPoints: boolean): void {
    this.#inOneTransaction(({ setTotal, forgetPoints }) => {
      setTotal.run(total);
      if (!keepPoints) forgetPoints.run();
    });
  }

  /**
   * All of it is durable when this returns, and nothing of it where this throws.
   *
   * @param atMs Wall clock, milliseconds since the epoch.
   * @throws UnfitSpoolError
   * @throws Error with SQLite's words: "database or disk is full".
   */
  write(write: SpoolWrite, atMs: number): void {
    const adds = write.events.length > 0 || write.quarantined.length > 0;
    if (adds) this.#reserve.hold();
    try {
      this.#keep(write, atMs);
    } catch (error) {
      if (adds || error instanceof UnfitSpoolError) throw error;
      // On a full disk nothing could ever be removed: this is what the reserve is for.
      this.#reserve.release();
      this.#copyLog();
      this.#keep(write, atMs);
    }
    // The file gets down to its size when the log is copied.
    if (write.confirmed.size > 0 && this.#statements.anyEvent.get() === undefined) this.#copyLog();
  }

  /**
   * See the port.
   *
   * @throws Error where they cannot be read.
   */
  read(shard: number, afterPosition: number, maxBytes: number): SpooledPage {
    const events: SpooledEvent[] = [];
    let bytes = 0;
    let unreadable = 0;
    let lastPosition = afterPosition;
    // One by one, because a statement's iterate() ends as if all were well where a row cannot be read.
    for (;;) {
      const spooled = this.#next(shard, lastPosition);
      if (spooled === undefined) break;
      if (typeof spooled === "number") {
        unreadable += 1;
        lastPosition = spooled;
        continue;
      }
      bytes += spooled.event.body.length;
      if (events.length > 0 && bytes > maxBytes) break;
      events.push(spooled);
      lastPosition = spooled.position;
    }
    return { events, unreadable, lastPosition };
  }

  /** The shard's next event, its position alone where it is damaged; undefined where there is none. */
  #next(shard: number, afterPosition: number): SpooledEvent | number | undefined {
    try {
      const columns = this.#statements.next.get(shard, afterPosition);
      return columns && spooledEvent(new StoredRow("events", columns));
    } catch (error) {
      if (!saysDamage(error)) throw error;
      // An index of its own has the positions.
      const columns = this.#statements.nextPosition.get(shard, afterPosition);
      if (columns === undefined) throw error;
      return new StoredRow("events", columns).count("position");
    }
  }

  /** Lets go of the file, with everything in it and nothing beside it. */
  close(): void {
    this.#connection.close();
  }

  #giveTo(bot: string | null): void {
    const known = this.#meta().bot;
    if (bot === null || bot === known) return;
    if (known !== null && this.#statements.anything.get() !== undefined) {
      throw new UnfitSpoolError("other-bot", `it holds events of bot ${known}, and this is bot ${bot}`);
    }
    this.#inOneTransaction(({ setBot }) => setBot.run(bot));
  }

  #contents(): SpoolContents {
    const { total, lastPosition } = this.#meta();
    const points = this.#statements.points.all().map((columns) =>
      shardAndPoint(new StoredRow("points", columns))
    );
    const lanes = this.#statements.lanes.all().map((columns) =>
      shardAndLane(new StoredRow("events", columns))
    );
    return {
      lanes: new Map(lanes),
      points: new Map(points),
      total: points.length > 0 ? total : null,
      lastPosition,
    };
  }

  #meta(): { bot: string | null; total: number | null; lastPosition: number } {
    const row = new StoredRow("meta", this.#statements.meta.get() ?? {});
    return {
      bot: row.textOrNull("bot"),
      total: row.countOrNull("total"),
      lastPosition: row.count("last_position"),
    };
  }

  #keep({ events, confirmed, points, quarantined }: SpoolWrite, atMs: number): void {
    this.#inOneTransaction((statements) => {
      for (const { position, event } of events) {
        const { shard, session, sequence, type, receivedAtMs, body } = event;
        statements.append.run(position, shard, session, sequence, type, receivedAtMs, body);
      }
      const last = events.at(-1);
      if (last !== undefined) statements.setLastPosition.run(last.position);
      for (const [shard, position] of confirmed) statements.remove.run(shard, position);
      for (const [shard, point] of points) {
        const { sessionId, sequence, resumeGatewayUrl, intents, configuredPresence, startedAtMs } = point;
        statements.setPoint.run(
          shard,
          sessionId,
          sequence,
          resumeGatewayUrl,
          intents,
          configuredPresence,
          startedAtMs,
          point.lastEventAtMs,
          JSON.stringify(point.lost),
        );
      }
      const keepable = quarantined.filter(({ body }) => body.length <= this.#quarantineMaxBytes);
      for (const { shard, session, sequence, type, receivedAtMs, body } of keepable) {
        statements.quarantine.run(shard, session, sequence, type, receivedAtMs, atMs, body);
      }
      if (keepable.length > 0) statements.trimQuarantine.run(this.#quarantineMaxBytes);
    });
  }

  #inOneTransaction(work: (statements: Statements) => void): void {
    asUnfitWhereDamaged(() => {
      this.#statements.beginTransaction.run();
      try {
        work(this.#statements);
        this.#statements.commit.run();
      } catch (error) {
        // SQLite has taken it back by itself where the disk is full.
        if (this.#connection.isTransaction) this.#statements.rollBack.run();
        throw error;
      }
    });
  }

  /** Copies SQLite's log into the file, and takes it off the disk. */
  #copyLog(): void {
    try {
      this.#statements.truncateLog.get();
    } catch {
      // What is in the log is durable all the same, and SQLite tries again.
    }
  }
}

/** Makes the tables in a new file, and makes sure of what an old one is. */
function prepareFile(connection: DatabaseSync): void {
  if (connection.prepare("SELECT 1 FROM sqlite_schema").get() === undefined) {
    connection.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT`);
    return;
  }
  const applicationId = connection.prepare("PRAGMA application_id").get()?.["application_id"];
  if (applicationId !== APPLICATION_ID) {
    throw new UnfitSpoolError("damaged", "it is a database, but not one of this program");
  }
  const version = connection.prepare("PRAGMA user_version").get()?.["user_version"];
  if (version !== SCHEMA_VERSION) {
    const reason = `it has version ${version}, and this program writes version ${SCHEMA_VERSION}`;
    throw new UnfitSpoolError("other-version", reason);
  }
}

function prepareAll(connection: DatabaseSync): Statements {
  // The names are those of STATEMENTS, which fromEntries cannot know.
  return Object.fromEntries(
    Object.entries(STATEMENTS).map(([name, text]) => [name, prepare(connection, text)]),
  ) as Statements;
}

function prepare(connection: DatabaseSync, text: string): StatementSync {
  try {
    return connection.prepare(text);
  } catch (error) {
    if (resultCode(error) !== SQLITE_ERROR) throw error;
    throw new UnfitSpoolError("damaged", `its tables are not as they were made: ${failureText(error)}`);
  }
}

function spooledEvent(row: StoredRow): SpooledEvent {
  return {
    position: row.count("position"),
    event: {
      shard: row.count("shard"),
      session: row.text("session"),
      sequence: row.count("sequence"),
      type: row.text("type"),
      body: row.bytes("body"),
      receivedAtMs: row.count("received_at"),
      partition: null,
      trace: null,
    },
  };
}

function shardAndLane(row: StoredRow): [number, SpooledLane] {
  return [row.count("shard"), {
    events: row.count("events"),
    bytes: row.count("bytes"),
    firstPosition: row.count("first"),
    lastPosition: row.count("last"),
    firstSession: row.text("session"),
    firstSequence: row.count("sequence"),
  }];
}

function shardAndPoint(row: StoredRow): [number, SpooledPoint] {
  return [row.count("shard"), {
    sessionId: row.text("session"),
    sequence: row.count("sequence"),
    resumeGatewayUrl: row.textOrNull("resume_gateway_url"),
    intents: row.countOrNull("intents"),
    configuredPresence: row.textOrNull("configured_presence"),
    startedAtMs: row.countOrNull("started_at"),
    lastEventAtMs: row.countOrNull("last_event_at"),
    lost: lostIn(row),
  }];
}

function asUnfitWhereDamaged<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!saysDamage(error)) throw error;
    throw new UnfitSpoolError("damaged", `it is damaged: ${failureText(error)}`, { cause: error });
  }
}

function saysDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB || error instanceof UnreadableRowError ||
    error instanceof RangeError; // an integer beyond 2^53, which nobody wrote
}

/** SQLite's primary result code: the low byte of the extended one. */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return error.errcode & 0xff;
}

function lostIn(row: StoredRow): LostSession[] {
  const lost = row.json("lost");
  if (Array.isArray(lost) && lost.every(isLostSession)) return lost;
  throw new UnreadableRowError("a row of points has no losses in lost");
}

function isLostSession(raw: unknown): raw is LostSession {
  if (typeof raw !== "object" || raw === null) return false;
  const { sessionId, sequence, sinceMs, reason, type }: Record<string, unknown> = { ...raw };
  return typeof sessionId === "string" && Number.isSafeInteger(sequence) && Number.isFinite(sinceMs) &&
    GAP_REASONS.some((known) => known === reason) && ["undefined", "string"].includes(typeof type);
}
