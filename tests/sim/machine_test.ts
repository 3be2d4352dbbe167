import assert from "node:assert/strict";
import { Machine } from "./machine.ts";

Deno.test("Machine calls back when its way to a peer is mended, at once where it is whole", () => {
  const machine = new Machine("one");
  const told: string[] = [];
  machine.whenMended("redis", () => told.push("whole"));
  machine.cut("redis");
  machine.whenMended("redis", () => told.push("mended"));
  machine.cut("redis");
  machine.whenMended("broker", () => told.push("another"));
  assert.deepEqual([machine.isCut("redis"), machine.isCut("broker"), told], [true, false, [
    "whole",
    "another",
  ]]);
  machine.mend("redis");
  machine.mend("redis");
  assert.deepEqual([machine.isCut("redis"), told], [false, ["whole", "another", "mended"]]);
});
