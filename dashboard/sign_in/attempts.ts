/**
 * Limits on guessing. Wrong tries are counted in Redis, where the counts end by themselves, so that all dashboards on it
 * count together.
 *
 * An address is refused after a few wrong tries, with the right secret too: otherwise guessing could just go on. All
 * addresses together are refused after some more, because guesses may come from thousands of machines; only those from
 * which somebody has signed in lately are not, so that nobody who guesses can lock the operator out.
 *
 * @module
 */
import { knownNetworkKey, networksWrongGuessesKey, wrongGuessesKey } from "../contract_keys.ts";
import type { DashboardRedis } from "../redis.ts";
import { networkOf } from "./visitors.ts";

/** What can be guessed; each is counted for itself. */
export type Guessable = "password" | "api_token" | "discord_code";

export type Judgement =
  | { readonly kind: "right" }
  | { readonly kind: "wrong" }
  /** Too many were wrong: nothing is heeded for so long. */
  | { readonly kind: "refused"; readonly forMs: number };

/** Five are enough for whoever knows a password and mistypes it. */
const WRONG_PER_ADDRESS_MAX = 5;
const WRONG_PER_ADDRESS_WINDOW_MS = 15 * 60_000;

/** Some 1,000 guesses a day, however many machines there are: no use against any but the most common passwords. */
const WRONG_OVERALL_MAX = 50;
const WRONG_OVERALL_WINDOW_MS = 60 * 60_000;

/** How long an address is known after a sign-in: somebody who looks once a month still is. */
const KNOWN_SECONDS = 31 * 24 * 60 * 60;

/**
 * In one step, so that a thousand tries at a time are not more than a thousand one after the other.
 *
 * KEYS: wrong tries of the address; of all; whether the address is known. ARGV: what the try was (right, wrong or none),
 * most wrong ones and window of the address, the same of all, seconds that it is known. Returns how many milliseconds
 * nothing is heeded, or nil.
 */
const JUDGE = `
local function is_over(key, most) return tonumber(redis.call("get", key) or "0") >= tonumber(most) end
local function count(key, window_ms)
  if redis.call("incr", key) == 1 then redis.call("pexpire", key, window_ms) end
end
if is_over(KEYS[1], ARGV[2]) then return redis.call("pttl", KEYS[1]) end
if redis.call("exists", KEYS[3]) == 0 and is_over(KEYS[2], ARGV[4]) then return redis.call("pttl", KEYS[2]) end
if ARGV[1] == "right" then redis.call("set", KEYS[3], "1", "EX", ARGV[6]) end
if ARGV[1] == "wrong" then
  count(KEYS[1], ARGV[3])
  count(KEYS[2], ARGV[5])
end
return false
`;

export class Attempts {
  readonly #redis: DashboardRedis;

  constructor(redis: DashboardRedis) {
    this.#redis = redis;
  }

  /** What a try from this address comes to. Rejects with a {@link RedisAwayError}: without counts nothing is heeded. */
  async judge(what: Guessable, address: string, isRight: boolean): Promise<Judgement> {
    const forMs = await this.#run(what, address, isRight ? "right" : "wrong");
    if (forMs !== null) return { kind: "refused", forMs };
    return { kind: isRight ? "right" : "wrong" };
  }

  /** For how many milliseconds no try from this address is heeded; null: one is. */
  refusedForMs(what: Guessable, address: string): Promise<number | null> {
    return this.#run(what, address, "none");
  }

  async #run(what: Guessable, address: string, attempt: "right" | "wrong" | "none"): Promise<number | null> {
    const network = networkOf(address);
    const answer = await this.#redis.ask((redis) =>
      redis.eval(
        JUDGE,
        3,
        networksWrongGuessesKey(what, network),
        wrongGuessesKey(what),
        knownNetworkKey(network),
        attempt,
        WRONG_PER_ADDRESS_MAX,
        WRONG_PER_ADDRESS_WINDOW_MS,
        WRONG_OVERALL_MAX,
        WRONG_OVERALL_WINDOW_MS,
        KNOWN_SECONDS,
      )
    );
    return typeof answer === "number" ? answer : null;
  }
}
