import assert from "node:assert/strict";
import { readReshard } from "../../../dashboard/resharding/reshard_text.ts";
import { reshardPlan, reshardReport } from "../fleet/written_fleet.ts";

function read(plan: string | null, fields: Readonly<Record<string, string>> = {}) {
  const problems: string[] = [];
  const reading = readReshard({ plan, fields: Object.entries(fields) }, (problem) => problems.push(problem));
  return { ...reading, problems };
}

Deno.test("readReshard() finds no change, and the first bank, where there was none", () => {
  assert.deepEqual(read(null), { reshard: null, bank: "a", problems: [] });
  assert.deepEqual(read(null, { "report:m-1": reshardReport("alpha") }).reshard, null);
});

Deno.test("readReshard() tells how far each process is, by name, and how much is ready", () => {
  const { reshard, problems } = read(reshardPlan(), {
    "report:m-1": reshardReport("gateway-10", { ready: 4 }),
    plan: reshardPlan(),
    "report:m-2": reshardReport("gateway-9", { ready: 2, obstacle: "3 events wait in the spool" }),
  });
  assert.deepEqual(reshard, {
    id: "r-1",
    from: 16,
    to: 32,
    phase: "rehearsing",
    beganAtMs: 1_764_500_000_000,
    reason: null,
    ready: 6,
    replicas: [
      { name: "gateway-9", ready: 2, waitsFor: "3 events wait in the spool" },
      { name: "gateway-10", ready: 4, waitsFor: null },
    ],
  });
  assert.deepEqual(problems, []);
});

Deno.test("readReshard() says of each phase what the next one waits for", () => {
  const words = (phase: string, report: object) =>
    read(reshardPlan({ phase }), { "report:m-1": reshardReport("alpha", { obstacle: "it must", ...report }) })
      .reshard?.replicas[0]?.waitsFor;
  assert.equal(words("rehearsing", {}), "it must");
  assert.equal(words("holding", { told: false }), "what its old sessions had is not all published");
  assert.equal(words("holding", { told: true }), null);
  assert.equal(words("taking_over", { told: true }), "its old sessions have not ended");
  assert.equal(words("taking_over", { ended: true }), null);
  assert.equal(words("done", {}), null);
  assert.equal(words("abandoned", {}), null);
});

Deno.test("readReshard() knows no more ready shards than there are to be", () => {
  const fields = {
    "report:m-1": reshardReport("a", { ready: 30 }),
    "report:m-2": reshardReport("a", { ready: 30 }),
  };
  assert.equal(read(reshardPlan(), fields).reshard?.ready, 32);
});

Deno.test("readReshard() finds the bank that is current", () => {
  const banks = (phase: string) => ["a", "b"].map((bank) => read(reshardPlan({ phase, bank })).bank).join("");
  assert.equal(banks("rehearsing"), "ba");
  assert.equal(banks("holding"), "ba");
  assert.equal(banks("taking_over"), "ab");
  assert.equal(banks("done"), "ab");
  assert.equal(banks("abandoned"), "ba");
});

Deno.test("readReshard() passes over garbage, names it, and puts what others wrote on one short line", () => {
  const plans = ["", "{", "[]", "null", " ".repeat(17_000) + reshardPlan()];
  const wrong = [{ id: 1 }, { from: 0 }, { to: 70_000 }, { to: "32" }, { bank: "c" }, { phase: "now" }, {
    began_at: -1,
  }];
  for (const plan of [...plans, ...wrong.map(reshardPlan)]) {
    assert.deepEqual(read(plan), {
      reshard: null,
      bank: "a",
      problems: ["gateway:reshard: what is planned cannot be read"],
    }, plan.slice(0, 100));
  }
  const reports = ["", "7", reshardReport("a", { ready: -1 }), reshardReport("a", { replica: null })];
  const { reshard, problems } = read(
    reshardPlan({ phase: "abandoned", reason: `x\n${"y".repeat(1_000)}` }),
    Object.fromEntries(reports.map((report, at) => [`report:m\u202e${at}`, report])),
  );
  assert.deepEqual(reshard?.replicas, []);
  assert.equal(reshard?.reason, `x ${"y".repeat(198)}…`);
  assert.deepEqual(problems, [0, 1, 2, 3].map((at) => `gateway:reshard: "report:m ${at}" is no report`));
  const phrase = (obstacle: unknown) =>
    read(reshardPlan(), { "report:m-1": reshardReport("a\nb", { obstacle }) }).reshard?.replicas[0];
  assert.deepEqual(phrase({}), { name: "a b", ready: 8, waitsFor: null });
  assert.deepEqual(phrase("\x1b[2J"), { name: "a b", ready: 8, waitsFor: "[2J" });
});
