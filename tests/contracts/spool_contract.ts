/**
 * What every spool promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutgoingEvent } from "../../gateway/delivery/publisher.ts";
import type {
  Spool,
  SpoolContents,
  SpooledEvent,
  SpooledPoint,
  SpoolOpening,
  SpoolWrite,
} from "../../gateway/delivery/spool.ts";

/** A place for a spool, as the processes see it that use it one after the other. */
export interface SpoolSubject extends AsyncDisposable {
  /** The spool as a process that starts now has it. Those that are not closed are closed at the end. */
  process(): Spool;
  /** Ruins what is kept; while no process uses it. */
  damage(): Promise<void>;
  /** What an operator finds set apart; while no process uses it. */
  quarantined(): Promise<readonly OutgoingEvent[]>;
}

/** A body as large as the largest guilds make it. */
const LARGE_BODY_BYTES = 5_000_000;

const EVERYTHING = Number.MAX_SAFE_INTEGER;

const EMPTY: SpoolContents = { lanes: new Map(), points: new Map(), total: null, lastPosition: 0 };

/** An event, at a position that is its sequence too unless told otherwise. */
export function spooled(position: number, changes: Partial<OutgoingEvent> = {}): SpooledEvent {
  const body = new TextEncoder().encode(`{"t":"MESSAGE_CREATE","s":${position}}`);
  return {
    position,
    event: {
      shard: 0,
      session: "5e55",
      sequence: position,
      type: "MESSAGE_CREATE",
      body,
      receivedAtMs: 1_793_000_000_000 + position,
      partition: null,
      trace: null,
      ...changes,
    },
  };
}

export function spoolWrite(parts: Partial<SpoolWrite>): SpoolWrite {
  return { events: [], confirmed: new Map(), points: new Map(), quarantined: [], ...parts };
}

/** The contents of a spool that can be used, and of which nothing was moved aside. */
export function contentsOf(opening: SpoolOpening): SpoolContents {
  assert(opening.kind === "ready", `Cannot use the spool: ${JSON.stringify(opening)}`);
  assert.equal(opening.movedAside, null);
  return opening.contents;
}

/** A spool as the next process has it, ready to be written to. */
export async function begun(spool: Spool, total = 4): Promise<Spool> {
  contentsOf(await spool.open({ bot: "1" }));
  await spool.begin({ total, keepPoints: true });
  return spool;
}

export function testSpoolContract(name: string, start: () => Promise<SpoolSubject>): void {
  /** What the next process finds; it lets go of it again. */
  async function found(subject: SpoolSubject, bot: string | null = "1"): Promise<SpoolContents> {
    const spool = subject.process();
    const contents = contentsOf(await spool.open({ bot }));
    await spool.close();
    return contents;
  }

  Deno.test(`${name} spool is empty when it is new, and stays so when nothing is written`, async () => {
    await using subject = await start();
    const spool = subject.process();
    assert.deepEqual(contentsOf(await spool.open({ bot: "1" })), EMPTY);
    await spool.begin({ total: 4, keepPoints: false });
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, []);
    await spool.close();
    assert.deepEqual(await found(subject, "2"), EMPTY);
  });

  Deno.test(`${name} spool gives its events back in order, to the process that wrote them and to the next`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const events = [spooled(1), spooled(2, { shard: 3 }), spooled(3), spooled(4), spooled(7, { shard: 3 })];
    await spool.write(spoolWrite({ events: events.slice(0, 3) }));
    await spool.write(spoolWrite({ events: events.slice(3) }));
    const lanes = [[0, events.filter(({ event }) => event.shard === 0)], [3, [
      events[1],
      events[4],
    ]]] as const;
    for (const [shard, lane] of lanes) {
      assert.deepEqual((await spool.read(shard, 0, EVERYTHING)).events, lane);
    }
    await spool.close();
    const next = await begun(subject.process());
    for (const [shard, lane] of lanes) assert.deepEqual((await next.read(shard, 0, EVERYTHING)).events, lane);
    assert.deepEqual((await next.read(1, 0, EVERYTHING)).events, []);
  });

  Deno.test(`${name} spool keeps no trace of an event, which is this process's alone`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const traced = spooled(1, { trace: { traceparent: "", end: () => {} } });
    await spool.write(spoolWrite({ events: [traced] }));
    const { events } = await spool.read(0, 0, EVERYTHING);
    assert.deepEqual(events, [spooled(1)]);
    await spool.close();
  });

  Deno.test(`${name} spool leaves bodies as they are, whatever their bytes and wherever they lie`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    let position = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.nat(10)), { minLength: 1, maxLength: 20 }),
        async (parts) => {
          const before = position;
          const events = parts.map(([body, start]) => spooled(++position, { body: body.subarray(start) }));
          await spool.write(spoolWrite({ events }));
          assert.deepEqual((await spool.read(0, before, EVERYTHING)).events, events);
          // What is written belongs to others still.
          for (const { event } of events) {
            assert.equal(event.body.buffer.byteLength >= event.body.length, true);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  Deno.test(`${name} spool keeps bodies of megabytes, the largest sequence and every kind of name`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const events = [
      spooled(1, {
        body: new Uint8Array(LARGE_BODY_BYTES).map((_, place) => place),
        session: "s".repeat(200),
        type: "É".repeat(127),
      }),
      spooled(2, { body: new Uint8Array(), sequence: Number.MAX_SAFE_INTEGER, shard: 65_535 }),
      spooled(Number.MAX_SAFE_INTEGER, { sequence: 0, receivedAtMs: 0 }),
    ];
    await spool.write(spoolWrite({ events }));
    await spool.close();
    const next = subject.process();
    assert.equal(contentsOf(await next.open({ bot: "1" })).lastPosition, Number.MAX_SAFE_INTEGER);
    assert.deepEqual((await next.read(0, 0, EVERYTHING)).events, [events[0], events[2]]);
    assert.deepEqual((await next.read(65_535, 0, EVERYTHING)).events, [events[1]]);
  });

  Deno.test(`${name} spool tells the next process what it holds of each shard`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    await spool.write(spoolWrite({
      events: [
        spooled(3, { shard: 2, body: new Uint8Array(10), session: "old", sequence: 40 }),
        spooled(4, { shard: 2, body: new Uint8Array(20), session: "old", sequence: 41 }),
        spooled(5, { shard: 0, body: new Uint8Array(), session: "only", sequence: 7 }),
        spooled(9, { shard: 2, body: new Uint8Array(400), session: "new", sequence: 1 }),
      ],
      confirmed: new Map([[2, 3]]),
    }));
    await spool.close();
    assert.deepEqual(
      await found(subject),
      {
        lanes: new Map([
          [0, {
            events: 1,
            bytes: 0,
            firstPosition: 5,
            lastPosition: 5,
            firstSession: "only",
            firstSequence: 7,
          }],
          [2, {
            events: 2,
            bytes: 420,
            firstPosition: 4,
            lastPosition: 9,
            firstSession: "old",
            firstSequence: 41,
          }],
        ]),
        points: new Map(),
        total: null,
        lastPosition: 9,
      } satisfies SpoolContents,
    );
  });

  Deno.test(`${name} spool removes what is confirmed, of that shard and up to there`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const events = [spooled(1), spooled(2, { shard: 1 }), spooled(3), spooled(4, { shard: 1 }), spooled(5)];
    await spool.write(spoolWrite({ events }));
    await spool.write(spoolWrite({ confirmed: new Map([[0, 3]]) }));
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, [events[4]]);
    assert.deepEqual((await spool.read(1, 0, EVERYTHING)).events, [events[1], events[3]]);
    await spool.write(spoolWrite({ events: [spooled(6)], confirmed: new Map([[0, 6], [1, 2], [3, 9]]) }));
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, []);
    assert.deepEqual((await spool.read(1, 0, EVERYTHING)).events, [events[3]]);
  });

  Deno.test(`${name} spool remembers the last position when all events are gone`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    await spool.write(spoolWrite({ events: [spooled(1), spooled(12)] }));
    await spool.write(spoolWrite({ confirmed: new Map([[0, 12]]) }));
    await spool.close();
    assert.deepEqual(await found(subject), { ...EMPTY, lastPosition: 12 });
    const next = await begun(subject.process());
    await next.write(spoolWrite({ events: [spooled(13)] }));
    await next.close();
    assert.equal((await found(subject)).lastPosition, 13);
  });

  Deno.test(`${name} spool keeps the latest point of each shard, with the number of shards`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process(), 16);
    const full: SpooledPoint = {
      sessionId: "5e55",
      sequence: Number.MAX_SAFE_INTEGER,
      resumeGatewayUrl: "wss://gateway-us-east1-b.discord.gg",
      intents: 53_575_421,
      configuredPresence: '{"status":"dnd"}',
      startedAtMs: 1_793_000_000_000,
      lastEventAtMs: 1_793_000_000_001,
      lost: [{ sessionId: "older", sequence: 7, sinceMs: 1, reason: "event_refused", type: "READY" }],
    };
    const bare: SpooledPoint = {
      sessionId: "b",
      sequence: 0,
      resumeGatewayUrl: null,
      intents: null,
      configuredPresence: null,
      startedAtMs: null,
      lastEventAtMs: null,
      lost: [],
    };
    await spool.write(spoolWrite({ points: new Map([[0, bare], [15, bare]]) }));
    await spool.write(spoolWrite({ events: [spooled(1)], points: new Map([[15, full]]) }));
    await spool.close();
    const { points, total } = await found(subject);
    assert.deepEqual(points, new Map([[0, bare], [15, full]]));
    assert.equal(total, 16);

    const next = await begun(subject.process(), 16);
    await next.close();
    assert.deepEqual((await found(subject)).points, points);
  });

  Deno.test(`${name} spool forgets its points, and no event, where a reign does not keep them`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process(), 16);
    const point = {
      sessionId: "5e55",
      sequence: 1,
      resumeGatewayUrl: null,
      intents: 1,
      configuredPresence: null,
      startedAtMs: 5,
      lastEventAtMs: 6,
      lost: [],
    };
    await spool.write(spoolWrite({ events: [spooled(1)], points: new Map([[0, point]]) }));
    await spool.close();
    const next = subject.process();
    contentsOf(await next.open({ bot: "1" }));
    await next.begin({ total: 32, keepPoints: false });
    await next.close();
    const { points, total, lanes } = await found(subject);
    assert.deepEqual([points, total, lanes.get(0)?.events], [new Map(), null, 1]);
    const third = subject.process();
    contentsOf(await third.open({ bot: "1" }));
    await third.begin({ total: 32, keepPoints: true });
    await third.write(spoolWrite({ points: new Map([[31, point]]) }));
    await third.close();
    assert.equal((await found(subject)).total, 32);
  });

  Deno.test(`${name} spool is read in pages of so many bytes, one event at least`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const sizes = [100, 100, 100, 5_000, 1];
    const events = sizes.map((bytes, place) => spooled(place + 1, { body: new Uint8Array(bytes) }));
    await spool.write(spoolWrite({ events }));
    const pages: number[][] = [];
    for (let after = 0;;) {
      const { events, unreadable, lastPosition } = await spool.read(0, after, 200);
      assert.equal(unreadable, 0);
      if (events.length === 0) break;
      pages.push(events.map(({ position }) => position));
      assert.equal(lastPosition, events.at(-1)?.position);
      after = lastPosition;
    }
    assert.deepEqual(pages, [[1, 2], [3], [4], [5]]);
  });

  Deno.test(`${name} spool holds the same once where the same write comes again`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const write = spoolWrite({
      events: [spooled(1), spooled(2), spooled(3)],
      confirmed: new Map([[0, 1]]),
      quarantined: [spooled(2).event],
    });
    await spool.write(write);
    await spool.write(write);
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, [spooled(2), spooled(3)]);
    await spool.close();
    assert.deepEqual(await subject.quarantined(), [spooled(2).event]);
  });

  Deno.test(`${name} spool sets refused events apart, which stay spooled until they are confirmed`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const refused = [spooled(1), spooled(2, { shard: 1, session: "other" })];
    await spool.write(spoolWrite({ events: refused, quarantined: refused.map(({ event }) => event) }));
    assert.deepEqual((await spool.read(0, 0, EVERYTHING)).events, [refused[0]]);
    await spool.write(spoolWrite({ confirmed: new Map([[0, 1], [1, 2]]) }));
    await spool.close();
    assert.deepEqual(await found(subject), { ...EMPTY, lastPosition: 2 });
    assert.deepEqual(await subject.quarantined(), refused.map(({ event }) => event));
  });

  Deno.test(`${name} spool gives a reader what was written before, while a write is under way`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    const writing = spool.write(spoolWrite({ events: [spooled(2)] }));
    const read = await spool.read(0, 0, EVERYTHING);
    await writing;
    assert.deepEqual(read.events[0], spooled(1));
    assert.deepEqual(read.events[1] ?? spooled(2), spooled(2));
  });

  Deno.test(`${name} spool is in the hands of one process at a time`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    const second = subject.process();
    const opening = await second.open({ bot: "1" });
    assert.equal(opening.kind, "unusable");
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    await spool.close();
    // Once it is free it is taken by whoever tries again.
    assert.equal(contentsOf(await second.open({ bot: "1" })).lanes.get(0)?.events, 1);
    await second.close();
  });

  Deno.test(`${name} spool names its holder, the same for one process after the other`, async () => {
    await using subject = await start();
    const holders = new Set<string>();
    for (let count = 0; count < 3; count++) {
      const spool = subject.process();
      const opening = await spool.open({ bot: "1" });
      assert(opening.kind === "ready");
      holders.add(opening.holder);
      await spool.begin({ total: 4, keepPoints: true });
      await spool.close();
    }
    assert.equal(holders.size, 1);
    await using other = await start();
    const opening = await other.process().open({ bot: "1" });
    assert(opening.kind === "ready");
    assert(!holders.has(opening.holder));
  });

  Deno.test(`${name} spool of another bot is moved aside, and only where both are known`, async () => {
    await using subject = await start();
    const spool = subject.process();
    contentsOf(await spool.open({ bot: null }));
    await spool.begin({ total: 4, keepPoints: true });
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    await spool.close();
    for (const bot of ["1", null, "1"]) assert.equal((await found(subject, bot)).lastPosition, 1);

    const other = subject.process();
    const opening = await other.open({ bot: "2" });
    assert(opening.kind === "ready");
    assert.match(opening.movedAside?.problem ?? "", /bot 1\b.*bot 2\b/);
    assert.equal(opening.movedAside?.isLost, false);
    assert.deepEqual(opening.contents, EMPTY);
    await other.begin({ total: 4, keepPoints: true });
    await other.write(spoolWrite({ events: [spooled(1)] }));
    await other.close();
    assert.equal((await found(subject, "2")).lastPosition, 1);
  });

  Deno.test(`${name} spool that is damaged is found so again where nobody has begun since`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    await spool.close();
    await subject.damage();
    for (let count = 0; count < 2; count += 1) {
      const process = subject.process();
      const opening = await process.open({ bot: "1" });
      assert(opening.kind === "ready");
      assert.equal(opening.movedAside?.isLost, true);
      await process.close();
    }
  });

  Deno.test(`${name} spool that is damaged is moved aside, and a new one begun`, async () => {
    await using subject = await start();
    const spool = await begun(subject.process());
    await spool.write(spoolWrite({ events: [spooled(1)] }));
    await spool.close();
    await subject.damage();
    const next = subject.process();
    const opening = await next.open({ bot: "1" });
    assert(opening.kind === "ready");
    assert.match(opening.movedAside?.problem ?? "", /damaged/);
    assert.equal(opening.movedAside?.isLost, true);
    assert.deepEqual(opening.contents, EMPTY);
    await next.begin({ total: 4, keepPoints: true });
    await next.write(spoolWrite({ events: [spooled(1)] }));
    await next.close();
    assert.equal((await found(subject)).lanes.get(0)?.events, 1);
  });

  Deno.test(`${name} spool is closed twice, and before it was opened`, async () => {
    await using subject = await start();
    const spool = subject.process();
    await Promise.all([spool.close(), spool.close()]);
    const next = await begun(subject.process());
    await next.write(spoolWrite({ events: [spooled(1)] }));
    await Promise.all([next.close(), next.close()]);
    await next.close();
    assert.equal((await found(subject)).lastPosition, 1);
  });
}
