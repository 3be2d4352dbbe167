import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SpoolDatabase, UnfitSpoolError } from "../../../../gateway/adapters/spool/spool_database.ts";
import { spooled, spoolWrite } from "../../../contracts/spool_contract.ts";
import { holds, ruinRows } from "./database_pages.ts";

const AT_MS = 1_793_000_000_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

interface Place extends AsyncDisposable {
  readonly path: string;
}

async function newPlace(): Promise<Place> {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  return {
    path: `${folder}/spool.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Lets the work have the database, and closes it. */
function withDatabase<Result>(
  path: string,
  work: (database: SpoolDatabase) => Result,
  options: { quarantineMaxBytes?: number } = {},
): Result {
  const { database } = SpoolDatabase.open(path, "1", options);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** What somebody else does to the file, or sees in it. */
function withConnection<Result>(path: string, work: (connection: DatabaseSync) => Result): Result {
  const connection = new DatabaseSync(path);
  try {
    return work(connection);
  } finally {
    connection.close();
  }
}

function assertUnfit(path: string, label: UnfitSpoolError["label"], problem: RegExp): void {
  assert.throws(
    () => SpoolDatabase.open(path, "1"),
    (error) => error instanceof UnfitSpoolError && error.label === label && problem.test(error.message),
  );
}

Deno.test("SpoolDatabase.write() keeps nothing of what it cannot keep as a whole", async () => {
  await using place = await newPlace();
  withDatabase(place.path, (database) => {
    database.write(spoolWrite({ events: [spooled(1)] }), AT_MS);
    const write = spoolWrite({
      events: [spooled(2), spooled(3, { sequence: 0.5 })],
      confirmed: new Map([[0, 1]]),
    });
    assert.throws(() => database.write(write, AT_MS), /cannot store REAL value in INTEGER column/);
    assert.deepEqual(database.read(0, 0, EVERYTHING).events, [spooled(1)]);
    database.write(spoolWrite({ events: [spooled(2)], confirmed: new Map([[0, 1]]) }), AT_MS);
    assert.deepEqual(database.read(0, 0, EVERYTHING).events, [spooled(2)]);
  });
  assert.equal(SpoolDatabase.open(place.path, "1").contents.lastPosition, 2);
});

Deno.test("SpoolDatabase gives the disk back what it took once its events are gone", async () => {
  await using place = await newPlace();
  const { database } = SpoolDatabase.open(place.path, "1");
  const sizeOf = async (path: string) => (await Deno.stat(path)).size;
  try {
    for (let position = 1; position <= 500; position++) {
      const event = spooled(position, { shard: position % 2, body: new Uint8Array(50_000) });
      database.write(spoolWrite({ events: [event] }), AT_MS);
    }
    assert(await sizeOf(place.path) > 20_000_000);
    assert(await sizeOf(`${place.path}-wal`) < 10_000_000);
    database.write(spoolWrite({ confirmed: new Map([[0, 500]]) }), AT_MS);
    assert.equal(database.read(1, 0, EVERYTHING).events.length, 250);
    database.write(spoolWrite({ confirmed: new Map([[1, 500]]) }), AT_MS);
    assert(await sizeOf(place.path) < 100_000);
    assert.equal(await sizeOf(`${place.path}-wal`), 0);
  } finally {
    database.close();
  }
});

Deno.test("SpoolDatabase lets the oldest quarantined events go for new ones, and keeps none beyond its bound", async () => {
  await using place = await newPlace();
  const event = (position: number, bytes: number) => spooled(position, { body: new Uint8Array(bytes) }).event;
  const kept = () =>
    withConnection(
      place.path,
      (connection) =>
        connection.prepare("SELECT sequence, refused_at FROM quarantine ORDER BY id").all()
          .map(({ sequence, refused_at }) => [sequence, refused_at]),
    );
  const quarantine = (atMs: number, ...quarantined: ReturnType<typeof event>[]) =>
    withDatabase(place.path, (database) => database.write(spoolWrite({ quarantined }), atMs), {
      quarantineMaxBytes: 1_000,
    });
  quarantine(AT_MS, event(1, 400), event(2, 400));
  quarantine(AT_MS + 1, event(3, 200));
  assert.deepEqual(kept(), [[1, AT_MS], [2, AT_MS], [3, AT_MS + 1]]);
  quarantine(AT_MS + 2, event(4, 1_001));
  assert.deepEqual(kept(), [[1, AT_MS], [2, AT_MS], [3, AT_MS + 1]]);
  quarantine(AT_MS + 3, event(5, 1));
  assert.deepEqual(kept(), [[2, AT_MS], [3, AT_MS + 1], [5, AT_MS + 3]]);
  quarantine(AT_MS + 4, event(6, 1_000));
  assert.deepEqual(kept(), [[6, AT_MS + 4]]);
});

Deno.test("SpoolDatabase.open() takes an empty file for a new spool", async () => {
  await using place = await newPlace();
  await Deno.writeFile(place.path, new Uint8Array());
  withDatabase(place.path, (database) => database.write(spoolWrite({ events: [spooled(1)] }), AT_MS));
  withDatabase(place.path, (database) => assert.equal(database.read(0, 0, EVERYTHING).events.length, 1));
});

Deno.test("SpoolDatabase.open() refuses a file that is no database, or cut off", async () => {
  await using place = await newPlace();
  await Deno.writeTextFile(place.path, "no database, ".repeat(1_000));
  assertUnfit(place.path, "damaged", /^it is damaged: file is not a database$/);

  await Deno.remove(place.path);
  const events = Array.from(
    { length: 100 },
    (_, place) => spooled(place + 1, { body: new Uint8Array(1_000) }),
  );
  withDatabase(place.path, (database) => database.write(spoolWrite({ events }), AT_MS));
  await Deno.truncate(place.path, 50_000);
  assertUnfit(place.path, "damaged", /^it is damaged: database disk image is malformed$/);
});

Deno.test("SpoolDatabase.open() refuses a database of another program, and of another version", async () => {
  await using place = await newPlace();
  withConnection(place.path, (connection) => connection.exec("CREATE TABLE theirs (a)"));
  assertUnfit(place.path, "damaged", /not one of this program/);

  await Deno.remove(place.path);
  withDatabase(place.path, () => {});
  withConnection(place.path, (connection) => connection.exec("PRAGMA user_version = 2"));
  assertUnfit(place.path, "other-version", /it has version 2, and this program writes version 1/);
});

/** What was done to a good file → what it is refused for. */
const TAMPERING = {
  "DROP TABLE points": /no such table: points/,
  "ALTER TABLE events RENAME COLUMN session TO name": /no such column/,
  "DELETE FROM meta": /a row of meta has no text in bot/,
  "UPDATE meta SET last_position = -1": /a row of meta has no count in last_position/,
  "UPDATE meta SET last_position = 9223372036854775807": /too large/,
  "UPDATE events SET sequence = -5": /a row of events has no count in sequence/,
  "UPDATE points SET sequence = -5": /a row of points has no count in sequence/,
} as const;

for (const [statement, problem] of Object.entries(TAMPERING)) {
  Deno.test(`SpoolDatabase.open() refuses a file after ${statement}`, async () => {
    await using place = await newPlace();
    const point = {
      sessionId: "5e55",
      sequence: 1,
      resumeGatewayUrl: null,
      intents: null,
      configuredPresence: null,
      startedAtMs: null,
      lastEventAtMs: null,
      lost: [],
    };
    const write = spoolWrite({ events: [spooled(1)], points: new Map([[0, point]]) });
    withDatabase(place.path, (database) => database.write(write, AT_MS));
    withConnection(place.path, (connection) => connection.exec(statement));
    assertUnfit(place.path, "damaged", problem);
  });
}

Deno.test("SpoolDatabase.read() passes over an unreadable row, says so, and gives what lies before and behind it", async () => {
  await using place = await newPlace();
  const events = Array.from(
    { length: 100 },
    (_, place) => spooled(place + 1, { body: new TextEncoder().encode(`event ${place + 1};`.padEnd(1_000)) }),
  );
  withDatabase(place.path, (database) => database.write(spoolWrite({ events }), AT_MS));
  assert.equal(await ruinRows(place.path, (page) => holds(page, "event 50;")), 1);
  withDatabase(place.path, (database) => {
    assert.deepEqual(database.read(0, 0, 10_000).events, events.slice(0, 10));
    const { events: read, unreadable, lastPosition } = database.read(0, 0, EVERYTHING);
    assert(unreadable > 0 && read.length + unreadable === 100 && lastPosition === 100);
    assert.deepEqual(read, events.filter(({ position }) => read.some((one) => one.position === position)));
    assert(!read.some(({ position }) => position === 50));
    assert.deepEqual(database.read(0, 60, 10_000).events, events.slice(60, 70));
    assert.throws(
      () => database.write(spoolWrite({ confirmed: new Map([[0, 100]]) }), AT_MS),
      (error) => error instanceof UnfitSpoolError && error.label === "damaged",
    );
  });
});
