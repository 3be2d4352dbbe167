/**
 * The answer of `GET /gateway/bot`, read field by field: it may come from a broken proxy as well as from
 * Discord.
 *
 * @module
 */
import type { GatewayBot } from "../../identify/budget.ts";
import { SHARDS_MOST } from "../../protocol/shard_count.ts";

/** The budget is a daily one. */
const RESET_AFTER_MAX_MS = 86_400_000;

/** Returns the answer, or in words what is wrong with it. */
export function readGatewayBot(body: unknown): GatewayBot | string {
  if (!isObject(body)) return "it is not an object";
  if (!isGatewayUrl(body.url)) return "url is not a ws:// or wss:// address";
  if (!isInteger(body.shards, 1, SHARDS_MOST)) return `shards is not an integer from 1 to ${SHARDS_MOST}`;
  const limit = body.session_start_limit;
  if (!isObject(limit)) return "session_start_limit is not an object";
  if (!isInteger(limit.total, 1)) return "session_start_limit.total is not an integer above 0";
  if (!isInteger(limit.remaining, 0)) return "session_start_limit.remaining is not an integer from 0";
  if (!isInteger(limit.reset_after, 0)) return "session_start_limit.reset_after is not an integer from 0";
  if (!isInteger(limit.max_concurrency, 1, SHARDS_MOST)) {
    return `session_start_limit.max_concurrency is not an integer from 1 to ${SHARDS_MOST}`;
  }
  return {
    url: body.url,
    shards: body.shards,
    sessionStartLimit: {
      total: limit.total,
      remaining: limit.remaining,
      resetAfterMs: Math.min(limit.reset_after, RESET_AFTER_MAX_MS),
      maxConcurrency: limit.max_concurrency,
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isInteger(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isGatewayUrl(value: unknown): value is string {
  if (typeof value !== "string") return false;
  const url = URL.parse(value);
  return url !== null && (url.protocol === "wss:" || url.protocol === "ws:") && url.username === "" &&
    url.password === "";
}
