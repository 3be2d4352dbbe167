import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Publications } from "../../chaos/publications.ts";
import { EventFrames } from "../../gateway/adapters/rabbitmq/event_frames.ts";

function written(id: { session: string; sequence: number }, shard: number): Uint8Array {
  const frames = new EventFrames({
    exchange: "gateway",
    channel: 1,
    frameMaxBytes: 4_096,
    mandatory: true,
    ttlMs: 0,
    isPersistent: () => true,
    partitions: null,
  });
  const event = { ...id, shard, type: "X", body: Buffer.from("{}"), receivedAtMs: 5_000, partition: null };
  return Buffer.concat([Buffer.alloc(8), ...frames.encode([{ ...event, trace: null }])]);
}

Deno.test("Publications keeps what each replica's connections say apart, with the time at which it was heard", () => {
  using publications = new Publications();
  const beforeMs = Date.now();
  const [first, again, second] = ["one", "one", "other"].map((name) => publications.overhear(name));
  const bytes = written({ session: "a", sequence: 1 }, 3);
  first?.(bytes.subarray(0, 40));
  second?.(written({ session: "b", sequence: 2 }, 4));
  first?.(bytes.subarray(40));
  again?.(written({ session: "a", sequence: 2 }, 3));
  assert.deepEqual(
    publications.all.map(({ replica, id, shard, receivedAtS }) => [replica, id, shard, receivedAtS]),
    [["other", "b:2", 4, 5], ["one", "a:1", 3, 5], ["one", "a:2", 3, 5]],
  );
  for (const { atMs, lateMs } of publications.all) {
    assert(atMs >= beforeMs && atMs <= Date.now() && lateMs >= 0);
  }
});

Deno.test("Publications knows by how much it may have heard something late", () => {
  using publications = new Publications();
  const hear = publications.overhear("one");
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs); // Whatever came meanwhile waits.
  hear(written({ session: "a", sequence: 1 }, 0));
  const [publication] = publications.all;
  assert(publication !== undefined && publication.lateMs >= 45, `${publication?.lateMs} ms`);
});
