/**
 * What every store of resume points promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { LostSession, PointChange, ResumePoint, ResumePoints } from "../../gateway/resume/points.ts";

/** A store, as the processes see it that use it one after the other. */
export interface ResumePointsSubject extends AsyncDisposable {
  /** The store as a process that starts now finds it. */
  process(): ResumePoints;
  /** Takes the store away until {@link back}. */
  away(): Promise<void>;
  back(): void;
  /** Another process runs this shard from now on. */
  takeOver(shard: number): Promise<void>;
  /** Another service runs, with these sessions, and leaves them. */
  runAnother(sessions: { readonly [shard: number]: { sessionId: string; sequence: number } }): Promise<void>;
}

/** A point with every field. */
export function resumePoint(sequence: number, changes: Partial<ResumePoint> = {}): ResumePoint {
  return {
    sessionId: "5e55",
    sequence,
    resumeGatewayUrl: "wss://gateway-us-east1-b.discord.gg",
    intents: 53_575_421,
    configuredPresence: '{"status":"dnd","activities":[]}',
    startedAtMs: 1_700_000_000_123,
    lastEventAtMs: 1_700_000_000_456,
    ...changes,
  };
}

/** A session that was given up, with every field. */
export function lostSession(sequence: number): LostSession {
  return { sessionId: "0ld", sequence, sinceMs: 1_700_000_000_000.25, reason: "invalid_session" };
}

const BOT = "81384788765712384";
const OTHER_BOT = "81384788765712385";

export function testResumePointsContract(name: string, start: () => Promise<ResumePointsSubject>): void {
  Deno.test(`${name} resume points are none in a new store`, async () => {
    await using subject = await start();
    const fleet = await subject.process().load();
    assert.deepEqual(fleet, { total: null, bot: null, shards: new Map(), foreign: false });
  });

  Deno.test(`${name} resume points are found by the next process as they were written`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 16);
    await points.write(changes({
      0: {
        point: resumePoint(1),
        presence: '{"status":"idle"}',
        guilds: [81_384_788_765_712_384n, 2n ** 63n],
      },
      1: { point: null, lost: [lostSession(0)] },
      15: {
        point: resumePoint(Number.MAX_SAFE_INTEGER, {
          resumeGatewayUrl: null,
          configuredPresence: null,
          startedAtMs: null,
          lastEventAtMs: null,
        }),
        lost: [lostSession(Number.MAX_SAFE_INTEGER)],
      },
    }));
    const fleet = await subject.process().load();
    assert.equal(fleet.total, 16);
    assert.equal(fleet.bot, BOT);
    assert.equal(fleet.foreign, false);
    assert.deepEqual(
      fleet.shards,
      new Map([
        [0, {
          point: resumePoint(1),
          lost: [],
          presence: '{"status":"idle"}',
          guilds: [81_384_788_765_712_384n, 2n ** 63n],
        }],
        [1, { point: null, lost: [lostSession(0)], presence: null, guilds: null }],
        [15, {
          point: resumePoint(Number.MAX_SAFE_INTEGER, {
            resumeGatewayUrl: null,
            configuredPresence: null,
            startedAtMs: null,
            lastEventAtMs: null,
          }),
          lost: [lostSession(Number.MAX_SAFE_INTEGER)],
          presence: null,
          guilds: null,
        }],
      ]),
    );
  });

  Deno.test(`${name} resume points change only in what a write names`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(
      changes({ 1: { point: resumePoint(1), presence: '{"status":"idle"}', guilds: [1n] } }),
    );
    await points.write(changes({ 1: { point: resumePoint(2) } }));
    await points.write(changes({ 0: { point: resumePoint(9) } }));
    const second = (await subject.process().load()).shards.get(1);
    assert.deepEqual(second, {
      point: resumePoint(2),
      lost: [],
      presence: '{"status":"idle"}',
      guilds: [1n],
    });
    await points.write(changes({ 1: { presence: null, guilds: [] } }));
    const third = (await subject.process().load()).shards.get(1);
    assert.deepEqual(third, { point: resumePoint(2), lost: [], presence: null, guilds: [] });
    await points.write(changes({ 1: { point: null, lost: [lostSession(2)] } }));
    const fourth = (await subject.process().load()).shards.get(1);
    assert.deepEqual(fourth, { point: null, lost: [lostSession(2)], presence: null, guilds: [] });
    await points.write(changes({ 1: { point: resumePoint(1, { sessionId: "new" }) } }));
    await points.write(changes({ 1: { lost: [] } }));
    const fifth = (await subject.process().load()).shards.get(1);
    assert.deepEqual([fifth?.point?.sessionId, fifth?.lost], ["new", []]);
    assert.deepEqual((await subject.process().load()).shards.get(0)?.point, resumePoint(9));
  });

  Deno.test(`${name} resume points outlive processes that start again and again and write nothing`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 3);
    await points.write(changes({
      0: { point: resumePoint(5), presence: '{"status":"idle"}', guilds: [1n] },
      1: { point: null, lost: [lostSession(6)] },
      2: { point: resumePoint(7), lost: [lostSession(8)] },
    }));
    const before = await subject.process().load();
    assert.equal(before.shards.size, 3);
    for (let startedAtMs = 2_000; startedAtMs < 5_000; startedAtMs += 1_000) {
      const crashing = subject.process();
      const imported = await crashing.load();
      await crashing.begin({
        total: 3,
        bot: BOT,
        startedAtMs,
        keepSessions: true,
        lost: new Map(),
        imported,
      });
      assert.deepEqual(await subject.process().load(), before);
    }
  });

  Deno.test(`${name} resume points go where a reign keeps no sessions; gaps to be told and presences stay`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    const presence = '{"status":"idle"}';
    await points.write(
      changes({ 0: { point: resumePoint(5), lost: [lostSession(4)], presence, guilds: [1n] } }),
    );
    const begin = async (bot: string) => {
      const next = subject.process();
      const imported = await next.load();
      const rest = { total: 4, startedAtMs: 2_000, keepSessions: false, lost: new Map(), imported };
      await next.begin({ ...rest, bot });
      return await subject.process().load();
    };
    const fleet = await begin(BOT);
    assert.deepEqual([fleet.total, fleet.bot], [4, BOT]);
    const kept = { point: null, lost: [lostSession(4)], presence, guilds: null };
    assert.deepEqual(fleet.shards.get(0), kept);
    const others = await begin(OTHER_BOT);
    assert.equal(others.bot, OTHER_BOT);
    assert.deepEqual(others.shards.get(0), { ...kept, presence: null }, "a presence goes with its bot");
  });

  Deno.test(`${name} resume points are of the bot that is known last, and of none once its sessions are gone`, async () => {
    await using subject = await start();
    const bots: (string | null)[] = [];
    for (
      const [bot, keepSessions] of [[BOT, true], [null, true], [OTHER_BOT, true], [null, false]] as const
    ) {
      const points = subject.process();
      await points.begin({
        total: 1,
        bot,
        startedAtMs: 1_000,
        keepSessions,
        lost: new Map(),
        imported: await points.load(),
      });
      bots.push((await subject.process().load()).bot);
    }
    assert.deepEqual(bots, [BOT, BOT, OTHER_BOT, null]);
  });

  Deno.test(`${name} resume points written while the store is away are there once it is back, the latest last`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await subject.away();
    let areWritten = false;
    const writes = [1, 2, 3].map((sequence) =>
      points.write(changes({ 0: { point: resumePoint(sequence) } }))
    );
    const written = Promise.all([...writes, points.write(changes({ 1: { presence: '{"status":"idle"}' } }))])
      .then(() => areWritten = true);
    await Promise.resolve();
    assert.equal(areWritten, false);
    subject.back();
    await written;
    const fleet = await subject.process().load();
    assert.equal(fleet.shards.get(0)?.point?.sequence, 3);
    assert.equal(fleet.shards.get(1)?.presence, '{"status":"idle"}');
  });

  Deno.test(`${name} resume points of another service are taken over once, instead of all that is older of ours`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(changes({
      0: { point: resumePoint(5), lost: [lostSession(4)] },
      1: { point: resumePoint(6), lost: [lostSession(3)], presence: '{"status":"idle"}', guilds: [1n] },
    }));
    await subject.runAnother({ 1: { sessionId: "theirs", sequence: 77 } });
    const next = subject.process();
    const imported = await next.load();
    const unknown = {
      resumeGatewayUrl: null,
      intents: null,
      configuredPresence: null,
      startedAtMs: null,
      lastEventAtMs: null,
    };
    const kept = { presence: null, guilds: null };
    const shards = new Map([
      [0, { point: null, lost: [lostSession(4)], ...kept }],
      [1, {
        point: { sessionId: "theirs", sequence: 77, ...unknown },
        lost: [lostSession(3)],
        ...kept,
      }],
    ]);
    assert.deepEqual(imported, { total: 2, bot: null, shards, foreign: true }, "gaps are still to be told");
    await next.begin({
      total: 2,
      bot: null,
      startedAtMs: 3_000,
      keepSessions: true,
      lost: new Map(),
      imported,
    });
    const fleet = await subject.process().load();
    assert.deepEqual(fleet, { ...imported, foreign: false });
  });

  Deno.test(`${name} resume points that a reign finds lost are kept as lost with the same step, also another service's`, async () => {
    await using subject = await start();
    await subject.runAnother({ 0: { sessionId: "theirs", sequence: 77 } });
    const lost = new Map([[0, [lostSession(77)]], [1, [lostSession(3), lostSession(4)]]]);
    for (const keepSessions of [false, true]) {
      const next = subject.process();
      const imported = await next.load();
      await next.begin({ total: 2, bot: BOT, startedAtMs: 3_000, keepSessions, lost, imported });
      const { shards } = await subject.process().load();
      assert.deepEqual([...lost.keys()].map((shard) => shards.get(shard)?.lost), [...lost.values()]);
    }
  });

  Deno.test(`${name} resume points of another service go where a reign keeps no sessions, with all that is older of ours but gaps to be told`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(
      changes({ 0: { lost: [lostSession(4)], presence: '{"status":"idle"}', guilds: [1n] } }),
    );
    await subject.runAnother({ 1: { sessionId: "theirs", sequence: 77 } });
    const next = subject.process();
    const imported = await next.load();
    await next.begin({
      total: 2,
      bot: BOT,
      startedAtMs: 3_000,
      keepSessions: false,
      lost: new Map(),
      imported,
    });
    const fleet = await subject.process().load();
    assert.deepEqual([fleet.bot, fleet.foreign], [BOT, false]);
    assert.deepEqual(fleet.shards.get(0)?.lost, [lostSession(4)]);
    for (const { point, presence, guilds } of fleet.shards.values()) {
      assert.deepEqual([point, presence, guilds], [null, null, null]);
    }
  });

  Deno.test(`${name} resume points are read of some shards alone`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 4);
    await points.write(changes({
      0: { point: resumePoint(1) },
      1: { point: resumePoint(2), lost: [lostSession(3)], presence: '{"status":"idle"}', guilds: [1n] },
      2: { lost: [lostSession(4)] },
    }));
    const read = await subject.process().read([1, 2, 3]);
    assert.deepEqual(
      read,
      new Map([
        [1, { point: resumePoint(2), lost: [lostSession(3)], presence: '{"status":"idle"}', guilds: [1n] }],
        [2, { point: null, lost: [lostSession(4)], presence: null, guilds: null }],
      ]),
    );
    assert.deepEqual(await points.read([]), new Map());
  });

  Deno.test(`${name} resume points of a shard that another process runs are not written, and the others are`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(changes({ 0: { point: resumePoint(1), guilds: [1n] }, 1: { point: resumePoint(1) } }));
    await subject.takeOver(0);
    const everything = { point: null, lost: [lostSession(4)], presence: '{"status":"idle"}', guilds: [] };
    const refused = await points.write(changes({ 0: everything, 1: { point: resumePoint(2) } }));
    assert.deepEqual(refused, new Set([0]));
    const { shards } = await subject.process().load();
    assert.deepEqual(shards.get(0), { point: resumePoint(1), lost: [], presence: null, guilds: [1n] });
    assert.equal(shards.get(1)?.point?.sequence, 2);
  });

  async function reigning(subject: ResumePointsSubject, total: number): Promise<ResumePoints> {
    const points = subject.process();
    const imported = await points.load();
    await points.begin({
      total,
      bot: BOT,
      startedAtMs: 1_000,
      keepSessions: true,
      lost: new Map(),
      imported,
    });
    return points;
  }
}

function changes(byShard: { readonly [shard: number]: PointChange }): ReadonlyMap<number, PointChange> {
  return new Map(Object.entries(byShard).map(([shard, change]) => [Number(shard), change]));
}
