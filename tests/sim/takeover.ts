/**
 * In the calm after the storm one replica of a fleet falls out, and its shards are to be with others in time.
 *
 * @module
 */
import type { GatewayLife, Surroundings } from "./gateway_life.ts";
import type { FleetPlan } from "./plan.ts";
import type { Scene } from "./scene.ts";
import type { SeededDice } from "./seeded_dice.ts";

/** Others take over so long after the time of a lease (contract, `LEASE_TTL`). */
const TAKEN_WITHIN_MS = 2_000;
/** To hear what is stored, to connect, and to resume: three answers of Redis and four ways to Discord. */
const RESUMED_WITHIN_MS = 600;
const LOOK_EVERY_MS = 500;
/** Nothing is on its way any more where nothing has moved for so long. */
const SETTLED_AFTER_MS = 5_000;
const SETTLED_MAX_MS = 30 * 60_000;

export class Takeover {
  readonly #scene: Scene;
  readonly #dice: SeededDice;
  readonly #surroundings: Surroundings;
  readonly #lives: readonly GatewayLife[];
  readonly #over: () => void;

  /** `over`: called when it was seen, and the replica goes on. */
  constructor(
    scene: Scene,
    dice: SeededDice,
    surroundings: Surroundings,
    { lives, over }: { lives: readonly GatewayLife[]; over: () => void },
  ) {
    this.#scene = scene;
    this.#dice = dice;
    this.#surroundings = surroundings;
    this.#lives = lives;
    this.#over = over;
  }

  begin(fleet: FleetPlan): void {
    const { clock, report } = this.#scene;
    const latestMs = clock.nowMs() + SETTLED_MAX_MS;
    let seen = "";
    let sinceMs = clock.nowMs();
    const look = () => {
      const now = this.#places();
      if (now !== seen) sinceMs = clock.nowMs();
      seen = now ?? "";
      if (now !== null && clock.nowMs() - sinceMs >= SETTLED_AFTER_MS) return this.#fallOut(fleet);
      if (clock.nowMs() > latestMs) return report(`the fleet does not settle: ${seen}`);
      clock.after(LOOK_EVERY_MS, look);
    };
    look();
  }

  /** Who runs what; null where a shard is not connected where it is held, or a replica is not there. */
  #places(): string | null {
    if (this.#lives.some(({ livingProcess, isPaused }) => livingProcess === 0 || isPaused)) return null;
    const places: number[] = [];
    for (let shard = 0; shard < this.#scene.plan.shards; shard++) {
      const process = this.#surroundings.redis.holderOf(shard);
      if (process === null || process !== this.#surroundings.discord.processOf(shard)) return null;
      places.push(process);
    }
    return places.join(" ");
  }

  #fallOut({ leaseTtlMs }: FleetPlan): void {
    const { clock, history, plan } = this.#scene;
    const { redis } = this.#surroundings;
    const victim = this.#dice.pick(this.#lives);
    const process = victim.livingProcess;
    const shards = Array.from({ length: plan.shards }, (_, shard) => shard)
      .filter((shard) => redis.holderOf(shard) === process);
    const dueMs = leaseTtlMs + TAKEN_WITHIN_MS + RESUMED_WITHIN_MS;
    const awayMs = dueMs + this.#dice.between(100, 5_000);
    const how = this.#dice.pick(["dies", "stands still", "is cut off from Redis"] as const);
    history.note("state", victim.machine.name, `${how}, with shards ${shards.join(" ")}`);
    if (how === "dies") victim.crashFor(awayMs);
    else if (how === "stands still") victim.pause(awayMs, false);
    else {
      victim.machine.cut("redis");
      victim.disturbed();
      clock.after(awayMs, () => {
        victim.machine.mend("redis");
        victim.disturbed();
      });
    }
    clock.after(dueMs, () => {
      for (const shard of shards) this.#mustBeElsewhere(shard, process, dueMs);
    });
    clock.after(awayMs + SETTLED_AFTER_MS, () => this.#over());
  }

  #mustBeElsewhere(shard: number, formerly: number, afterMs: number): void {
    const { redis, discord } = this.#surroundings;
    const of = `shard ${shard}, ${afterMs} ms after process ${formerly} fell out,`;
    const process = redis.holderOf(shard);
    if (process === null || process === formerly) {
      return this.#scene.report(`${of} is taken over by nobody`);
    }
    const session = redis.sessionOf(shard);
    if (session !== null && discord.missesResume(session, process)) {
      this.#scene.report(`${of} is not resumed by process ${process}`);
    }
  }
}
