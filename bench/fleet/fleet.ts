/**
 * A fleet of this service in a scene.
 *
 * @module
 */
import { Redis } from "ioredis";
import type { Gateway } from "../../harness/gateway.ts";
import { startService } from "../path/service.ts";
import type { Scene, Stage } from "../path/stage.ts";
import type { Work } from "../path/work.ts";
import { sleep } from "../sleep.ts";

const LEASES = "gateway:leases";
const LOOK_EVERY_MS = 50;
/** For all shards of any fleet; by then something is wrong. */
const SHARING_MOST_MS = 300_000;

export class Fleet implements AsyncDisposable {
  readonly scene: Scene;
  readonly replicas: readonly Gateway[];
  readonly #shards: number;
  readonly #redis: Redis;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    scene: Scene,
    replicas: readonly Gateway[],
    shards: number,
    redis: Redis,
    opened: AsyncDisposableStack,
  ) {
    this.scene = scene;
    this.replicas = replicas;
    this.#shards = shards;
    this.#redis = redis;
    this.#opened = opened;
  }

  /** Starts so many replicas; resolves once the shards are shared out among them, and connected. */
  static async start(stage: Stage, work: Work, replicaCount: number): Promise<Fleet> {
    await using opening = new AsyncDisposableStack();
    const scene = opening.use(await stage.set(work, { keptIds: "message" }));
    const redis = opening.adopt(
      new Redis(stage.servers.redis.url),
      async (redis) => void await redis.quit(),
    );
    const names = Array.from({ length: replicaCount }, (_, index) => `replica-${index + 1}`);
    const replicas = await Promise.all(names.map(async (name) => {
      const settings = { FLEET: "true", ROLE: "gateway", REPLICA_NAME: name };
      const replica = await startService(stage, scene, work, settings);
      opening.use(replica.server);
      return replica;
    }));
    const fleet = new Fleet(scene, replicas, work.shards, redis, opening.move());
    await fleet.shared();
    return fleet;
  }

  /** Resolves once every replica holds its share of the shards, and all of them are connected. */
  async shared(): Promise<void> {
    const untilMs = performance.now() + SHARING_MOST_MS;
    const least = Math.floor(this.#shards / this.replicas.length);
    for (let held = await this.#held(); !this.#isShared(held, least); held = await this.#held()) {
      if (performance.now() > untilMs) {
        throw new Error(
          `The shards are not shared out after ${SHARING_MOST_MS / 1_000} s, but ${held.join(" + ")}`,
        );
      }
      await sleep(LOOK_EVERY_MS);
    }
    await this.scene.connected();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }

  #isShared(held: readonly number[], least: number): boolean {
    return held.length === this.replicas.length &&
      held.reduce((sum, count) => sum + count, 0) === this.#shards &&
      held.every((count) => count >= least && count <= least + 1);
  }

  /** How many shards each member has. */
  async #held(): Promise<readonly number[]> {
    const counts = new Map<string, number>();
    for (const [name, lease] of Object.entries(await this.#redis.hgetall(LEASES))) {
      const holder = lease.slice(lease.indexOf(" ") + 1);
      if (/^\d+$/.test(name) && holder !== "") counts.set(holder, (counts.get(holder) ?? 0) + 1);
    }
    return [...counts.values()];
  }
}
