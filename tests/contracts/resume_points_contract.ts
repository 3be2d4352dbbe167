/**
 * What every store of resume points promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { PointChange, ResumePoint, ResumePoints } from "../../gateway/resume/points.ts";

/** A store, as the processes see it that use it one after the other. */
export interface ResumePointsSubject extends AsyncDisposable {
  /** The store as a process that starts now finds it. */
  process(): ResumePoints;
  /** Takes the store away until {@link back}. */
  away(): Promise<void>;
  back(): void;
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
    ...changes,
  };
}

export function testResumePointsContract(name: string, start: () => Promise<ResumePointsSubject>): void {
  Deno.test(`${name} resume points are none in a new store`, async () => {
    await using subject = await start();
    const fleet = await subject.process().load();
    assert.deepEqual(fleet, { total: null, shards: new Map(), foreign: false });
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
      15: {
        point: resumePoint(Number.MAX_SAFE_INTEGER, { resumeGatewayUrl: null, configuredPresence: null }),
      },
    }));
    const fleet = await subject.process().load();
    assert.equal(fleet.total, 16);
    assert.equal(fleet.foreign, false);
    assert.deepEqual(
      fleet.shards,
      new Map([
        [0, {
          point: resumePoint(1),
          presence: '{"status":"idle"}',
          guilds: [81_384_788_765_712_384n, 2n ** 63n],
        }],
        [15, {
          point: resumePoint(Number.MAX_SAFE_INTEGER, { resumeGatewayUrl: null, configuredPresence: null }),
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
    assert.deepEqual(second, { point: resumePoint(2), presence: '{"status":"idle"}', guilds: [1n] });
    await points.write(changes({ 1: { presence: null, guilds: [] } }));
    const third = (await subject.process().load()).shards.get(1);
    assert.deepEqual(third, { point: resumePoint(2), presence: null, guilds: [] });
    await points.write(changes({ 1: { point: null } }));
    assert.equal((await subject.process().load()).shards.get(1)?.point ?? null, null);
    assert.deepEqual((await subject.process().load()).shards.get(0)?.point, resumePoint(9));
  });

  Deno.test(`${name} resume points outlive the start of the next process`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(changes({ 0: { point: resumePoint(5) }, 1: { point: resumePoint(6) } }));
    await reigning(subject, 2);
    const fleet = await subject.process().load();
    assert.deepEqual([...fleet.shards.values()].map(({ point }) => point?.sequence), [5, 6]);
  });

  Deno.test(`${name} resume points go, and presences stay, where a reign keeps no sessions`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(
      changes({ 0: { point: resumePoint(5), presence: '{"status":"idle"}', guilds: [1n] } }),
    );
    const next = subject.process();
    const imported = await next.load();
    await next.begin({ total: 4, startedAtMs: 2_000, keepSessions: false, imported });
    const fleet = await subject.process().load();
    assert.equal(fleet.total, 4);
    assert.deepEqual(fleet.shards.get(0), { point: null, presence: '{"status":"idle"}', guilds: null });
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

  Deno.test(`${name} resume points of another service are taken over once, instead of older ones of ours`, async () => {
    await using subject = await start();
    const points = await reigning(subject, 2);
    await points.write(changes({ 0: { point: resumePoint(5) }, 1: { point: resumePoint(6) } }));
    await subject.runAnother({ 1: { sessionId: "theirs", sequence: 77 } });
    const next = subject.process();
    const imported = await next.load();
    const theirs = { sessionId: "theirs", sequence: 77, resumeGatewayUrl: null, intents: null };
    assert.equal(imported.foreign, true);
    assert.equal(imported.shards.get(0)?.point ?? null, null);
    assert.deepEqual(imported.shards.get(1)?.point, { ...theirs, configuredPresence: null });
    await next.begin({ total: 2, startedAtMs: 3_000, keepSessions: true, imported });
    const fleet = await subject.process().load();
    assert.equal(fleet.foreign, false);
    assert.equal(fleet.shards.get(0)?.point ?? null, null);
    assert.deepEqual(fleet.shards.get(1)?.point, { ...theirs, configuredPresence: null });
  });

  async function reigning(subject: ResumePointsSubject, total: number): Promise<ResumePoints> {
    const points = subject.process();
    const imported = await points.load();
    await points.begin({ total, startedAtMs: 1_000, keepSessions: true, imported });
    return points;
  }
}

function changes(byShard: { readonly [shard: number]: PointChange }): ReadonlyMap<number, PointChange> {
  return new Map(Object.entries(byShard).map(([shard, change]) => [Number(shard), change]));
}
