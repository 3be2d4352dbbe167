import assert from "node:assert/strict";
import type { SentSession } from "../../chaos/discord_control.ts";
import { type Evidence, isFaultless, judge, type NamedGap } from "../../chaos/judgement.ts";
import { Receipts } from "../../chaos/receipts.ts";
import { sha256 } from "../../simulator/ledger_digest.ts";

/** What is delivered as the s-th dispatch of a session. */
function body(session: string, s: number): string {
  return `${session} ${s}`;
}

/** A session of so many events; those in `unkept` can not be had by a resume. */
function sent(session: string, count: number, { shard = 0, unkept = [] as number[] } = {}): SentSession {
  const entries = Array.from({ length: count }, (_, index) => index + 1).map((s) => ({
    s,
    t: "MESSAGE_CREATE",
    sha256: sha256(body(session, s)),
    replayable: !unkept.includes(s),
  }));
  return { session, shard, entries };
}

/** Receipts of these ids, `a:1`, in this order, with the bytes that were sent. */
function received(...ids: string[]): Receipts {
  const receipts = new Receipts();
  for (const id of ids) receive(receipts, id);
  return receipts;
}

function receive(receipts: Receipts, id: string, text?: string): void {
  const [session = "", s = ""] = id.split(":");
  receipts.add(id, "MESSAGE_CREATE", new TextEncoder().encode(text ?? body(session, Number(s))));
}

function gap(old_session: string, new_session: string, last_sequence: number): NamedGap {
  return { shard: 0, old_session, new_session, last_sequence, reason: "invalid_session" };
}

function evidence(parts: Partial<Evidence>): Evidence {
  return {
    sent: [],
    receipts: new Receipts(),
    gaps: [],
    endings: new Map([["a", "invalidated by op 9"]]),
    ...parts,
  };
}

Deno.test("judge() finds nothing where everything came once, shards in between each other", () => {
  const judgement = judge(evidence({
    sent: [sent("a", 2), sent("b", 2, { shard: 1 })],
    receipts: received("b:1", "a:1", "a:2", "b:2"),
  }));
  assert(isFaultless(judgement));
  assert.deepEqual([judgement.sent, judgement.delivered, judgement.findings], [4, 4, []]);
});

Deno.test("judge() finds a planted loss", () => {
  const judgement = judge(evidence({ sent: [sent("a", 3)], receipts: received("a:1", "a:3") }));
  assert.equal(judgement.lost, 1);
  assert(!isFaultless(judgement));
  assert.deepEqual(judgement.findings, ["shard 0: MESSAGE_CREATE a:2 did not come"]);
});

Deno.test("judge() does not miss what Discord itself would not send again", () => {
  const judgement = judge(
    evidence({ sent: [sent("a", 3, { unkept: [2] })], receipts: received("a:1", "a:3") }),
  );
  assert.deepEqual([judgement.sent, judgement.lost], [2, 0]);
});

Deno.test("judge() finds two events that were swapped", () => {
  const judgement = judge(evidence({ sent: [sent("a", 3)], receipts: received("a:1", "a:3", "a:2") }));
  assert.equal(judgement.outOfOrder, 1);
  assert(!isFaultless(judgement));
});

Deno.test("judge() leaves out of the order what came late from a spool, as was said, and nothing else", () => {
  const parts = { sent: [sent("a", 4)], receipts: received("a:1", "a:4", "a:3", "a:2") };
  const judgement = judge(evidence({ ...parts, lateIds: new Set(["a:1", "a:2"]) }));
  assert.deepEqual([judgement.late, judgement.outOfOrder], [2, 1]);
  assert(isFaultless(judge(evidence({ ...parts, lateIds: new Set(["a:2", "a:3"]) }))));
});

Deno.test("judge() finds an event of an old session behind one of the new", () => {
  const judgement = judge(evidence({
    sent: [sent("a", 2), sent("b", 1)],
    receipts: received("a:1", "b:1", "a:2"),
    gaps: [gap("a", "b", 2)],
  }));
  assert.equal(judgement.outOfOrder, 1);
});

Deno.test("judge() leaves repeats out of the order, and counts them", () => {
  const judgement = judge(
    evidence({ sent: [sent("a", 3)], receipts: received("a:1", "a:2", "a:1", "a:2", "a:3") }),
  );
  assert(isFaultless(judgement));
  assert.equal(judgement.repeated, 2);
});

Deno.test("judge() finds a changed byte, in an event and in its repeat", () => {
  for (const first of [body("a", 1), "a 9"]) {
    const receipts = new Receipts();
    receive(receipts, "a:1", first);
    if (first === body("a", 1)) receive(receipts, "a:1", "a 9");
    const judgement = judge(evidence({ sent: [sent("a", 1)], receipts }));
    assert.equal(judgement.changed, 1);
    assert(!isFaultless(judgement));
  }
});

Deno.test("judge() finds what was never sent", () => {
  const judgement = judge(evidence({ sent: [sent("a", 1)], receipts: received("a:1", "a:2", "z:1") }));
  assert.equal(judgement.invented, 2);
  assert(!isFaultless(judgement));
});

Deno.test("judge() takes what is missing of a lost session for named, from the gap's sequence on", () => {
  const lost = [sent("a", 4), sent("b", 1)];
  const named = judge(
    evidence({ sent: lost, receipts: received("a:1", "a:2", "b:1"), gaps: [gap("a", "b", 2)] }),
  );
  assert(isFaultless(named));
  assert.deepEqual([named.inGaps, named.sessionsReplaced, named.sessionsNamed], [2, 1, 1]);
  const before = judge(
    evidence({ sent: lost, receipts: received("a:1", "a:2", "b:1"), gaps: [gap("a", "b", 3)] }),
  );
  assert.deepEqual([before.inGaps, before.lost], [1, 1]);
});

Deno.test("judge() finds the end of a session that nobody named", () => {
  const judgement = judge(evidence({ sent: [sent("a", 1), sent("b", 1)], receipts: received("a:1", "b:1") }));
  assert.deepEqual([judgement.sessionsReplaced, judgement.sessionsNamed], [1, 0]);
  assert(!isFaultless(judgement));
});

Deno.test("judge() takes a gap for the sessions in between too, whose READY nobody lived to hand on", () => {
  const judgement = judge(evidence({
    sent: [sent("a", 2), sent("b", 3), sent("c", 1)],
    receipts: received("a:1", "c:1"),
    gaps: [gap("a", "c", 1)],
  }));
  assert(isFaultless(judgement));
  assert.deepEqual([judgement.inGaps, judgement.sessionsNamed], [4, 2]);
});

Deno.test("judge() finds a gap that names a session which nobody replaced", () => {
  for (const wrong of [gap("a", "a", 1), gap("z", "a", 1), gap("a", "z", 1)]) {
    const judgement = judge(
      evidence({ sent: [sent("a", 1)], receipts: received("a:1"), gaps: [wrong, wrong] }),
    );
    assert.equal(judgement.unfounded, 1);
    assert(!isFaultless(judgement));
  }
});

Deno.test("judge() finds a session that was given up though Discord had it still", () => {
  for (const ending of [undefined, "was not resumed in time", "resumed too far back"]) {
    const judgement = judge(evidence({
      sent: [sent("a", 1), sent("b", 1)],
      receipts: received("a:1", "b:1"),
      gaps: [gap("a", "b", 1)],
      endings: new Map(ending === undefined ? [] : [["a", ending]]),
    }));
    assert.equal(judgement.needless, 1);
    assert(!isFaultless(judgement));
  }
});

Deno.test("judge() counts apart a session whose end was in the spool of who had lost it, as was said", () => {
  const parts = {
    sent: [sent("a", 3), sent("b", 1)],
    receipts: received("a:1", "b:1", "a:2"),
    gaps: [gap("a", "b", 1)],
    endings: new Map([["a", "resumed too far back"]]),
  };
  const judgement = judge(evidence({ ...parts, lateIds: new Set(["a:2"]), lateShards: new Set([0]) }));
  assert.deepEqual([judgement.leftInSpool, judgement.needless, judgement.late], [1, 0, 1]);
  assert(isFaultless(judgement));
  assert.equal(judge(evidence({ ...parts, lateShards: new Set([1]) })).needless, 1);
});
