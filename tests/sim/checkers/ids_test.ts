import assert from "node:assert/strict";
import type { OutgoingEvent } from "../../../gateway/delivery/publisher.ts";
import { IdChecker } from "./ids.ts";
import { LedgerRig } from "./ledger_rig.ts";

function published(fields: Partial<OutgoingEvent>, options?: { mayHaveOld: boolean }): string[] {
  const rig = new LedgerRig();
  rig.session("a", 2);
  const event = {
    shard: 0,
    session: "a",
    sequence: 2,
    type: "MESSAGE_CREATE",
    body: new Uint8Array([2]),
    receivedAtMs: 0,
    partition: null,
    trace: null,
    ...fields,
  };
  new IdChecker(rig.report, options).published(event, rig.ledger.dispatch(event.session, event.sequence));
  return rig.reports;
}

Deno.test("IdChecker takes an event as Discord sent it, however often", () => {
  assert.deepEqual(published({}), []);
});

Deno.test("IdChecker takes an old behind what Discord sent only where events may have one, and nothing else", () => {
  // What the rig has sent is a single byte: that is what stands in for the last brace.
  const withOld = (end: string) => ({ body: new TextEncoder().encode(`,"old":{"id":"1"}${end}`) });
  assert.deepEqual(published(withOld("}"), { mayHaveOld: true }), []);
  assert.match(published(withOld("}"))[0] ?? "", /other bytes/);
  assert.match(published(withOld("]"), { mayHaveOld: true })[0] ?? "", /other bytes/);
});

Deno.test("IdChecker reports other bytes, another name, another shard and an id that never was", () => {
  assert.match(published({ body: new Uint8Array([3]) })[0] ?? "", /a:2 was published with other bytes/);
  assert.match(published({ body: new Uint8Array([2, 2]) })[0] ?? "", /other bytes/);
  assert.match(published({ type: "READY" })[0] ?? "", /published as READY, and is MESSAGE_CREATE/);
  assert.match(published({ shard: 1 })[0] ?? "", /published for shard 1, and is of shard 0/);
  assert.match(published({ sequence: 9 })[0] ?? "", /a:9 was published, which Discord has never sent/);
});
