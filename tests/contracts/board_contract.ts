/**
 * What every board promises.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Board, ShardEntry } from "../../gateway/resume/board.ts";

/** A board, as the processes see it that write it together. */
export interface BoardSubject extends AsyncDisposable {
  /** The board as one more process writes it. */
  process(): Board;
  /** Takes the store away until {@link back}. */
  away(): Promise<void>;
  back(): void;
  /** What stands on it, sorted by shard. */
  entries(): Promise<ShardEntry[]>;
}

export function shardEntry(shard: number, changes: Partial<ShardEntry> = {}): ShardEntry {
  return {
    shard,
    status: "Connected",
    latencyMs: 33,
    lastAckAtMs: 1_700_000_000_123,
    session: "5e55",
    ...changes,
  };
}

export function testBoardContract(name: string, start: () => Promise<BoardSubject>): void {
  Deno.test(`${name} board shows what was published last of each shard`, async () => {
    await using subject = await start();
    const board = subject.process();
    await board.publish([shardEntry(2), shardEntry(0), shardEntry(10)], true);
    await board.publish([shardEntry(2, { status: "Resuming", latencyMs: 0, session: "" })], true);
    await board.publish([], true);
    assert.deepEqual(await subject.entries(), [
      shardEntry(0),
      shardEntry(2, { status: "Resuming", latencyMs: 0, session: "" }),
      shardEntry(10),
    ]);
  });

  Deno.test(`${name} board shows the shards of all processes`, async () => {
    await using subject = await start();
    const [one, other] = [subject.process(), subject.process()];
    await Promise.all([one.publish([shardEntry(0)], true), other.publish([shardEntry(1)], true)]);
    await one.publish([shardEntry(0, { latencyMs: 50 })], true);
    assert.deepEqual(await subject.entries(), [shardEntry(0, { latencyMs: 50 }), shardEntry(1)]);
  });

  Deno.test(`${name} board shows what a process published that does not compose it, once another does`, async () => {
    await using subject = await start();
    const [one, other] = [subject.process(), subject.process()];
    await one.publish([shardEntry(0)], true);
    await other.publish([shardEntry(1)], false);
    assert.deepEqual(await subject.entries(), [shardEntry(0)]);
    await one.publish([], true);
    assert.deepEqual(await subject.entries(), [shardEntry(0), shardEntry(1)]);
  });

  Deno.test(`${name} board shows what was published while the store was away, once it is back`, async () => {
    await using subject = await start();
    const board = subject.process();
    await board.publish([shardEntry(0)], true);
    await subject.away();
    let arePublished = false;
    const published = Promise.all([
      board.publish([shardEntry(0, { status: "Disconnected" })], true),
      board.publish([shardEntry(1)], true),
      board.publish([shardEntry(0, { status: "Handshaking" })], true),
    ]).then(() => arePublished = true);
    await Promise.resolve();
    assert.equal(arePublished, false);
    subject.back();
    await published;
    assert.deepEqual(await subject.entries(), [shardEntry(0, { status: "Handshaking" }), shardEntry(1)]);
  });
}
