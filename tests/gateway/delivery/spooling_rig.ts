/**
 * An outbox with a spool in memory.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type MemoryDisk, MemorySpool } from "../../fakes/memory_spool.ts";
import { microtasksDone } from "../../fakes/microtasks.ts";
import { OutboxRig } from "./outbox_rig.ts";

interface RigOptions {
  readonly maxBytes?: number;
  readonly spoolMaxBytes?: number;
  readonly disk?: MemoryDisk;
}

export class SpoolingRig extends OutboxRig {
  readonly spool: MemorySpool;

  static async open({ maxBytes, spoolMaxBytes = 1_000_000, disk }: RigOptions = {}): Promise<SpoolingRig> {
    const rig = new SpoolingRig(maxBytes, disk);
    const opening = await rig.spool.open({ bot: null });
    assert(opening.kind === "ready");
    await rig.spool.begin({ total: 1, keepPoints: true });
    rig.outbox.useSpool(rig.spool, spoolMaxBytes, opening.contents);
    return rig;
  }

  private constructor(maxBytes?: number, disk?: MemoryDisk) {
    super(maxBytes);
    this.spool = new MemorySpool(disk);
  }

  /** Turns the clock on in small steps, so that promises run in between. */
  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 25) {
      await microtasksDone();
      this.clock.advance(Math.min(25, ms - passedMs));
    }
    await microtasksDone();
  }

  get spooledSequences(): number[] {
    return [...this.spool.disk.events.values()].map(({ sequence }) => sequence);
  }

  /** Events and bytes that the outbox takes the spool to hold. */
  get spoolUse(): [number, number] {
    const { spooled } = this.outbox;
    assert(spooled !== null);
    return [spooled.events, spooled.bytes];
  }
}
