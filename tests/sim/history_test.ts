import assert from "node:assert/strict";
import { History } from "./history.ts";

function history(keep = 10): History {
  return new History({ nowMs: () => 1_500, keep });
}

Deno.test("History.last() gives everything, or changes of state alone", () => {
  const noted = history();
  noted.note("state", "storm", "crash");
  noted.note("detail", "broker", "takes a:1");
  assert.deepEqual(noted.last("state"), ["    1.500 s  storm     crash"]);
  assert.deepEqual(noted.last("detail"), [
    "    1.500 s  storm     crash",
    "    1.500 s  broker    takes a:1",
  ]);
});

Deno.test("History.last() keeps the newest lines only", () => {
  const noted = history(3);
  for (let line = 1; line <= 10; line++) noted.note("state", "storm", String(line));
  assert.deepEqual(noted.last("state").map((line) => line.at(-1)), ["8", "9", "0"]);
});

Deno.test("History.digest tells every line, in its place, also of those that are not kept", () => {
  const digestOf = (...lines: string[]) => {
    const noted = history(1);
    for (const line of lines) noted.note("detail", "storm", line);
    return noted.digest;
  };
  assert.equal(digestOf("a", "b", "c"), digestOf("a", "b", "c"));
  assert.notEqual(digestOf("a", "b", "c"), digestOf("b", "a", "c"));
  assert.notEqual(digestOf("a", "b", "c"), digestOf("x", "b", "c"));
});
