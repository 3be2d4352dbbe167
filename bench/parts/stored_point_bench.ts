/**
 * Storing resume points in a real Redis: from the moment the keeper may write until every shard knows that it is done.
 *
 * @module
 */
import { setImmediate } from "node:timers/promises";
import { PointKeeper } from "../../gateway/resume/keeper.ts";
import type { ResumePoints } from "../../gateway/resume/points.ts";
import { failLoudly } from "./fail_loudly.ts";
import { FLEET, shardIds, shardsText } from "./fleet.ts";
import { once } from "./once.ts";
import { fleetPoints, pointOf } from "./resume_points.ts";
import { SteppedClock } from "./stepped_clock.ts";

/** More than the keeper lets pass between two writes, less than the time in which it wants an answer. */
const STEP_MS = 100;

for (const moved of [16, FLEET]) {
  Deno.bench({
    name: `stored point, ${moved.toLocaleString("en")} moved of ${shardsText(FLEET)}`,
    group: "stored point",
    baseline: moved === 16,
    fn: async (bench) => {
      const keeping = await rig();
      keeping.move(moved);
      bench.start();
      await keeping.stored();
      bench.end();
      // The keeper looks to its next write only after its shards have heard.
      await setImmediate();
    },
  });
}

const rig = once(async () => new Keeping(await fleetPoints()));

/** A keeper, and the points that shards bring to it. */
class Keeping {
  readonly #clock = new SteppedClock();
  readonly #keeper: PointKeeper;
  #sequence = 1;
  #missing = 0;
  #stored = Promise.withResolvers<void>();

  constructor(points: ResumePoints) {
    this.#keeper = new PointKeeper({
      points,
      clock: this.#clock,
      observe: failLoudly,
      stored: () => {
        this.#missing -= 1;
        if (this.#missing === 0) this.#stored.resolve();
      },
      lossesStored: () => {},
      refused: () => {},
      fenced: () => {},
    });
  }

  /** One more event of so many shards is confirmed. */
  move(shards: number): void {
    this.#sequence += 1;
    this.#missing = shards;
    this.#stored = Promise.withResolvers();
    for (const shard of shardIds(shards)) {
      this.#keeper.moved(shard, pointOf(shard, this.#sequence));
    }
  }

  /** Lets the keeper write. */
  stored(): Promise<void> {
    this.#clock.advance(STEP_MS);
    return this.#stored.promise;
  }
}
