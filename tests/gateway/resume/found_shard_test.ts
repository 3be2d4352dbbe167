import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { SpoolContents } from "../../../gateway/delivery/spool.ts";
import { type FoundShard, foundShards, type SpooledShards } from "../../../gateway/resume/found_shard.ts";
import type { LostSession, ResumePoint, StoredFleet, StoredShard } from "../../../gateway/resume/points.ts";

function point(sessionId: string, sequence: number, startedAtMs: number | null = 1_000): ResumePoint {
  return {
    sessionId,
    sequence,
    resumeGatewayUrl: null,
    intents: 1,
    configuredPresence: null,
    startedAtMs,
    lastEventAtMs: startedAtMs,
  };
}

function fleet(shards: Iterable<[number, StoredShard]>, rest: Partial<StoredFleet> = {}): StoredFleet {
  return { total: 2, bot: "7", foreign: false, ...rest, shards: new Map(shards) };
}

const NOTHING: StoredShard = { point: null, lost: [], presence: null, guilds: null };

interface Left {
  /** In the store. */
  readonly stored?: ResumePoint;
  readonly lost?: LostSession;
  /** In the spool. */
  readonly spooled?: ResumePoint;
  /** Kept with that. */
  readonly spooledLost?: readonly LostSession[];
  /** Session and sequence of the first event in the spool. */
  readonly lane?: readonly [string, number];
  readonly foreign?: boolean;
}

/** What is found of one shard: session, published, durable, late. */
function found({ stored, lost, spooled, spooledLost, lane, foreign = false }: Left) {
  const shards = foundShards(
    fleet([[1, { ...NOTHING, point: stored ?? null, lost: lost === undefined ? [] : [lost] }]], { foreign }),
    {
      total: spooled === undefined ? null : 2,
      points: new Map(spooled && [[1, { ...spooled, lost: spooledLost ?? [] }]]),
      lanes: new Map(lane && [[1, { firstSession: lane[0], firstSequence: lane[1] }]]),
    },
  );
  const shard = shards.get(1);
  assert(shard !== undefined && shards.size === 1);
  return [shard.point?.sessionId ?? null, shard.point?.sequence ?? null, shard.durableSequence, shard.late];
}

Deno.test("foundShards() resumes the same session from the further point, and publishes from where anything waits", () => {
  assert.deepEqual(found({ stored: point("a", 5) }), ["a", 5, 5, false]);
  assert.deepEqual(found({ stored: point("a", 5), spooled: point("a", 9) }), ["a", 9, 9, false]);
  assert.deepEqual(found({ stored: point("a", 5), spooled: point("a", 9), lane: ["z", 3] }), [
    "a",
    5,
    9,
    false,
  ]);
  assert.deepEqual(found({ stored: point("a", 5), spooled: point("a", 9), lane: ["a", 6] }), [
    "a",
    5,
    9,
    false,
  ]);
  assert.deepEqual(found({ stored: point("a", 9), spooled: point("a", 9), lane: ["a", 9] }), [
    "a",
    9,
    9,
    false,
  ]);
  assert.deepEqual(found({ stored: point("a", 9), spooled: point("a", 5) }), ["a", 9, 9, false]);
});

Deno.test("foundShards() takes of two sessions the one that began later, of no known time the store's", () => {
  const began = (storedMs: number | null, spooledMs: number | null) =>
    found({ stored: point("a", 5, storedMs), spooled: point("b", 3, spooledMs) })[0];
  assert.equal(began(1, 2), "b");
  assert.equal(began(2, 1), "a");
  assert.equal(began(1, 1), "a");
  assert.equal(began(null, 1), "b");
  assert.equal(began(1, null), "a");
  assert.equal(began(null, null), "a");
});

Deno.test("foundShards() counts as published of a session that only the spool knows what no spooled event follows", () => {
  const spooled = point("b", 9, 2_000);
  for (const stored of [{}, { stored: point("a", 40) }]) {
    assert.deepEqual(found({ ...stored, spooled }), ["b", 9, 9, false]);
    assert.deepEqual(found({ ...stored, spooled, lane: ["b", 6] }), ["b", 5, 9, false]);
    assert.deepEqual(found({ ...stored, spooled, lane: ["b", 1] }), ["b", 0, 9, false]);
    // The events of the session before wait still, so nothing of this one has been published.
    assert.deepEqual(found({ ...stored, spooled, lane: ["a", 41] }), ["b", 0, 9, false]);
    // Between the point and the first spooled event lies what was only in memory.
    assert.deepEqual(found({ ...stored, spooled, lane: ["b", 15] }), ["b", 9, 9, false]);
  }
});

Deno.test("foundShards() takes another service's sessions, and of the spool only what it knows more of the same", () => {
  const foreign = true;
  const theirs = point("a", 5, null);
  assert.deepEqual(found({ foreign, stored: theirs, spooled: point("b", 9), lane: ["b", 6] }), [
    "a",
    5,
    5,
    true,
  ]);
  assert.deepEqual(found({ foreign, stored: theirs, spooled: point("a", 9), lane: ["a", 6] }), [
    "a",
    5,
    9,
    false,
  ]);
  assert.deepEqual(found({ foreign, stored: theirs, spooled: point("a", 4), lane: ["a", 3] }), [
    "a",
    5,
    5,
    true,
  ]);
  assert.deepEqual(found({ foreign, spooled: point("b", 9), lane: ["b", 6] }), [null, null, 0, true]);
  assert.deepEqual(found({ foreign, spooled: point("b", 9) }), [null, null, 0, false]);
});

Deno.test("foundShards() counts what is spooled as late where another process has run the shard since", () => {
  const lane = ["b", 6] as const;
  const spooled = point("b", 9, 2_000);
  const late = (left: Left) => found({ lane, ...left })[3];
  assert.equal(late({ spooled, stored: point("c", 1, 3_000) }), true);
  assert.equal(late({ spooled, stored: point("b", 10, 2_000) }), true);
  assert.equal(late({ spooled, stored: point("b", 9, 2_000) }), false);
  assert.equal(late({ spooled, stored: point("a", 99, 1_000) }), false);
  assert.equal(late({ spooled }), false);
  // The spool was told to forget its points, not its events.
  assert.equal(late({ stored: point("c", 1) }), true);
  assert.equal(late({ stored: point("b", 5) }), false);
  assert.equal(late({}), false);
});

Deno.test("foundShards() does not take up again a session that the store says is lost", () => {
  const lost = { sessionId: "b", sequence: 5, sinceMs: 1_000, reason: "invalid_session" } as const;
  const left = { lost, spooled: point("b", 9), lane: ["b", 6] } as const;
  assert.deepEqual(found(left), [null, null, 0, false]);
  assert.deepEqual(found({ ...left, stored: point("c", 1, 500) }).slice(0, 3), ["c", 1, 1]);
  assert.deepEqual(found({ lost, spooled: point("a", 9, 900) }), [null, null, 0, false], "nor one before it");
  assert.deepEqual(
    found({ lost, spooled: point("c", 9, 1_001) }),
    ["c", 9, 9, false],
    "but the one after it",
  );
  // The clock was set back between its beginning and its end.
  assert.deepEqual(found({ ...left, spooled: point("b", 9, 5_000) }), [null, null, 0, false]);
  const refused = { ...lost, reason: "event_refused", type: "MESSAGE_CREATE" } as const;
  assert.deepEqual(found({ ...left, lost: refused, spooled: point("b", 9, 5_000) }).slice(0, 3), ["b", 5, 9]);
});

Deno.test("foundShards() passes over points that were spooled for another number of shards", () => {
  const spooled = (total: number | null): SpooledShards => ({
    total,
    points: new Map([[0, { ...point("b", 9), lost: [] }]]),
    lanes: new Map([[3, { firstSession: "b", firstSequence: 6 }]]),
  });
  const sessions = (stored: number | null, total: number | null) =>
    [...foundShards(fleet([], { total: stored }), spooled(total))].map(([shard, { point }]) => [
      shard,
      point?.sessionId,
    ]);
  assert.deepEqual(sessions(16, 4), [[3, undefined]]);
  for (const [stored, total] of [[4, 4], [null, 4], [4, null]] as const) {
    assert.deepEqual(sessions(stored, total), [[0, "b"], [3, undefined]]);
  }
});

Deno.test("foundShards() takes what a spool says of itself", () => {
  const contents: SpoolContents = {
    total: 2,
    points: new Map([[0, { ...point("b", 9), lost: [] }]]),
    lanes: new Map([[0, {
      ...{ events: 4, bytes: 40, firstPosition: 1, lastPosition: 4 },
      ...{ firstSession: "b", firstSequence: 6 },
    }]]),
    lastPosition: 4,
  };
  assert.deepEqual([...foundShards(fleet([]), contents)], [
    [0, { ...NOTHING, point: point("b", 5), durableSequence: 9, superseded: null, late: false }],
  ]);
});

// Whatever the two hold.

const shardIds = fc.nat(2);
const sessionIds = fc.constantFrom("a", "b", "c");
const sequences = fc.nat(10);
const points = fc.record({
  sessionId: sessionIds,
  sequence: sequences,
  resumeGatewayUrl: fc.option(fc.constant("wss://gateway")),
  intents: fc.option(fc.nat(3)),
  configuredPresence: fc.option(fc.constant("{}")),
  startedAtMs: fc.option(fc.nat(3)),
  lastEventAtMs: fc.option(fc.nat(3)),
}, { noNullPrototype: true });
const storedShards = fc.record({
  point: fc.option(points),
  lost: fc.array(
    fc.record({
      sessionId: sessionIds,
      sequence: sequences,
      sinceMs: fc.nat(3),
      reason: fc.constant("invalid_session" as const),
    }, { noNullPrototype: true }),
    { maxLength: 2 },
  ),
  presence: fc.option(fc.constant("{}")),
  guilds: fc.option(fc.constant([1n])),
}, { noNullPrototype: true });
const totals = fc.option(fc.constantFrom(2, 3));
const fleets = fc.record({
  total: totals,
  bot: fc.constant(null),
  foreign: fc.boolean(),
  shards: mapOf(storedShards),
});
const spools = fc.record({
  total: totals,
  points: mapOf(points.map((point) => ({ ...point, lost: [] }))),
  lanes: mapOf(fc.record({ firstSession: sessionIds, firstSequence: fc.integer({ min: 1, max: 10 }) })),
});

function mapOf<Value>(values: fc.Arbitrary<Value>): fc.Arbitrary<Map<number, Value>> {
  return fc.array(fc.tuple(shardIds, values)).map((entries) => new Map(entries));
}

function forEachFound(
  check: (shard: number, found: FoundShard, fleet: StoredFleet, spool: SpooledShards) => void,
) {
  fc.assert(
    fc.property(fleets, spools, (fleet, spool) => {
      for (const [shard, found] of foundShards(fleet, spool)) check(shard, found, fleet, spool);
    }),
    { numRuns: 1_000 },
  );
}

Deno.test("foundShards() has durable no less than published, and nothing durable without a session", () => {
  forEachFound((_shard, { point, durableSequence }) => {
    if (point === null) assert.equal(durableSequence, 0);
    else assert(point.sequence >= 0 && durableSequence >= point.sequence);
  });
});

Deno.test("foundShards() makes up no session, no sequence and nothing else", () => {
  forEachFound((shard, { point, durableSequence, superseded, late, ...rest }, fleet, spool) => {
    const { point: storedPoint, ...storedRest } = fleet.shards.get(shard) ?? NOTHING;
    assert.deepEqual(rest, storedRest);
    assert(!late || spool.lanes.has(shard));
    assert.deepEqual(superseded, storedPoint?.sessionId === point?.sessionId ? null : storedPoint);
    if (point === null) return assert.equal(storedPoint, null);
    const { sequence: _, ...session } = point;
    const sources = [storedPoint, spool.points.get(shard)].filter((source) => {
      const { sequence, ...other } = source ?? { sequence: null };
      const text = JSON.stringify(other, (name, value) => name === "lost" ? undefined : value);
      return sequence === durableSequence && text === JSON.stringify(session);
    });
    assert(sources.length > 0);
  });
});

Deno.test("foundShards() calls published what the store does, and besides never what waits in the spool", () => {
  forEachFound((shard, { point }, fleet, spool) => {
    if (point === null) return;
    const stored = fleet.shards.get(shard)?.point;
    const lane = spool.lanes.get(shard);
    const known = stored?.sessionId === point.sessionId ? stored.sequence : 0;
    assert(point.sequence >= known);
    if (point.sequence === known || lane === undefined) return;
    assert(lane.firstSession === point.sessionId && point.sequence < lane.firstSequence);
  });
});

Deno.test("foundShards() leaves the store's word as it is where nothing is spooled", () => {
  fc.assert(fc.property(fleets, (fleet) => {
    const nothing = { total: null, points: new Map(), lanes: new Map() };
    for (const [shard, { durableSequence, superseded, late, ...rest }] of foundShards(fleet, nothing)) {
      assert.deepEqual(rest, fleet.shards.get(shard));
      assert.deepEqual([durableSequence, superseded, late], [rest.point?.sequence ?? 0, null, false]);
    }
  }));
});

Deno.test("foundShards() knows of what was lost from the spool where that says more than the store, each once", () => {
  const shards = (stored: ResumePoint | null, spooled: ResumePoint) =>
    foundShards(fleet([[1, { ...NOTHING, point: stored, lost: [told, both] }]]), {
      total: 2,
      points: new Map([[1, { ...spooled, lost: [{ ...both, sequence: 6 }, known] }]]),
      lanes: new Map(),
    }).get(1)?.lost;
  const told = { sessionId: "a", sequence: 1, sinceMs: 1, reason: "invalid_session" } as const;
  const both = { sessionId: "b", sequence: 5, sinceMs: 2, reason: "invalid_session" } as const;
  const known = { sessionId: "c", sequence: 9, sinceMs: 3, reason: "invalid_session" } as const;
  assert.deepEqual(shards(point("d", 1), point("d", 9)), [told, { ...both, sequence: 6 }, known]);
  assert.deepEqual(shards(null, point("d", 9)), [told, { ...both, sequence: 6 }, known]);
  assert.deepEqual(shards(point("d", 9), point("d", 1)), [told, both], "the store is further");
});
