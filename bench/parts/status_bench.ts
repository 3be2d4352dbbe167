/**
 * What others read of the shards: the board, written once a second to a real Redis, and the snapshot that metrics and
 * probes read.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { RedisBoard } from "../../gateway/adapters/redis/board.ts";
import { systemClock } from "../../gateway/clock.ts";
import type { Board } from "../../gateway/resume/board.ts";
import { BoardWriter } from "../../gateway/resume/board_writer.ts";
import type { Status } from "../../gateway/status.ts";
import { failLoudly } from "./fail_loudly.ts";
import { connectedStatus, FLEET, latencyMs, shardIds, shardsText } from "./fleet.ts";
import { once } from "./once.ts";
import { fleetPoints } from "./resume_points.ts";
import { redisClient } from "./servers.ts";
import { SteppedClock } from "./stepped_clock.ts";

const SECOND_MS = 1_000;

for (const moved of [1, FLEET]) {
  Deno.bench({
    name: `status, written, ${moved.toLocaleString("en")} moved of ${shardsText(FLEET)}`,
    group: "status, written",
    baseline: moved === 1,
    fn: async (bench) => {
      const writing = await rig();
      writing.move(moved);
      bench.start();
      await writing.written();
      bench.end();
      // The writer notes the end of a write only after its board has told it.
      await setImmediate();
    },
  });
}

const status = once(() => connectedStatus(systemClock, FLEET));

Deno.bench({
  name: `status, snapshot, ${shardsText(FLEET)}`,
  group: "status, snapshot",
  fn: () => {
    status().snapshot();
  },
});

const rig = once(async () => {
  await fleetPoints();
  const writing = new Writing(new RedisBoard(await redisClient()));
  // The first one writes all.
  await writing.written();
  await setImmediate();
  return writing;
});

/** A board, written of a fleet of which some shards are heard. */
class Writing {
  readonly #clock = new SteppedClock();
  readonly #status: Status;
  #written = Promise.withResolvers<void>();

  constructor(board: Board) {
    this.#status = connectedStatus(this.#clock, FLEET);
    const writer = new BoardWriter({
      board: {
        publish: (changed, composes) => board.publish(changed, composes).then(() => this.#written.resolve()),
      },
      entries: this.#status,
      composes: () => true,
      isShared: false,
      clock: this.#clock,
      observe: failLoudly,
    });
    writer.start();
  }

  /** Discord acknowledges the heartbeats of so many shards. */
  move(shards: number): void {
    for (const shard of shardIds(shards)) {
      this.#status.observe({ kind: "shard.acknowledged", shard, latencyMs: latencyMs(shard) });
    }
  }

  /** A second passes, and what has moved in it is written. */
  written(): Promise<void> {
    this.#written = Promise.withResolvers();
    this.#clock.advance(SECOND_MS);
    return this.#written.promise;
  }
}
