import assert from "node:assert/strict";
import { Redis } from "ioredis";
import { HistoryReader, type HistoryReplica } from "../../../dashboard/fleet/history_reader.ts";
import { historySeries } from "../../../dashboard/fleet/history_series.ts";
import { DashboardRedis } from "../../../dashboard/redis.ts";
import { ManualClock } from "../../fakes/manual_clock.ts";
import { testServers } from "../../servers.ts";
import { secondFields } from "./written_fleet.ts";

interface Rig {
  readonly redis: Redis;
  readonly clock: ManualClock;
  readonly history: HistoryReader;
  /** Writes an entry, so many milliseconds after the beginning. */
  write(replica: string, afterMs: number, changes?: Record<string, string>): Promise<unknown>;
  /** What the history says, its seconds counted from the beginning. */
  readonly seconds: (after?: number) => (readonly [second: number, events: number | null])[];
}

function current(...names: readonly string[]): HistoryReplica[] {
  return names.map((field) => ({ field, isCurrent: true }));
}

async function withHistory(test: (rig: Rig) => Promise<void>): Promise<void> {
  const { redisUrl } = await testServers();
  const redis = new Redis(redisUrl);
  const dashboard = new DashboardRedis({ url: redisUrl, prefix: "" });
  await dashboard.start();
  const clock = new ManualClock();
  const history = new HistoryReader({ redis: dashboard, clock });
  const first = clock.epochMs / 1_000;
  try {
    await test({
      redis,
      clock,
      history,
      write: (replica, afterMs, changes) =>
        redis.xadd(`gateway:history:${replica}`, `${clock.epochMs + afterMs}-0`, ...secondFields(changes)),
      seconds: (after = -1_000) =>
        history.after(first + after).map(({ second, events }) => [second - first, events]),
    });
  } finally {
    await dashboard.stop();
    await redis.quit();
  }
}

Deno.test("HistoryReader adds up the replicas second by second, times as of the one that is worst off", async () => {
  await withHistory(async ({ history, write }) => {
    await write("alpha", 200, { events: "100", delay_p99: "8", spooled: "3", returned: "2" });
    await write("beta", 900, { events: "50", delay_p99: "30", delay_p50: "", returned: "1" });
    await history.refresh(current("alpha", "beta"));
    const [point] = history.after(0);
    assert.deepEqual(point, {
      second: Date.UTC(2026, 0, 1) / 1_000,
      events: 150,
      confirmed: 198,
      delayP50Ms: 1.25,
      delayP99Ms: 30,
      latencyP50Ms: 40,
      latencyP90Ms: 80,
      latencyMaxMs: 120,
      unconfirmed: 24,
      unconfirmedBytes: 18_000,
      spooled: 3,
      spooledBytes: 0,
      connected: 32,
      returned: 3,
    });
  });
});

Deno.test("HistoryReader gives each entry a second of its own, early or late as it may be", async () => {
  await withHistory(async ({ history, write, seconds }) => {
    for (const [index, afterMs] of [0, 999, 2_001, 3_000, 3_999, 8_000].entries()) {
      await write("alpha", afterMs, { events: String(index) });
    }
    await history.refresh(current("alpha"));
    assert.deepEqual(seconds(), [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4], [8, 5]]);
  });
});

Deno.test("HistoryReader tells of a second when all replicas that write have told of it", async () => {
  await withHistory(async ({ history, clock, write, seconds }) => {
    const both = current("alpha", "beta");
    await write("alpha", 100);
    await write("beta", 600);
    await write("alpha", 1_100);
    await history.refresh(both);
    assert.deepEqual(seconds(), [[0, 200]]);
    await write("beta", 1_600);
    await history.refresh(both);
    assert.deepEqual(seconds(0), [[1, 200]]);
    // One that was killed is waited for a few seconds only.
    clock.advance(8_000);
    await write("alpha", 7_100);
    await history.refresh(both);
    assert.deepEqual(seconds(1), [[7, 100]]);
    await history.refresh(current("alpha"));
    assert.deepEqual(seconds(), [[0, 100], [1, 100], [7, 100]]);
  });
});

Deno.test("HistoryReader knows what a replica wrote that is not there any more, and waits for none of it", async () => {
  await withHistory(async ({ history, write, seconds }) => {
    await write("before", 0, { events: "1" });
    await write("before", 1_000, { events: "2" });
    const gone = { field: "before", isCurrent: false };
    await history.refresh([gone]);
    assert.deepEqual(seconds(), [[0, 1], [1, 2]]);
    // The one in its place has told of nothing yet.
    await history.refresh([gone, ...current("after")]);
    assert.deepEqual(seconds(), [[0, 1], [1, 2]]);
    await write("after", 1_000, { events: "10" });
    await write("after", 2_000, { events: "20" });
    await history.refresh([gone, ...current("after")]);
    assert.deepEqual(seconds(), [[0, 1], [1, 12], [2, 20]]);
    // Those that are there are waited for, however far the clock of another was ahead.
    await write("before", 3_000, { events: "4" });
    await history.refresh([gone, ...current("after")]);
    assert.deepEqual(seconds(), [[0, 1], [1, 12], [2, 20]]);
  });
});

Deno.test("HistoryReader takes an entry once, and keeps fifteen minutes", async () => {
  await withHistory(async ({ redis, history, clock, write, seconds }) => {
    await write("alpha", 0);
    await Promise.all([history.refresh(current("alpha")), history.refresh(current("alpha"))]);
    // What was read is not read again.
    await redis.del("gateway:history:alpha");
    await write("alpha", 1_000);
    await history.refresh(current("alpha"));
    assert.deepEqual(seconds(), [[0, 100], [1, 100]]);
    clock.advance(900_000);
    await history.refresh(current("alpha"));
    assert.deepEqual(seconds(), [[0, 100], [1, 100]]);
    clock.advance(1_000);
    await history.refresh(current("alpha"));
    assert.deepEqual(seconds(), [[1, 100]]);
  });
});

Deno.test("HistoryReader takes what is garbage for not known", async () => {
  await withHistory(async ({ redis, history, write, seconds }) => {
    await write("alpha", 0, { events: "many", confirmed: "-3", unconfirmed: "NaN", spooled: "1e400" });
    await redis.xadd("gateway:history:alpha", "8640000000000000-0", "events", "5");
    await redis.set("gateway:history:beta", "text");
    await history.refresh(current("alpha", "beta", "gone"));
    assert.deepEqual(seconds(), [[0, null]]);
    const { confirmed, unconfirmed, spooled } = history.after(0)[0] ?? {};
    assert.deepEqual([confirmed, unconfirmed, spooled], [null, null, null]);
  });
});

Deno.test("historySeries() leaves a place for each second, known or not", async () => {
  await withHistory(async ({ history, clock, write }) => {
    await write("alpha", 0, { delay_p50: "1.2345" });
    await write("alpha", 3_000, { events: "7", returned: "2" });
    await history.refresh(current("alpha"));
    const { firstSecond, events, delayP50Ms, returned } = historySeries(history.after(0));
    assert.equal(firstSecond, clock.epochMs / 1_000);
    assert.deepEqual(events, [100, null, null, 7]);
    assert.deepEqual(delayP50Ms, [1.2, null, null, 1.3]);
    assert.deepEqual(returned, [0, null, null, 2]);
  });
  assert.deepEqual(historySeries([]).events, []);
});
