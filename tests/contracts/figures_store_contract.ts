/**
 * What every store of figures promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  Figures,
  FiguresStore,
  Latency,
  LifeEvent,
  RejectedCommand,
  ReplicaFigures,
  SecondFigures,
  ShardDetails,
} from "../../gateway/figures/store.ts";

/** A store, as the processes see it that write to it together, and as whoever watches them reads it. */
export interface FiguresSubject extends AsyncDisposable {
  /** The store as one more process has it. */
  process(): Promise<FiguresStore>;
  /** Takes it away until {@link back}. */
  away(): Promise<void>;
  back(): void;
  /** Names of the processes, sorted. */
  replicas(): Promise<string[]>;
  /** `stopped` of a process; undefined where it is not known. */
  stopped(replica: string): Promise<boolean | undefined>;
  /** Events of each second. */
  history(replica: string): Promise<number[]>;
  /** `received` of a shard; undefined where it is not known. */
  received(shard: number): Promise<number | null | undefined>;
  /** `guilds` of each life event. */
  life(shard: number): Promise<number[]>;
  latencies(shard: number): Promise<number[]>;
  /** Bodies; null where there is none. */
  rejected(): Promise<(string | null)[]>;
}

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export function replicaFigures(name: string, changes: Partial<ReplicaFigures> = {}): ReplicaFigures {
  return {
    name,
    version: "1.2.3",
    startedAtMs: AT_MS - 60_000,
    heardAtMs: AT_MS,
    stopped: false,
    shards: [[0, 3], [5, 5]],
    total: 16,
    recommended: null,
    waiting: [[3, 3]],
    parked: [],
    identify: { remaining: 987, total: 1_000, resetsAtMs: AT_MS + 60_000 },
    broker: true,
    unconfirmed: { events: 12, bytes: 9_000 },
    spool: { events: 3, bytes: 700, maxBytes: 4_096 },
    fleet: { member: "9a3f", isDraining: true, holds: false },
    ...changes,
  };
}

export function secondFigures(changes: Partial<SecondFigures> = {}): SecondFigures {
  return {
    events: 40,
    confirmed: 39,
    delayP50Ms: 2,
    delayP99Ms: 17,
    latencyP50Ms: 41,
    latencyP90Ms: 60,
    latencyMaxMs: 75,
    unconfirmedEvents: 12,
    unconfirmedBytes: 9_000,
    spooledEvents: 3,
    spooledBytes: 700,
    connected: 4,
    returned: 2,
    ...changes,
  };
}

export function shardDetails(changes: Partial<ShardDetails> = {}): ShardDetails {
  return {
    atMs: AT_MS,
    sinceMs: AT_MS - 5_000,
    received: 4_711,
    published: 4_710,
    stored: 4_709,
    guilds: 812,
    host: "gateway-us-east1-b.discord.gg",
    parked: false,
    waiting: false,
    eventsPerSecond: 10.35,
    rates: [["MESSAGE_CREATE", 8.1], ["TYPING_START", 2.25]],
    ...changes,
  };
}

export function ready(shard: number, guilds: number, atMs = AT_MS): LifeEvent {
  return { shard, atMs, kind: "ready", data: { session: "01234567…", guilds, resumable: true } };
}

export function latency(shard: number, latencyMs: number, atMs = AT_MS): Latency {
  return { shard, atMs, latencyMs };
}

export function rejectedCommand(
  body: string | null,
  changes: Partial<RejectedCommand> = {},
): RejectedCommand {
  return { atMs: AT_MS, reason: "not_json", message: "Not JSON", bytes: body?.length ?? 9, body, ...changes };
}

/** What is not named is not there. */
export function figures(replica: string, changes: Partial<Figures> = {}): Figures {
  return {
    replica: replicaFigures(replica),
    second: null,
    details: new Map(),
    life: [],
    latencies: [],
    rejected: [],
    ...changes,
  };
}

export function testFiguresStoreContract(name: string, start: () => Promise<FiguresSubject>): void {
  Deno.test(`${name} figures store holds the newest of each process and shard`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.write(figures("one", { details: new Map([[0, shardDetails()], [1, shardDetails()]]) }));
    await other.write(figures("other", { details: new Map([[2, shardDetails()]]) }));
    await one.write(figures("one", {
      replica: replicaFigures("one", { stopped: true }),
      details: new Map([[1, shardDetails({ received: null })]]),
    }));
    assert.deepEqual(await subject.replicas(), ["one", "other"]);
    assert.deepEqual([await subject.stopped("one"), await subject.stopped("other")], [true, false]);
    const received = await Promise.all([0, 1, 2, 3].map((shard) => subject.received(shard)));
    assert.deepEqual(received, [4_711, null, 4_711, undefined]);
  });

  Deno.test(`${name} figures store adds to what happened, in order, though it happened within a millisecond`, async () => {
    await using subject = await start();
    const [one, other] = [await subject.process(), await subject.process()];
    await one.write(figures("one", {
      second: secondFigures({ events: 1 }),
      life: [ready(0, 1), ready(1, 2), ready(0, 3)],
      latencies: [latency(0, 40), latency(0, 41)],
      rejected: [rejectedCommand("first"), rejectedCommand(null)],
    }));
    await one.write(figures("one", { second: secondFigures({ events: 2 }), life: [ready(0, 4)] }));
    // The clocks of two machines are never quite the same.
    await other.write(figures("other", {
      second: secondFigures({ events: 3 }),
      life: [ready(0, 5, AT_MS - 2_000)],
      latencies: [latency(0, 42, AT_MS - 2_000)],
      rejected: [rejectedCommand("last", { atMs: AT_MS - 2_000 })],
    }));
    assert.deepEqual([await subject.history("one"), await subject.history("other")], [[1, 2], [3]]);
    assert.deepEqual([await subject.life(0), await subject.life(1)], [[1, 3, 4, 5], [2]]);
    assert.deepEqual(await subject.latencies(0), [40, 41, 42]);
    assert.deepEqual(await subject.rejected(), ["first", null, "last"]);
  });

  Deno.test(`${name} figures store keeps 100 life events and 240 latencies of a shard, and 200 refused commands`, async () => {
    await using subject = await start();
    const store = await subject.process();
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    await store.write(figures("one", {
      life: numbers.map((number) => ready(0, number, AT_MS + number)),
      latencies: numbers.map((number) => latency(0, number, AT_MS + number)),
      rejected: numbers.map((number) => rejectedCommand(String(number))),
    }));
    await store.write(figures("one", {
      life: [ready(0, 300, AT_MS + 300)],
      latencies: [latency(0, 300, AT_MS + 300)],
      rejected: [rejectedCommand("300", { atMs: AT_MS + 300 })],
    }));
    const newest = (count: number) => Array.from({ length: count }, (_, number) => 301 - count + number);
    assert.deepEqual(await subject.life(0), newest(100));
    assert.deepEqual(await subject.latencies(0), newest(240));
    assert.deepEqual(await subject.rejected(), newest(200).map(String));
  });

  Deno.test(`${name} figures store keeps 900 seconds of a process`, async () => {
    await using subject = await start();
    const store = await subject.process();
    for (let events = 0; events < 903; events++) {
      const heardAtMs = AT_MS + events * 1_000;
      const second = secondFigures({ events });
      await store.write(figures("one", { replica: replicaFigures("one", { heardAtMs }), second }));
    }
    const history = await subject.history("one");
    assert.deepEqual([history.length, history[0], history.at(-1)], [900, 3, 902]);
  });

  Deno.test(`${name} figures store forgets the processes that were last heard before then, and no other`, async () => {
    await using subject = await start();
    const store = await subject.process();
    const processes: Record<string, Partial<ReplicaFigures>> = {
      "own": { stopped: true, heardAtMs: AT_MS - 90_000 },
      "heard just now": {},
      "stopped just now": { stopped: true },
      "heard long ago": { heardAtMs: AT_MS - 1 },
      "sto:pped long ago": { stopped: true, heardAtMs: AT_MS - 1 },
    };
    for (const [replica, changes] of Object.entries(processes)) {
      await store.write(figures(replica, {
        replica: replicaFigures(replica, changes),
        second: secondFigures(),
      }));
    }
    await store.forgetReplicas("own", AT_MS);
    const left = ["heard just now", "own", "stopped just now"];
    assert.deepEqual(await subject.replicas(), left);
    const histories = await Promise.all(
      Object.keys(processes).map((replica) => subject.history(replica)),
    );
    assert.deepEqual(histories.map(({ length }) => length), [1, 1, 1, 0, 0]);
    await store.forgetReplicas("own", AT_MS);
    assert.deepEqual(await subject.replicas(), left);
  });

  Deno.test(`${name} figures store forgets the shards that are not below the total any more`, async () => {
    await using subject = await start();
    const [before, after] = [await subject.process(), await subject.process()];
    const details = new Map([0, 1, 2, 9, 11].map((shard) => [shard, shardDetails()]));
    await before.write(figures("before", { replica: replicaFigures("before", { total: 12 }), details }));
    await after.write(figures("after", { replica: replicaFigures("after", { total: null }) }));
    assert.equal(await subject.received(11), 4_711);
    await after.write(figures("after", { replica: replicaFigures("after", { total: 3 }) }));
    const received = await Promise.all([0, 1, 2, 9, 11].map((shard) => subject.received(shard)));
    assert.deepEqual(received, [4_711, 4_711, 4_711, undefined, undefined]);
  });

  Deno.test(`${name} figures store rejects while it is away, and tries nothing again`, async () => {
    await using subject = await start();
    const store = await subject.process();
    await subject.away();
    await assert.rejects(store.write(figures("one", { life: [ready(0, 1)] })));
    await assert.rejects(store.forgetReplicas("one", AT_MS));
    subject.back();
    const later = await subject.process();
    await later.write(figures("later", { life: [ready(0, 2)] }));
    assert.deepEqual([await subject.replicas(), await subject.life(0)], [["later"], [2]]);
  });
}
