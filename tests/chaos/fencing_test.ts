import assert from "node:assert/strict";
import { isFenced, judgeFencing, type ReplicaRecord } from "../../chaos/fencing.ts";
import { LeaseHistory } from "../../chaos/lease_history.ts";
import type { Publication } from "../../chaos/publications.ts";

const START_MS = 1_700_000_000_000;
const TAKEN_OVER_MS = START_MS + 20_000;

/** Shard 0 is the first one's, and from 20 s on the second's. */
function leases(): LeaseHistory {
  const history = new LeaseHistory();
  history.took(0, 1, "first", START_MS);
  history.took(0, 2, "second", TAKEN_OVER_MS);
  return history;
}

/** Both in seconds after the start. */
function published(at: number, received = at, replica = "first", shard = 0): Publication {
  const receivedAtS = Math.floor(START_MS / 1_000 + received);
  return { id: `a:${at}`, shard, replica, receivedAtS, atMs: START_MS + at * 1_000, lateMs: 0 };
}

function judged(publications: readonly Publication[], first: Partial<ReplicaRecord> = {}) {
  const replicas = [{ name: "first", pauses: [], said: [], ...first }, {
    name: "second",
    pauses: [],
    said: [],
  }];
  return judgeFencing({ publications, leases: leases(), replicas });
}

/** It slept from 10 s until 25 s. */
const PAUSES = [{ fromMs: START_MS + 10_000, untilMs: START_MS + 25_000 }];
const LAPSED = { atMs: START_MS + 25_010, kind: "leases.lapsed", shard: null } as const;
const LATE = { atMs: START_MS + 30_000, kind: "spool.late", shard: 0 } as const;

Deno.test("judgeFencing() finds nothing where each publishes what it has the lease of, or was about to leave", () => {
  const judgement = judged([published(1), published(20.05), published(20, 20, "second")]);
  assert(isFenced(judgement));
  assert.deepEqual([judgement.published, judgement.findings], [3, []]);
});

Deno.test("judgeFencing() finds what was published after another took over, and by one that never had the lease", () => {
  const judgement = judged([published(20.051), published(1, 1, "second"), published(1, 1, "first", 7)]);
  assert.equal(judgement.withoutLease, 3);
  assert(!isFenced(judgement));
  assert.deepEqual(judgement.findings.map((words) => words.replace(/.* published /, "")), [
    "a:20.051 at 2023-11-14T22:13:40.051Z, 51 ms after its lease was another's or nobody's",
    "a:1 at 2023-11-14T22:13:21.000Z, whose lease it had never held",
    "a:1 at 2023-11-14T22:13:21.000Z, whose lease it had never held",
  ]);
});

Deno.test("judgeFencing() allows for what it was heard late by, and says for how much", () => {
  const judgement = judged([{ ...published(20.3), lateMs: 250 }]);
  assert.deepEqual([judgement.withoutLease, judgement.marginMs], [0, 300]);
  assert.equal(judged([{ ...published(20.301), lateMs: 250 }]).withoutLease, 1);
});

Deno.test("judgeFencing() finds what was published after the lease was let go of and nobody took it", () => {
  const history = leases();
  history.letGo(0, 2, START_MS + 40_000);
  const publications = [published(41, 41, "second")];
  const replicas = [{ name: "second", pauses: [], said: [] }];
  const judgement = judgeFencing({ publications, leases: history, replicas });
  assert.equal(judgement.withoutLease, 1);
});

Deno.test("judgeFencing() allows a spool's events that came while the lease was held, once that is said", () => {
  const late = published(31, 15);
  const { lateIds, lateShards } = judged([late], { said: [LATE, LAPSED] });
  assert.deepEqual([[...lateIds], [...lateShards]], [["a:31"], [0]]);
  for (const said of [[], [{ ...LATE, shard: 1 }], [{ ...LATE, atMs: START_MS + 32_000 }]]) {
    assert.equal(judged([late], { said }).withoutLease, 1);
  }
  // Received when it was another's already.
  assert.equal(judged([published(31, 21)], { said: [LATE] }).withoutLease, 1);
});

Deno.test("judgeFencing() allows what a pause caught on its way out, and nothing that was received after it", () => {
  const awake = { pauses: PAUSES, said: [LAPSED] };
  assert.equal(judged([published(25.01, 10)], awake).interrupted, 1);
  assert.equal(judged([published(25.01, 25)], awake).withoutLease, 1);
  assert.equal(judged([published(26, 10)], awake).withoutLease, 1);
});

Deno.test("judgeFencing() finds a sleeper that does not notice", () => {
  const noticed = judged([], { pauses: PAUSES, said: [LAPSED] });
  assert.deepEqual([noticed.overslept, noticed.noticed, isFenced(noticed)], [1, 1, true]);
  const unnoticed = judged([], { pauses: PAUSES });
  assert.deepEqual([unnoticed.overslept, unnoticed.noticed, isFenced(unnoticed)], [1, 0, false]);
  const short = judged([], { pauses: [{ fromMs: START_MS + 10_000, untilMs: START_MS + 12_000 }] });
  assert.equal(short.overslept, 0);
});
