/**
 * Keys of ours under which something else stands.
 *
 * @module
 */
import type { Redis } from "ioredis";
import type { Clock } from "../../clock.ts";
import type { Observer } from "../../observation.ts";
import { BANKS } from "../../resume/bank.ts";
import { KEY_TYPES, keyInBank } from "./keys.ts";

/**
 * Renames each key that is not of its type to `gateway:damaged:<key>:<unix ms>`, and observes it: what stands there is
 * neither destroyed nor in our way.
 */
export async function moveDamagedKeysAside(
  redis: Redis,
  { clock, observe }: { clock: Clock; observe: Observer },
): Promise<void> {
  const inBanks = [...KEY_TYPES].flatMap(([key, expected]) =>
    BANKS.map((bank): [string, typeof expected] => [keyInBank(key, bank), expected])
  );
  for (const [key, expected] of new Map(inBanks)) {
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
