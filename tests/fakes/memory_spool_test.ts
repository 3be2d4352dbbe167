import assert from "node:assert/strict";
import { begun, contentsOf, spooled, spoolWrite, testSpoolContract } from "../contracts/spool_contract.ts";
import { MemoryDisk, MemorySpool } from "./memory_spool.ts";

testSpoolContract("In-memory", () => {
  const disk = new MemoryDisk();
  return Promise.resolve({
    process: () => new MemorySpool(disk),
    damage: () => Promise.resolve(disk.damage()),
    quarantined: () => Promise.resolve(disk.quarantined),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

Deno.test("MemorySpool.crash() leaves to the next process what was durable, heard of or not", async () => {
  const disk = new MemoryDisk();
  const spool = await begun(new MemorySpool(disk));
  assert(spool instanceof MemorySpool);
  await spool.write(spoolWrite({ events: [spooled(1)] }));
  spool.hold();
  const heard: number[] = [];
  for (const position of [2, 3, 4]) {
    spool.write(spoolWrite({ events: [spooled(position)] })).then(() => heard.push(position));
  }
  spool.releaseNext();
  assert.equal(spool.waiting, 2);
  spool.crash(1);
  spool.release();
  const { lanes } = contentsOf(await new MemorySpool(disk).open({ bot: "1" }));
  assert.equal(lanes.get(0)?.lastPosition, 3);
  assert.deepEqual(heard, [2]);
});

Deno.test("MemorySpool.refuse() lets writes fail with nothing kept, until it is told otherwise", async () => {
  const spool = new MemorySpool();
  await begun(spool);
  spool.refuse(new Error("the disk is full"));
  await assert.rejects(spool.write(spoolWrite({ events: [spooled(1)] })), /the disk is full/);
  assert.deepEqual((await spool.read(0, 0, 1)).events, []);
  spool.refuse(null);
  await spool.write(spoolWrite({ events: [spooled(1)] }));
  spool.refuseToRead(new Error("the disk is broken"));
  await assert.rejects(spool.read(0, 0, 1), /the disk is broken/);
  spool.refuseToRead(null);
  assert.equal((await spool.read(0, 0, 1)).events.length, 1);
});
