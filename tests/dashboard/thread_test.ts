import assert from "node:assert/strict";
import type { DashboardNews } from "../../dashboard/services.ts";
import { DashboardThread } from "../../dashboard/thread.ts";
import { ManualClock } from "../fakes/manual_clock.ts";
import { TEST_SETTINGS } from "./rig.ts";

const PROGRAM = new URL("../fixtures/dashboard/troubled_thread.ts", import.meta.url);

/** A thread whose program gets into this trouble, and what it says, in order. */
function troubled(trouble: string) {
  const clock = new ManualClock();
  const missing: string[] = [];
  const news: DashboardNews[] = [];
  let heard = Promise.withResolvers<void>();
  const thread = new DashboardThread({
    settings: { ...TEST_SETTINGS, host: trouble, rabbitUrl: "", redis: { url: "" } },
    wantsLink: false,
    clock,
    program: PROGRAM,
    gatewayMissing: () => missing,
    tell: (item) => {
      news.push(item);
      heard.resolve();
    },
  });
  return {
    clock,
    missing,
    thread,
    /** The next thing it says. */
    next: async (): Promise<string> => {
      while (news.length === 0) {
        await heard.promise;
        heard = Promise.withResolvers();
      }
      const item = news.shift();
      assert(item?.kind === "notice" || item?.kind === "warning");
      return item.message;
    },
  };
}

for (
  const [trouble, fault] of [
    [
      "throw",
      /^The dashboard is started again in 1 s: .*a page too many.* The gateway is not touched by it$/,
    ],
    ["hoard", /^The dashboard is started again in 1 s: /],
    ["hoard bytes", /^The dashboard is started again in 1 s: it holds too much memory/],
  ] as const
) {
  Deno.test(`DashboardThread starts another where one ends by itself: ${trouble}`, async () => {
    const { clock, thread, next } = troubled(trouble);
    thread.start();
    assert.match(await next(), /^started/);
    assert.match(await next(), fault);
    clock.advance(999);
    clock.advance(1);
    assert.match(await next(), /^started/);
    assert.match(await next(), /^The dashboard is started again in 2 s: /);
    await thread.stop();
    clock.assertIdle();
  });
}

Deno.test("DashboardThread ends one that loops for ever, and starts another", async () => {
  const { clock, thread, next } = troubled("loop");
  thread.start();
  assert.match(await next(), /^started/);
  for (let second = 0; second < 11; second++) clock.advance(1_000);
  assert.match(await next(), /^The dashboard is started again in 1 s: it does not answer/);
  clock.advance(1_000);
  assert.match(await next(), /^started/);
  const stopped = thread.stop();
  clock.advance(1_000);
  await stopped;
  clock.assertIdle();
});

Deno.test("DashboardThread does not blame its thread where the whole process stood still", async () => {
  const { clock, missing, thread, next } = troubled("none");
  thread.start();
  await next();
  clock.stall(60_000);
  missing.push("broker");
  clock.advance(1_000);
  assert.equal(await next(), "now missing: broker");
  await thread.stop();
});

Deno.test("DashboardThread tells its thread what the gateway misses, at its start and when that changes", async () => {
  const { clock, missing, thread, next } = troubled("none");
  missing.push("broker");
  thread.start();
  assert.equal(await next(), "started, missing: broker");
  missing.push("shard 3");
  clock.advance(1_000);
  assert.equal(await next(), "now missing: broker, shard 3");
  await thread.stop();
});

Deno.test("DashboardThread.stop() ends a thread that does not listen, is safe twice and before start", async () => {
  await troubled("none").thread.stop();
  const { clock, thread, next } = troubled("deaf");
  thread.start();
  await next();
  const stopped = thread.stop();
  clock.advance(1_000);
  await stopped;
  await thread.stop();
  clock.assertIdle();
});
