import assert from "node:assert/strict";
import { readSayings } from "../../chaos/sayings.ts";

const LINES = [
  { time: "2026-01-01T00:00:00.001Z", kind: "shards.begun", shards: 2 },
  { time: "2026-01-01T00:00:00.002Z", kind: "spool.late", shard: 3, events: 5 },
  { time: "2026-01-01T00:00:00.003Z", kind: "leases.lapsed", shards: 2 },
];

Deno.test("readSayings() finds what is said of leases, and nothing in a log without", async () => {
  const path = await Deno.makeTempFile({ dir: "/tmp" });
  try {
    await Deno.writeTextFile(path, LINES.slice(0, 1).map((line) => `${JSON.stringify(line)}\n`).join(""));
    assert.deepEqual(await readSayings(path), []);
    await Deno.writeTextFile(path, LINES.map((line) => `${JSON.stringify(line)}\n`).join(""));
    assert.deepEqual(await readSayings(path), [
      { atMs: Date.parse("2026-01-01T00:00:00.002Z"), kind: "spool.late", shard: 3 },
      { atMs: Date.parse("2026-01-01T00:00:00.003Z"), kind: "leases.lapsed", shard: null },
    ]);
    await assert.rejects(readSayings(`${path}.none`), /Cannot read what a replica said/);
  } finally {
    await Deno.remove(path);
  }
});
