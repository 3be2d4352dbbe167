import assert from "node:assert/strict";
import type { FaultKind } from "../../chaos/fault.ts";
import { faultRows, fencingRows, showFigures } from "../../chaos/report.ts";
import { Screen } from "../../harness/screen.ts";

function kind(victim: FaultKind["victim"], name: string): FaultKind {
  return { victim, name, lasts: null, strike: () => {} };
}

Deno.test("faultRows() lists every kind with how often it struck, a victim after the other, in lines of some width", () => {
  const killed = kind("Redis", "killed");
  const many = Array.from({ length: 12 }, (_, index) => kind("Discord", `fault ${index}`));
  const rows = faultRows([killed, ...many], new Map([[killed, 3]]));
  assert.deepEqual(rows.map(([victim]) => victim), ["Redis", "Discord", ""]);
  assert.equal(rows[0]?.[1], "killed × 3");
  assert.equal(
    rows.slice(1).map(([, list]) => list).join("   "),
    many.map(({ name }) => `${name} × 0`).join("   "),
  );
  for (const [, list] of rows) assert(list.length <= 84);
});

Deno.test("showFigures() puts figures below each other", () => {
  let text = "";
  const screen = new Screen({
    isTerminal: false,
    colors: false,
    columns: () => 80,
    write: (more) => void (text += more),
  });
  showFigures(screen, [["events sent", "1,000"], ["lost", "0"]]);
  assert.equal(text, "  events sent   1,000\n  lost              0\n");
});

Deno.test("fencingRows() tells what was published without a lease, and what is counted apart", () => {
  const rows = fencingRows({
    published: 1_234,
    withoutLease: 1,
    late: 2,
    interrupted: 3,
    lateIds: new Set(),
    lateShards: new Set(),
    overslept: 5,
    noticed: 4,
    marginMs: 61.4,
    findings: [],
  }, 42);
  assert.deepEqual(rows.map(([, value]) => value), ["1,234", "42", "1", "2", "3", "5", "4", "61 ms"]);
});
