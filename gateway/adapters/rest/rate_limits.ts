/**
 * What Discord's REST API has said about when it may be asked again (Discord docs, Rate Limits).
 *
 * Discord counts per `X-RateLimit-Bucket` and top-level id. Our routes share no bucket, so a route with its
 * id, the key used here, stands for exactly one: what a bucket is called need not be kept.
 *
 * @module
 */

/** What is needed of an answer. */
export interface LimitedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined where it was none. */
  readonly body: unknown;
}

/** A refusal that does not say for how long: Cloudflare's, whose patience is unknown. */
const UNTOLD_PAUSE_MS = 60_000;

/** However long an answer asks for; a garbled one shall not silence us for good. */
const PAUSE_MAX_MS = 3_600_000;

interface Allowance {
  remaining: number;
  readonly renewedAtMs: number;
}

export class RateLimits {
  readonly #allowances = new Map<string, Allowance>();
  #globalUntilMs = -Infinity;

  /** How long a request on the route has to wait; 0: it may go out now. */
  waitMs(route: string, nowMs: number): number {
    const allowance = this.#allowances.get(route);
    const routeUntilMs = allowance !== undefined && allowance.remaining <= 0
      ? allowance.renewedAtMs
      : -Infinity;
    return Math.max(0, this.#globalUntilMs - nowMs, routeUntilMs - nowMs);
  }

  /** Counts a request that goes out now. */
  spend(route: string): void {
    const allowance = this.#allowances.get(route);
    if (allowance !== undefined) allowance.remaining -= 1;
  }

  /** Reads an answer. For a refusal (429) it returns how long to wait, in milliseconds, else 0. */
  learn(route: string, answer: LimitedAnswer, nowMs: number): number {
    if (answer.status === 429) return this.#learnRefusal(route, answer, nowMs);

    const remaining = decimal(answer.headers.get("x-ratelimit-remaining"));
    const renewedAfterMs = pauseMs(answer.headers.get("x-ratelimit-reset-after"));
    if (remaining !== null && renewedAfterMs !== null) {
      this.#allowances.set(route, { remaining, renewedAtMs: nowMs + renewedAfterMs });
    }
    return 0;
  }

  /** Obeys `Retry-After` alone: with scope `shared` the other headers still promise requests. */
  #learnRefusal(route: string, { headers, body }: LimitedAnswer, nowMs: number): number {
    const told = typeof body === "object" && body !== null ? body as Record<string, unknown> : {};
    const toldMs = typeof told.retry_after === "number" ? pauseMs(String(told.retry_after)) : null;
    const headerMs = pauseMs(headers.get("retry-after"));
    const retryAfterMs = toldMs === null && headerMs === null
      ? UNTOLD_PAUSE_MS
      : Math.max(toldMs ?? 0, headerMs ?? 0);

    const fromCloudflare = toldMs === null; // Its refusals carry HTML and concern our whole address.
    const global = told.global === true || headers.get("x-ratelimit-global") === "true" ||
      headers.get("x-ratelimit-scope") === "global";
    const untilMs = nowMs + retryAfterMs;
    if (fromCloudflare || global) this.#globalUntilMs = Math.max(this.#globalUntilMs, untilMs);
    else this.#allowances.set(route, { remaining: 0, renewedAtMs: untilMs });
    return retryAfterMs;
  }
}

/** Seconds with decimals to milliseconds, bounded; null for anything else. */
function pauseMs(seconds: string | null): number | null {
  const value = decimal(seconds);
  return value === null ? null : Math.min(Math.ceil(value * 1000), PAUSE_MAX_MS);
}

function decimal(text: string | null): number | null {
  return text !== null && /^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : null;
}
