import assert from "node:assert/strict";
import { pausesOf } from "../../bench/fleet/rolling_restart.ts";
import type { Happening } from "../../simulator/statistics.ts";

function happened(...happenings: readonly [atMs: number, kind: Happening["kind"], shard: number][]) {
  return pausesOf(happenings.map(([atMs, kind, shard]) => ({ atMs, kind, shard })));
}

Deno.test("pausesOf() tells for how long each shard had no connection, each time", () => {
  assert.deepEqual(
    happened(
      [100, "closed-by-client", 0],
      [150, "closed-by-client", 1],
      [400, "resumed", 0],
      [900, "identified", 1],
      [1_000, "closed-by-server", 0],
      [1_050, "resumed", 0],
    ),
    [300, 750, 50],
  );
});

Deno.test("pausesOf() takes a session that was resumed before its old connection was closed for never away", () => {
  assert.deepEqual(happened([100, "resumed", 0], [101, "closed-by-server", 1]), []);
});
