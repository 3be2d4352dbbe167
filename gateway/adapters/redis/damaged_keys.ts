/**
 * Keys of ours under which something else stands.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { Clock } from "../../clock.ts";
import type { Observer } from "../../observation.ts";
import { KEY_TYPES } from "./keys.ts";

/**
 * Renames each key that is not of its type to `gateway:damaged:<key>:<unix ms>`, and observes it: what stands there is
 * neither destroyed nor in our way.
 */
export async function moveDamagedKeysAside(
  redis: Redis,
  { clock, observe }: { clock: Clock; observe: Observer },
): Promise<void> {
  for (const [key, expected] of KEY_TYPES) {
    const found = await redis.type(key);
    if (found === expected || found === "none") continue;
    const aside = `gateway:damaged:${key}:${clock.wallMs()}`;
    await redis.rename(key, aside);
    observe({
      kind: "redis.garbage",
      key,
      problem: `a ${found} instead of a ${expected}; renamed to ${aside}`,
    });
  }
}
