/**
 * The people who have an account.
 *
 * @module
 */

import type { APIUser } from "discord-api-types/v10";
import { CONCERN, Random, streamSeed } from "./random.ts";
import { DISCORD_OPENED_MS, IDS_PER_MILLISECOND, snowflake } from "./snowflake.ts";
import { handle, pickScript, title } from "./text.ts";

/**
 * How many people the simulated Discord has: a prime, so that any stride walks through all of them before it
 * comes back (see {@link Population.walk}).
 */
export const POPULATION = 4_000_037;

/**
 * `public_flags` of ordinary accounts: HypeSquad houses, early supporter, active developer (Discord
 * reference, User Flags).
 */
const PUBLIC_FLAGS: readonly number[] = [0, 0, 0, 0, 0, 0, 64, 128, 256, 512, 4_194_304];

/**
 * Everybody who has an account. Nobody is stored: a person is worked out anew from their number whenever they
 * are needed, and always comes out the same.
 */
export class Population {
  readonly #seed: number;
  readonly #millisecondsPerAccount: number;

  /** Accounts were opened between the day Discord opened and `startMs`. */
  constructor(seed: number, startMs: number) {
    this.#seed = seed;
    this.#millisecondsPerAccount = Math.floor((startMs - DISCORD_OPENED_MS) / POPULATION);
  }

  /**
   * The number of the `step`-th person of a walk: no two steps of one walk below {@link POPULATION} meet the
   * same person.
   */
  walk(start: number, stride: number, step: number): number {
    // At most 4e6 * 4e6 + 4e6, far below 2^53.
    return (start + step * stride) % POPULATION;
  }

  /** The id of a person, older people having smaller ones. */
  userId(person: number): string {
    const jitter = streamSeed(this.#seed, CONCERN.user, person) % this.#millisecondsPerAccount;
    const openedMs = DISCORD_OPENED_MS + person * this.#millisecondsPerAccount + jitter;
    return snowflake(openedMs, person % IDS_PER_MILLISECOND).toString();
  }

  /** A person as Discord shows them to others (User Object). */
  user(person: number): APIUser {
    const random = new Random(streamSeed(this.#seed, CONCERN.user, person, 1));
    const script = pickScript(random);
    const bot = random.chance(0.02);
    const user: APIUser = {
      id: this.userId(person),
      username: handle(random),
      discriminator: bot ? String(random.between(1, 9_999)).padStart(4, "0") : "0",
      global_name: bot || random.chance(0.3) ? null : title(random, script),
      avatar: random.chance(0.8) ? (random.chance(0.1) ? "a_" : "") + random.hex(32) : null,
      public_flags: random.pick(PUBLIC_FLAGS),
      avatar_decoration_data: null,
      collectibles: null,
      primary_guild: null,
    };
    if (bot) user.bot = true;
    return user;
  }
}
