import assert from "node:assert/strict";
import { BoundsChecker } from "./bounds.ts";

const bounds = { memoryMaxBytes: 1_000, spoolMaxBytes: 5_000, shards: 2, eventMaxBytes: 100 };

Deno.test("BoundsChecker lets memory exceed its bound by one event a shard, and no more", () => {
  const reports: string[] = [];
  const checker = new BoundsChecker((what) => reports.push(what), bounds);
  checker.held(1_200);
  assert.deepEqual(reports, []);
  checker.held(1_201);
  assert.match(reports[0] ?? "", /1201 bytes are held in memory, at most 1200 may be/);
});

Deno.test("BoundsChecker holds the spool to its bound", () => {
  const reports: string[] = [];
  const checker = new BoundsChecker((what) => reports.push(what), bounds);
  checker.spooled(5_000);
  assert.deepEqual(reports, []);
  checker.spooled(5_001);
  assert.match(reports[0] ?? "", /5001 bytes are in the spool, at most 5000 may be/);
});
