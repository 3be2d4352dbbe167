import assert from "node:assert/strict";
import { leftSpools } from "../../../../gateway/adapters/spool/left_spools.ts";
import { SpoolDatabase } from "../../../../gateway/adapters/spool/spool_database.ts";
import { SpoolFolder } from "../../../../gateway/adapters/spool/spool_folder.ts";
import { batchAfter } from "./spool_batches.ts";

/** A spool with this many batches of events in it, as a process leaves it. */
async function leave(path: string, batches: number): Promise<number> {
  const folder = await SpoolFolder.take(path);
  const { database } = SpoolDatabase.open(folder.databasePath, "1");
  let events = 0;
  for (let batch = 0; batch < batches; batch++) {
    const added = batchAfter(events);
    database.write({ events: added, confirmed: new Map(), points: new Map(), quarantined: [] }, 1);
    events += added.length;
  }
  database.close();
  folder.release();
  return events;
}

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "spool_test_" });
  try {
    await work(`${parent}/all-shards`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

Deno.test("leftSpools() finds events in the folders of workers that are no more, and of a process without any", async () => {
  await inFolder(async (path) => {
    const [all, two, three] = [
      await leave(path, 1),
      await leave(`${path}/worker-2`, 2),
      await leave(`${path}/worker-3`, 3),
    ];
    await leave(`${path}/worker-4`, 0); // empty
    await Deno.mkdir(`${path}/worker-5`); // without a spool
    await Deno.mkdir(`${path}/worker-06`);
    assert.deepEqual(await leftSpools([path], 1), [
      { folder: `${path}/worker-2`, workers: 2, events: two },
      { folder: `${path}/worker-3`, workers: 3, events: three },
    ]);
    assert.deepEqual(await leftSpools([`${path}-other`, path], 2), [
      { folder: path, workers: 1, events: all },
      { folder: `${path}/worker-3`, workers: 3, events: three },
    ]);
    assert.deepEqual(await leftSpools([path], 4), [{ folder: path, workers: 1, events: all }]);
    // Looking changes nothing.
    assert.equal((await leftSpools([path], 1)).length, 2);
  });
});

Deno.test("leftSpools() passes over what another process has in hand, and what is no spool", async () => {
  await inFolder(async (path) => {
    await leave(`${path}/worker-2`, 1);
    await Deno.mkdir(`${path}/worker-3`, { recursive: true });
    await Deno.writeTextFile(`${path}/worker-3/spool.db`, "no database".repeat(1_000));
    const folder = await SpoolFolder.take(`${path}/worker-2`);
    assert.deepEqual(await leftSpools([path], 1), []);
    folder.release();
    assert.equal((await leftSpools([path], 1)).length, 1);
  });
});
