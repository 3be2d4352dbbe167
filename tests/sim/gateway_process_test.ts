import assert from "node:assert/strict";
import { microtasksDone } from "../fakes/microtasks.ts";
import { type Awakening, GatewayProcess } from "./gateway_process.ts";
import { VirtualClock } from "./virtual_clock.ts";

function living() {
  const clock = new VirtualClock();
  const deaths: number[] = [];
  const process = new GatewayProcess({ number: 1, clock, died: () => deaths.push(clock.nowMs()) });
  return { clock, deaths, process };
}

Deno.test("GatewayProcess.dieAfter() lets so many calls through, and dies of the next", () => {
  const { process, deaths } = living();
  process.dieAfter(2);
  assert.deepEqual([process.calls(), process.calls(), process.calls()], [true, true, false]);
  assert.equal(process.isAlive, false);
  process.die();
  assert.deepEqual(deaths, [0]);
});

Deno.test("GatewayProcess calls nothing back once it is dead", async () => {
  const { process, clock } = living();
  const called: string[] = [];
  process.clock.schedule(5, () => called.push("timer"));
  const answered = process.asks<string>((resolve) => clock.after(5, () => resolve("answer")));
  answered.then((answer) => called.push(answer));
  process.die();
  while (clock.step());
  await microtasksDone();
  process.clock.schedule(9, () => called.push("late timer"));
  assert.equal(clock.step(), false);
  assert.deepEqual(called, []);
});

Deno.test("GatewayProcess.asks() hands the answer on while it lives, and asks nobody once it is dead", async () => {
  const { process } = living();
  assert.equal(await process.asks((resolve) => resolve("answer")), "answer");
  await assert.rejects(process.asks((_, reject) => reject(new Error("refused"))), /refused/);
  process.die();
  process.asks(() => assert.fail("a dead process asks nothing"));
});

function told(awakening: Awakening, slept: boolean): string[] {
  const { clock, process } = living();
  const told: string[] = [];
  process.clock.schedule(10, () => told.push("timer 10"));
  clock.after(5, process.into(() => told.push("answer")));
  const cancel = process.clock.schedule(7, () => told.push("cancelled"));
  clock.after(1, () => process.pause());
  clock.after(
    20,
    process.into(() => {
      told.push("late answer");
      cancel();
    }),
  );
  clock.after(101, () => process.goOn(awakening, slept));
  process.clock.schedule(101, () => told.push(`timer 101 at ${process.clock.nowMs()}`));
  while (clock.step());
  return told;
}

Deno.test("GatewayProcess hears nothing while it stands still, and of everything when it goes on", () => {
  const all = ["answer", "cancelled", "timer 10", "late answer", "timer 101 at 101"];
  assert.deepEqual(told("in order", false), all);
  assert.deepEqual(told("timers first", false), [
    "cancelled",
    "timer 10",
    "answer",
    "late answer",
    "timer 101 at 101",
  ]);
  assert.deepEqual(told("timers last", false), ["answer", "late answer", "timer 10", "timer 101 at 101"]);
});

Deno.test("GatewayProcess whose machine slept has its timers go off later, by its own clock in time", () => {
  assert.deepEqual(told("in order", true), ["answer", "late answer", "timer 10", "timer 101 at 101"]);
});
