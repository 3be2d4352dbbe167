import assert from "node:assert/strict";
import { CommandQueue, type ShardCommand } from "../../../gateway/shard/command_queue.ts";
import { SendBudget } from "../../../gateway/shard/send_budget.ts";

class QueueRig {
  readonly queue = new CommandQueue();
  readonly budget = new SendBudget(41_250, 0);

  push(text: string, fields: Partial<ShardCommand> = {}): void {
    this.queue.push({
      opcode: 4,
      text,
      presence: null,
      expiresAtMs: Infinity,
      isCurrent: () => true,
      ...fields,
    });
  }

  presence(text: string, fields: Partial<ShardCommand> = {}): void {
    this.push(text, { opcode: 3, presence: text, ...fields });
  }

  /** Releases what may go at `nowMs` and returns what left the queue. */
  release(nowMs: number, budget: SendBudget | null = this.budget): string[] {
    const left: string[] = [];
    this.queue.release(nowMs, budget, (command, fate) => {
      left.push(`${fate} ${command.text}`);
      if (fate !== "send") return;
      if (command.presence === null) budget?.recordFrame(nowMs);
      else budget?.recordPresence(nowMs);
    });
    return left;
  }

  /** Uses all of the budget for commands. */
  fill(nowMs: number): void {
    while (this.budget.frameAtMs(nowMs) <= nowMs) this.budget.recordFrame(nowMs);
  }
}

Deno.test("CommandQueue holds everything while there is no connection, then lets it go in order", () => {
  const rig = new QueueRig();
  rig.push("1");
  rig.presence("2");
  rig.push("3");
  assert.deepEqual(rig.release(0, null), []);
  assert.equal(rig.queue.roomAtMs, Infinity, "no time brings a connection");
  assert.deepEqual(rig.release(0), ["send 1", "send 2", "send 3"]);
  assert.deepEqual(rig.release(0), []);
});

Deno.test("CommandQueue lets commands go in order when there is room again, and says when", () => {
  const rig = new QueueRig();
  rig.fill(0);
  rig.push("1");
  rig.push("2");
  assert.deepEqual(rig.release(0), []);
  assert.equal(rig.queue.roomAtMs, 62_000);
  assert.deepEqual(rig.release(62_000), ["send 1", "send 2"]);
  assert.equal(rig.queue.roomAtMs, Infinity);
});

Deno.test("CommandQueue lets nothing overtake a command that has no room, not even a presence", () => {
  const rig = new QueueRig();
  rig.fill(0);
  rig.push("1");
  rig.presence("2");
  rig.presence("3");
  assert.deepEqual(rig.release(0), []);
  assert.deepEqual(rig.release(62_000), ["send 1", "send 2", "send 3"]);
});

Deno.test("CommandQueue keeps only the newest presence beyond their limit, and lets the others by", () => {
  const rig = new QueueRig();
  for (let count = 0; count < 5; count += 1) rig.budget.recordPresence(0);
  rig.presence("1");
  rig.push("2");
  rig.presence("3");
  rig.push("4");
  assert.deepEqual(rig.release(0), ["superseded 1", "send 2", "send 4"]);
  assert.equal(rig.queue.roomAtMs, 21_000);
  assert.deepEqual(rig.release(21_000), ["send 3"]);
});

Deno.test("CommandQueue lets a command expire at its time, with a connection or without", () => {
  const rig = new QueueRig();
  rig.push("1", { expiresAtMs: 100 });
  rig.push("2", { expiresAtMs: 50 });
  assert.equal(rig.queue.expiryAtMs, 50);
  assert.deepEqual(rig.release(49, null), []);
  assert.deepEqual(rig.release(50, null), ["expired 2"]);
  assert.equal(rig.queue.expiryAtMs, 100);
  assert.deepEqual(rig.release(100), ["expired 1"]);
  assert.equal(rig.queue.expiryAtMs, Infinity);
});

Deno.test("CommandQueue lets one expire that waits behind one without room", () => {
  const rig = new QueueRig();
  rig.fill(0);
  rig.push("1");
  rig.push("2", { expiresAtMs: 10 });
  assert.deepEqual(rig.release(10), ["expired 2"]);
});

Deno.test("CommandQueue forgets a command that the broker will deliver again", () => {
  const rig = new QueueRig();
  let current = true;
  rig.push("1", { isCurrent: () => current, expiresAtMs: 10 });
  rig.push("2");
  current = false;
  assert.deepEqual(rig.release(20), ["send 2"]);
  assert.equal(rig.queue.expiryAtMs, Infinity);
});

Deno.test("CommandQueue lets no presence give way to one that the broker will deliver again", () => {
  const rig = new QueueRig();
  for (let count = 0; count < 5; count += 1) rig.budget.recordPresence(0);
  rig.presence("1");
  rig.presence("2", { isCurrent: () => false });
  assert.deepEqual(rig.release(0), []);
  assert.deepEqual(rig.release(21_000), ["send 1"]);
});
