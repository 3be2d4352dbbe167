import assert from "node:assert/strict";
import { FaultTeller } from "../../dashboard/fault_teller.ts";
import { ManualClock } from "../fakes/manual_clock.ts";

Deno.test("FaultTeller.tell() tells a fault once a minute, and how often it was there since", () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const teller = new FaultTeller({ clock, warn: (line) => lines.push(line) });
  for (let time = 0; time < 3; time++) teller.tell(new Error("no ink"));
  teller.tell("no paper");
  assert.deepEqual(lines.splice(0), [
    "Please report this fault of the dashboard: no ink",
    "Please report this fault of the dashboard: no paper",
  ]);
  clock.advance(60_000);
  teller.tell(new Error("no ink"));
  assert.deepEqual(lines.splice(0), [
    "Please report this fault of the dashboard: no ink (and 2 times since the last line)",
  ]);
});

Deno.test("FaultTeller.tell() tells twenty different faults a minute at most", () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const teller = new FaultTeller({ clock, warn: (line) => lines.push(line) });
  for (let time = 0; time < 100; time++) teller.tell(`fault ${time}`);
  assert.equal(lines.length, 20);
  clock.advance(60_000);
  teller.tell("fault 99");
  assert.equal(lines.length, 21);
});
