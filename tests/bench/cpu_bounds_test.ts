import assert from "node:assert/strict";
import { isKept } from "../../bench/bounded.ts";
import { cpuBounds } from "../../bench/path/cpu_bounds.ts";
import type { Measured } from "../../bench/path/measure.ts";
import type { Work } from "../../bench/path/work.ts";

const USUAL: Work = { bodies: 800, compression: "zlib-stream", shards: 16 };

function measured(gateway: string, work: Work, ...cpu: [fastCpuUs: number, pacedCpuUs: number][]): Measured {
  const addedMs = { p50Ms: 0, p99Ms: 0, p999Ms: 0 };
  const runs = cpu.map(([fastCpuUs, pacedCpuUs]) => ({
    ...{ fastCpuUs, pacedCpuUs, addedMs },
    ...{ fastPerSecond: 1, memoryBytes: 1, redis: { scripts: 0, commands: 0 } },
  }));
  return { gateway, work, runs };
}

Deno.test("cpuBounds() compares run by run, the usual work with others' and with that of many shards", () => {
  const rows = cpuBounds([
    measured("Shardline", { ...USUAL, bodies: 300 }, [1, 1]),
    measured("Shardline", USUAL, [10, 40], [20, 50], [12, 50]),
    measured("@discordjs/ws + amqplib", USUAL, [40, 80], [40, 100], [40, 100]),
    measured("Shardline", { ...USUAL, shards: 1_024 }, [30, 50], [30, 60], [30, 70]),
  ], USUAL);
  assert.deepEqual(rows.map(({ median, least, most }) => [median, least, most].map(Math.round)), [
    [12, 10, 20],
    [50, 40, 50],
    [30, 25, 50],
    [50, 50, 50],
    [250, 150, 300],
    [125, 120, 140],
  ]);
  assert.deepEqual(rows.map(isKept), [true, true, true, true, true, false]);
});

Deno.test("cpuBounds() says nothing of what was not measured", () => {
  assert.deepEqual(cpuBounds([], USUAL), []);
  const alone = cpuBounds([measured("Shardline", USUAL, [26, 40])], USUAL);
  assert.deepEqual(alone.map(isKept), [false, true]);
});
