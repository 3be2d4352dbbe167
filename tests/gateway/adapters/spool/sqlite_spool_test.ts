import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SqliteSpool } from "../../../../gateway/adapters/spool/sqlite_spool.ts";
import type { OutgoingEvent } from "../../../../gateway/delivery/publisher.ts";
import { SpoolLostError } from "../../../../gateway/delivery/spool.ts";
import { startSpoolWorker } from "../../../../gateway/adapters/spool/spool_thread.ts";
import {
  begun,
  contentsOf,
  spooled,
  spoolWrite,
  testSpoolContract,
} from "../../../contracts/spool_contract.ts";
import { holds, ruinRows } from "./database_pages.ts";

const EVERYTHING = Number.MAX_SAFE_INTEGER;
const WORKER = new URL("../../../../gateway/adapters/spool/spool_worker.ts", import.meta.url);
const WALL_MS = Date.UTC(2026, 10, 3, 4, 5, 6, 70);
const MOMENT = "2026-11-03T04-05-06.070Z";

testSpoolContract("SQLite", async () => {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  const processes: SqliteSpool[] = [];
  return {
    process: () => {
      const spool = new SqliteSpool({ folders: () => [folder], clock: { wallMs: () => WALL_MS } });
      processes.push(spool);
      return spool;
    },
    damage: () => Deno.writeTextFile(`${folder}/spool.db`, "no database, ".repeat(1_000)),
    quarantined: () => Promise.resolve(quarantineOf(folder)),
    [Symbol.asyncDispose]: async () => {
      for (const spool of processes) await spool.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
});

function quarantineOf(folder: string): OutgoingEvent[] {
  const database = new DatabaseSync(`${folder}/spool.db`, { readOnly: true });
  try {
    return database.prepare("SELECT * FROM quarantine ORDER BY id").all().map((row) => ({
      shard: Number(row["shard"]),
      session: String(row["session"]),
      sequence: Number(row["sequence"]),
      type: String(row["type"]),
      body: row["body"] as Uint8Array,
      receivedAtMs: Number(row["received_at"]),
      partition: null,
      trace: null,
    }));
  } finally {
    database.close();
  }
}

/** The spools of one folder. All are closed at the end. */
async function inFolder(
  work: (folder: string, process: (startWorker?: () => Worker) => SqliteSpool) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "spool_test_" });
  const spools: SqliteSpool[] = [];
  try {
    await work(folder, (startWorker = startSpoolWorker) => {
      const spool = new SqliteSpool({
        folders: () => [folder],
        clock: { wallMs: () => WALL_MS },
        startWorker,
      });
      spools.push(spool);
      return spool;
    });
  } finally {
    for (const spool of spools) await spool.close();
    await Deno.remove(folder, { recursive: true });
  }
}

function workerOf(source: string): Worker {
  return new Worker(`data:application/javascript,${encodeURIComponent(source)}`, { type: "module" });
}

/** The spool's worker, with a weak spot: told "die", it does. */
function mortalWorker(): Worker {
  return workerOf(`
    import ${JSON.stringify(WORKER.href)};
    self.addEventListener("message", ({ data }) => { if (data === "die") throw new Error("told to"); });
  `);
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("SqliteSpool starts its thread before it is needed, once", async () => {
  await inFolder(async (_, process) => {
    let started = 0;
    const spool = process(() => {
      started++;
      return startSpoolWorker();
    });
    await begun(spool);
    assert.equal(started, 1);
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    await spool.read(0, 0, EVERYTHING);
    await spool.write(spoolWrite({ confirmed: new Map([[0, 1]]) }));
    await spool.write(spoolWrite({ events: [spooled(2)] }));
    assert.equal(started, 1);
  });
});

Deno.test("SqliteSpool lets all calls fail when its thread dies, and starts another for the next", async () => {
  await inFolder(async (_, process) => {
    const workers: Worker[] = [];
    const spool = process(() => {
      const worker = mortalWorker();
      workers.push(worker);
      return worker;
    });
    await begun(spool);
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    workers[0]?.postMessage("die");
    const calls = await Promise.allSettled([
      spool.write(spoolWrite({ events: [spooled(2)] })),
      spool.read(0, 0, EVERYTHING),
    ]);
    for (const call of calls) {
      assert(call.status === "rejected");
      assert.match(call.reason.message, /the spool's thread has died: .*told to/);
    }
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, [spooled(1)]);
    await spool.write(spoolWrite({ events: [spooled(2)] }));
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, [spooled(1), spooled(2)]);
    assert.equal(workers.length, 2);
    workers[1]?.postMessage("die");
    await spool.close();
    assert.equal(contentsOf(await process().open({ bot: "1" })).lanes.get(0)?.events, 2);
  });
});

for (
  const [fault, startWorker] of [
    ["has no script", () => new Worker(new URL("no_such_worker.ts", import.meta.url), { type: "module" })],
    ["cannot be started", () => {
      throw new Error("no more threads");
    }],
    ["dies at once", () => workerOf("throw new Error('no memory')")],
  ] satisfies [string, () => Worker][]
) {
  Deno.test(`SqliteSpool whose thread ${fault} lets the beginning and every write fail, and closes`, async () => {
    await inFolder(async (_, process) => {
      const spool = process(startWorker);
      assert((await spool.open({ bot: "1" })).kind === "ready");
      await assert.rejects(
        spool.begin({ total: 1, keepPoints: true }),
        /the spool's thread has died|no more threads/,
      );
      for (let time = 0; time < 2; time++) {
        await assert.rejects(
          spool.write(spoolWrite({ events: [spooled(1)] })),
          /the spool's thread has died|no more threads/,
        );
      }
      await spool.close();
      assert.deepEqual(contentsOf(await process().open({ bot: "1" })).lanes, new Map());
    });
  });
}

Deno.test("SqliteSpool that is closed refuses to write, and keeps what was asked before", async () => {
  await inFolder(async (_, process) => {
    const spool = process();
    await begun(spool);
    const [, closed] = await Promise.all([spool.write(spoolWrite({ events: [spooled(1)] })), spool.close()]);
    assert.equal(closed, undefined);
    await assert.rejects(spool.write(spoolWrite({ events: [spooled(2)] })), /it is not open/);
    await assert.rejects(spool.read(0, 0, EVERYTHING), /it is not open/);
    assert.equal(contentsOf(await process().open({ bot: "1" })).lastPosition, 1);
  });
});

Deno.test("SqliteSpool says how to go on where another process has the folder", async () => {
  await inFolder(async (folder, process) => {
    await begun(process());
    assert.deepEqual(await process().open({ bot: "1" }), {
      kind: "unusable",
      problem: `Cannot use the spool's folder ${folder}: another process uses it. ` +
        "Give this one a SPOOL_PATH or a REPLICA_NAME of its own",
    });
  });
});

Deno.test("SqliteSpool says how to go on where its folder cannot be made", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const spool = new SqliteSpool({
      folders: () => [`${folder}/file/spool`],
      clock: { wallMs: () => WALL_MS },
    });
    const opening = await spool.open({ bot: "1" });
    assert(opening.kind === "unusable");
    assert.match(
      opening.problem,
      /^Cannot write to the spool's folder .*\/file\/spool: .+ or set SPOOL_PATH/,
    );
    await spool.close();
  });
});

Deno.test({
  name: "SqliteSpool says how to go on where it is not permitted to write",
  permissions: { read: true, write: false },
  fn: async () => {
    const spool = new SqliteSpool({
      folders: () => ["/tmp/spool_test_forbidden"],
      clock: { wallMs: () => WALL_MS },
    });
    const opening = await spool.open({ bot: "1" });
    assert(opening.kind === "unusable");
    assert.match(opening.problem, /Requires write access to .+ or set SPOOL_PATH/);
    await spool.close();
  },
});

Deno.test("SqliteSpool that finds its database locked writes as soon as it is free", async () => {
  await inFolder(async (folder, process) => {
    const spool = process();
    assert((await spool.open({ bot: "1" })).kind === "ready");
    const other = new DatabaseSync(`${folder}/spool.db`);
    other.exec("BEGIN EXCLUSIVE");
    const locked = /^SpoolThreadError: database is locked$/;
    await assert.rejects(spool.begin({ total: 1, keepPoints: true }), locked);
    await assert.rejects(spool.write(spoolWrite({ events: [spooled(1)] })), locked);
    other.close();
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    assert.equal((await spool.read(0, 0, EVERYTHING)).events.length, 1);
  });
});

Deno.test("SqliteSpool is unusable where its database is locked when it is opened", async () => {
  await inFolder(async (folder, process) => {
    await (await begun(process())).close();
    const other = new DatabaseSync(`${folder}/spool.db`);
    other.exec("BEGIN EXCLUSIVE");
    const opening = await process().open({ bot: "1" });
    assert(opening.kind === "unusable");
    assert.match(opening.problem, /^Cannot use the spool in .*: database is locked\. .*SPOOL_PATH/);
    other.close();
  });
});

Deno.test("SqliteSpool moves a damaged database aside under a name that tells the time", async () => {
  await inFolder(async (folder, process) => {
    await Deno.writeTextFile(`${folder}/spool.db`, "no database, ".repeat(1_000));
    const spool = process();
    const opening = await spool.open({ bot: "1" });
    const to = `${folder}/spool.db.damaged-${MOMENT}`;
    assert(opening.kind === "ready");
    assert.deepEqual(opening.movedAside, {
      to,
      problem: "it is damaged: file is not a database",
      isLost: true,
    });
    await spool.begin({ total: 1, keepPoints: true });
    assert.match(await Deno.readTextFile(to), /^no database, /);
    assert(namesIn(folder).includes(`spool.db.damaged-${MOMENT}`));
  });
});

Deno.test("SqliteSpool moves a database aside that turns out damaged when it is written, and begins a new one", async () => {
  await inFolder(async (folder, process) => {
    const spool = process();
    await begun(spool);
    const events = Array.from(
      { length: 100 },
      (_, place) =>
        spooled(place + 1, { body: new TextEncoder().encode(`event ${place + 1};`.padEnd(1_000)) }),
    );
    await spool.write(spoolWrite({ events }));
    await spool.close();
    await ruinRows(`${folder}/spool.db`, (page) => holds(page, "event 50;"));

    const next = process();
    await begun(next);
    assert.equal((await next.read(0, 0, 10_000)).events.length, 10);
    assert((await next.read(0, 0, EVERYTHING)).unreadable > 0);
    const write = spoolWrite({ events: [spooled(101)], confirmed: new Map([[0, 100]]) });
    await assert.rejects(
      next.write(write),
      (error) =>
        error instanceof SpoolLostError &&
        /malformed; moved aside to .*\/spool\.db\.damaged-2026/.test(error.message),
    );
    await next.write(write);
    assert.deepEqual((await next.read(0, 0, EVERYTHING)).events, [spooled(101)]);
    assert(namesIn(folder).includes(`spool.db.damaged-${MOMENT}`));
  });
});
