import assert from "node:assert/strict";
import * as fc from "fast-check";
import { readStoredFleet, type StoredTexts } from "../../../../gateway/adapters/redis/stored_fleet.ts";

const NOTHING: StoredTexts = {
  started: null,
  ownStarted: null,
  total: null,
  ownTotal: null,
  bot: null,
  sessions: null,
  points: {},
  lost: {},
  presences: {},
  guilds: {},
};

function lostText(changes: Record<string, unknown>): string {
  const lost = { session_id: "0ld", sequence: 7, since: 1_000.5, reason: "invalid_session", ...changes };
  return JSON.stringify([lost]);
}

/** The fleet, and the garbage that was named on the way. */
function read(texts: Partial<StoredTexts>) {
  const garbage: string[] = [];
  const fleet = readStoredFleet(
    { ...NOTHING, ...texts },
    (key, problem) => garbage.push(`${key}: ${problem}`),
  );
  return { fleet, garbage };
}

const ANOTHER_RAN = { started: '"2026-01-01T00:00:00.0"', ownStarted: '"2025-01-01T00:00:00.0"' };

Deno.test("readStoredFleet() believes gateway_sessions only where another start time stands there", () => {
  const texts = {
    sessions: '{"0":{"session_id":"theirs","sequence":1}}',
    points: { 0: '{"session_id":"ours","sequence":2}' },
  };
  const sessionWhere = (started: string | null, ownStarted: string | null) => {
    const { fleet } = read({ ...texts, started, ownStarted });
    return [fleet.foreign, fleet.shards.get(0)?.point?.sessionId];
  };
  assert.deepEqual(sessionWhere('"a"', '"a"'), [false, "ours"]);
  assert.deepEqual(sessionWhere('"b"', '"a"'), [true, "theirs"]);
  assert.deepEqual(sessionWhere('"b"', null), [true, "theirs"]);
  assert.deepEqual(sessionWhere(null, '"a"'), [false, "ours"]);
  assert.deepEqual(sessionWhere(null, null), [false, "ours"]);
});

Deno.test("readStoredFleet() takes our own total where the one for others is gone, unless another service ran last", () => {
  const texts = { ...NOTHING, ownTotal: "16" };
  assert.equal(readStoredFleet(texts, () => {}).total, 16);
  assert.equal(readStoredFleet({ ...texts, total: "8" }, () => {}).total, 8);
  assert.equal(readStoredFleet({ ...texts, started: '"then"' }, () => {}).total, null);
});

Deno.test("readStoredFleet() passes over what we kept besides gaps where another service ran last", () => {
  const lost = { 0: lostText({}), 1: lostText({ type: "READY" }) };
  const kept = { bot: "7", lost, presences: { 0: "{}" }, guilds: { 0: "1" } };
  const sessions = JSON.stringify({ 0: { session_id: "theirs", sequence: 3 } });
  const fleet = readStoredFleet({ ...NOTHING, ...kept, started: '"then"', sessions }, () => {});
  assert.equal(fleet.shards.get(0)?.point?.sessionId, "theirs");
  const { presence, guilds } = fleet.shards.get(0) ?? {};
  assert.deepEqual([fleet.bot, presence, guilds], [null, null, null]);
  assert.deepEqual([...fleet.shards.values()].map(({ lost }) => lost.map(({ type }) => type)), [
    [undefined],
    ["READY"],
  ]);
  const ours = readStoredFleet({ ...NOTHING, ...kept }, () => {});
  assert.equal(ours.bot, "7");
  assert.deepEqual(ours.shards.get(0), {
    point: null,
    lost: [{ sessionId: "0ld", sequence: 7, sinceMs: 1_000.5, reason: "invalid_session" }],
    presence: "{}",
    guilds: [1n],
  });
});

Deno.test("readStoredFleet() finds no session where another service left none", () => {
  for (const sessions of [null, "{}", '{"0":{"session_id":"","sequence":0}}']) {
    const { fleet, garbage } = read({
      ...ANOTHER_RAN,
      sessions,
      points: { 0: '{"session_id":"ours","sequence":2}' },
    });
    assert.equal(fleet.shards.size, 0);
    assert.deepEqual(garbage, []);
  }
});

Deno.test("readStoredFleet() takes a session of another service with or without its URL", () => {
  const { fleet } = read({
    ...ANOTHER_RAN,
    sessions:
      '{"0":{"session_id":"a","sequence":0},"1":{"session_id":"b","sequence":5,"resume_gateway_url":"wss://g"}}',
  });
  assert.equal(fleet.shards.get(0)?.point?.resumeGatewayUrl, null);
  assert.equal(fleet.shards.get(1)?.point?.resumeGatewayUrl, "wss://g");
});

Deno.test("readStoredFleet() skips and names each piece of garbage, and keeps the rest", () => {
  const whole = '{"session_id":"s","sequence":1}';
  const { fleet, garbage } = read({
    total: "sixteen",
    bot: "Shardline",
    points: {
      0: whole,
      1: "not JSON",
      2: "[]",
      3: '{"sequence":1}',
      4: '{"session_id":5,"sequence":1}',
      5: '{"session_id":"s","sequence":-1}',
      6: '{"session_id":"s","sequence":1.5}',
      7: '{"session_id":"s","sequence":9007199254740993}',
      8: '{"session_id":"a session","sequence":1}',
      9: `{"session_id":"${"s".repeat(201)}","sequence":1}`,
      "-1": whole,
      "01": whole,
      "1e1": whole,
      "99999999999999999": whole,
      shard: whole,
      ["__proto__"]: whole,
    },
    lost: {
      0: lostText({}),
      1: "not JSON",
      2: "[7]",
      3: lostText({ session_id: "a session" }),
      4: lostText({ sequence: "7" }),
      5: lostText({ since: "1000" }),
      6: lostText({ since: -1 }),
      7: lostText({ since: 8.64e15 + 1 }),
      8: lostText({ reason: "bad luck" }),
      9: lostText({ reason: undefined }),
    },
    presences: { 0: "{}", 1: "[]", 2: "idle" },
    guilds: { 0: "", 1: "1,2", 2: "1,,2", 3: "1, 2", 4: "-1", 5: "1".repeat(21) },
  });
  assert.equal(fleet.total, null);
  assert.deepEqual([...fleet.shards], [
    [0, {
      point: {
        sessionId: "s",
        sequence: 1,
        resumeGatewayUrl: null,
        intents: null,
        configuredPresence: null,
        startedAtMs: null,
        lastEventAtMs: null,
      },
      lost: [{ sessionId: "0ld", sequence: 7, sinceMs: 1_000.5, reason: "invalid_session" }],
      presence: "{}",
      guilds: [],
    }],
    [1, { point: null, lost: [], presence: null, guilds: [1n, 2n] }],
  ]);
  assert.equal(fleet.bot, null);
  assert.equal(garbage.length, 32);
  assert(garbage.includes("gateway:bot: is no user id"));
  assert(garbage.includes('gateway:lost: field "7" has no time since'));
  assert(garbage.includes('gateway:lost: field "8" has no known reason'));
  assert(garbage.includes('gateway:shards: field "8" has no usable session_id'));
  assert(garbage.includes("gateway_shards: is no number of shards"));
  assert(garbage.includes('gateway:shards: field "5" has no sequence from 0 to 2^53-1'));
  assert(garbage.includes('gateway:guilds: field "2" is no list of guild ids'));
});

Deno.test("readStoredFleet() keeps a session whose lesser fields are garbage", () => {
  const { fleet, garbage } = read({
    points: {
      0: '{"session_id":"s","sequence":1,"resume_gateway_url":5,"intents":-1,"configured_presence":{},' +
        '"started_at":"then"}',
    },
  });
  assert.deepEqual(fleet.shards.get(0)?.point, {
    sessionId: "s",
    sequence: 1,
    resumeGatewayUrl: null,
    intents: null,
    configuredPresence: null,
    startedAtMs: null,
    lastEventAtMs: null,
  });
  assert.equal(garbage.length, 4);
});

Deno.test("readStoredFleet() takes only a whole number of shards for the total", () => {
  const wrong = [
    "0",
    "-1",
    "1.5",
    "1e3",
    " 1",
    "",
    "65537",
    "9007199254740991",
    "99999999999999999",
    '"16"',
    "[16]",
  ];
  for (const total of wrong) {
    const { fleet, garbage } = read({ total });
    assert.equal(fleet.total, null);
    assert.equal(garbage.length, 1);
  }
  assert.equal(read({ total: "16" }).fleet.total, 16);
});

Deno.test("readStoredFleet() bears anything", () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.constant('{"session_id":"s","sequence":1}'));
  const hash = fc.dictionary(fc.oneof(fc.string(), fc.nat().map(String)), text);
  const value = fc.option(text);
  const texts = fc.record({
    started: value,
    ownStarted: value,
    total: value,
    bot: value,
    sessions: fc.option(fc.oneof(text, hash.map((fields) => JSON.stringify(fields)))),
    points: hash,
    lost: hash,
    presences: hash,
    guilds: hash,
  });
  fc.assert(fc.property(texts, (texts) => {
    const { fleet } = read(texts);
    for (const [shard, { point }] of fleet.shards) {
      assert(Number.isSafeInteger(shard) && shard >= 0);
      if (point !== null) {
        assert(point.sessionId !== "" && Number.isSafeInteger(point.sequence) && point.sequence >= 0);
      }
    }
  }));
});
