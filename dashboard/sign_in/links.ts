/**
 * Links that sign an operator in, once. Whoever can start the service, or run a command where it runs, needs no other
 * proof.
 *
 * @module
 */
import { createHash, randomBytes } from "node:crypto";
import { signInLinkKey } from "../contract_keys.ts";
import type { DashboardRedis } from "../redis.ts";
import type { DashboardSettings } from "../settings.ts";

/** Long enough to carry it from a terminal to a browser on another machine. */
export const LINK_MINUTES = 10;

const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

export class OneTimeLinks {
  readonly #redis: DashboardRedis;

  constructor(redis: DashboardRedis) {
    this.#redis = redis;
  }

  /** A new link's token. Rejects with a {@link RedisAwayError}. */
  async issue(): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    await this.#redis.ask((redis) => redis.set(keyOf(token), "1", "EX", LINK_MINUTES * 60));
    return token;
  }

  /** Whether a token would be taken now. */
  async isGood(token: string): Promise<boolean> {
    return TOKEN.test(token) && await this.#redis.ask((redis) => redis.exists(keyOf(token))) === 1;
  }

  /** Takes a token: true once, for whoever comes first. */
  async take(token: string): Promise<boolean> {
    return TOKEN.test(token) && await this.#redis.ask((redis) => redis.del(keyOf(token))) === 1;
  }
}

/** Whoever reads Redis must not be able to sign in with what stands there. */
function keyOf(token: string): string {
  return signInLinkKey(createHash("sha256").update(token).digest("base64url"));
}

/** Listening on all addresses of a machine: it is one's own for whoever sits there. */
const EVERY_ADDRESS: readonly string[] = ["0.0.0.0", "::"];

/** Where the dashboard is, and its port where no public URL says; that must be the one listened on. */
export type DashboardAddress = Pick<DashboardSettings, "publicUrl" | "host" | "port">;

/** What a browser asks for, without a slash at its end. */
export function baseUrl({ publicUrl, host, port }: DashboardAddress): string {
  const name = EVERY_ADDRESS.includes(host) ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return publicUrl ?? `http://${name}:${port}`;
}

export function linkUrl(address: DashboardAddress, token: string): string {
  return `${baseUrl(address)}/sign_in/link/${token}`;
}
