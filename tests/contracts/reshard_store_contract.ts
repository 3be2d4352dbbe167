/**
 * What every store of a change of the number of shards promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ReshardPlan, ReshardReport, ReshardStore } from "../../gateway/reshard/plan.ts";

export interface ReshardStoreSubject extends AsyncDisposable {
  /** The store as one more process has it; resolves when it takes calls. */
  process(): Promise<ReshardStore>;
  away(): Promise<void>;
  /** It forgets everything. */
  empty(): Promise<void>;
}

export function reshardPlan(changes: Partial<ReshardPlan> = {}): ReshardPlan {
  return {
    id: "first",
    from: 16,
    to: 32,
    bank: "b",
    phase: "rehearsing",
    beganAtMs: 1_764_500_000_000,
    reason: null,
    superseded: [8],
    ...changes,
  };
}

export function reshardReport(changes: Partial<ReshardReport> = {}): ReshardReport {
  return {
    replica: "one",
    running: 0,
    ready: 0,
    obstacle: null,
    hasTold: false,
    hasSeen: false,
    hasEnded: false,
    ...changes,
  };
}

export function testReshardStoreContract(name: string, start: () => Promise<ReshardStoreSubject>): void {
  Deno.test(`${name} knows of no change at first, and shows every process the one that was begun`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    assert.equal(await one.read(), null);
    assert.equal(await one.begin(reshardPlan()), true);
    const report = reshardReport({ running: 2, ready: 3, obstacle: "it waits", hasTold: true });
    await one.report("first", "a", report);
    assert.deepEqual(await other.read(), { plan: reshardPlan(), reports: new Map([["a", report]]) });
  });

  Deno.test(`${name} begins no change while another is under way, and one with nothing of an earlier one`, async () => {
    await using subject = await start();
    const store = await subject.process();
    await store.begin(reshardPlan());
    const next = reshardPlan({ id: "second", to: 64 });
    for (const phase of ["holding", "taking_over"] as const) {
      assert.equal(await store.begin(next), false);
      const { plan } = await store.read() ?? assert.fail("no plan");
      assert.equal(await store.move(plan, { to: phase }), true);
    }
    assert.equal(await store.begin(next), false);
    await store.report("first", "a", reshardReport());
    await store.writeDigests("first", "told", "a", ["x"]);
    await store.move(reshardPlan({ phase: "taking_over" }), { to: "done" });
    assert.equal(await store.begin(next), true);
    assert.deepEqual(await store.read(), { plan: next, reports: new Map() });
    assert.deepEqual(await store.readDigests("told"), []);
    await store.report("first", "a", reshardReport());
    await store.writeDigests("first", "told", "a", ["x"]);
    assert.deepEqual((await store.read())?.reports.size, 0, "what is late is of no plan that there is");
    assert.deepEqual(await store.readDigests("told"), []);
  });

  Deno.test(`${name} moves a plan on once, whoever wants it`, async () => {
    await using subject = await start();
    const stores = [await subject.process(), await subject.process(), await subject.process()];
    await stores[0]?.begin(reshardPlan());
    const moved = await Promise.all(stores.map((store) => store.move(reshardPlan(), { to: "holding" })));
    assert.deepEqual(moved.toSorted(), [false, false, true]);
    const reason = 'not "now"';
    const holding = reshardPlan({ phase: "holding" });
    assert.equal(await stores[0]?.move(holding, { to: "abandoned", reason }), true);
    const { plan } = await stores[1]?.read() ?? assert.fail("no plan");
    assert.deepEqual(plan, reshardPlan({ phase: "abandoned", reason }));
  });

  Deno.test(`${name} hands on what members have published, and what they have seen`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.begin(reshardPlan());
    await one.writeDigests("first", "told", "a", ["x", "y", "x"]);
    await other.writeDigests("first", "told", "b", ["z"]);
    await other.writeDigests("first", "seen", "b", []);
    assert.deepEqual((await one.readDigests("told")).toSorted(), ["x", "x", "y", "z"]);
    assert.deepEqual(await one.readDigests("seen"), []);
    await one.writeDigests("first", "told", "a", ["w"]);
    assert.deepEqual((await one.readDigests("told")).toSorted(), ["w", "z"], "of each the last");
    await one.move(reshardPlan(), { to: "holding" });
    assert.deepEqual(await one.readDigests("told"), [], "what was told before it was tried again");
  });

  Deno.test(`${name} takes back a plan that it has forgotten, and no other`, async () => {
    await using subject = await start();
    const store = await subject.process();
    await store.begin(reshardPlan());
    await subject.empty();
    assert.equal(await store.read(), null);
    const done = reshardPlan({ phase: "done" });
    await store.restore(done);
    await store.restore(reshardPlan({ id: "other" }));
    assert.deepEqual((await store.read())?.plan, done);
  });

  Deno.test(`${name} rejects while it is away`, async () => {
    await using subject = await start();
    const store = await subject.process();
    await subject.away();
    await assert.rejects(store.read());
    await assert.rejects(store.begin(reshardPlan()));
  });
}
