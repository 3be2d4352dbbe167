import assert from "node:assert/strict";
import { FolderUnusableError, SpoolFolder } from "../../../../gateway/adapters/spool/spool_folder.ts";

async function inFolder(work: (path: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir({ prefix: "spool_test_" });
  try {
    await work(`${parent}/spool/replica-0`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

Deno.test("SpoolFolder.take() makes the folder for this user alone, and holds it until it is released", async () => {
  await inFolder(async (path) => {
    const folder = await SpoolFolder.take(path);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o077, 0);
    await assert.rejects(SpoolFolder.take(path), FolderUnusableError);
    folder.release();
    (await SpoolFolder.take(path)).release();
  });
});

Deno.test("SpoolFolder.hasDatabase() tells whether there is one", async () => {
  await inFolder(async (path) => {
    const folder = await SpoolFolder.take(path);
    assert.equal(await folder.hasDatabase(), false);
    await Deno.writeTextFile(folder.databasePath, "");
    assert.equal(await folder.hasDatabase(), true);
    folder.release();
  });
});

Deno.test("SpoolFolder.moveAside() keeps a database together with its log", async () => {
  await inFolder(async (path) => {
    const folder = await SpoolFolder.take(path);
    await Deno.writeTextFile(folder.databasePath, "database");
    await Deno.writeTextFile(`${folder.databasePath}-wal`, "log");
    const to = await folder.moveAside("other-bot", Date.UTC(2026, 0, 2, 3, 4, 5));
    assert.equal(to, `${path}/spool.db.other-bot-2026-01-02T03-04-05.000Z`);
    assert.equal(await Deno.readTextFile(to), "database");
    assert.equal(await Deno.readTextFile(`${to}-wal`), "log");
    assert.equal(await folder.hasDatabase(), false);

    await Deno.writeTextFile(folder.databasePath, "without a log");
    assert.equal(await Deno.readTextFile(await folder.moveAside("damaged", 0)), "without a log");
    folder.release();
  });
});
