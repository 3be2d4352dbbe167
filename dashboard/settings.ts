/**
 * What the dashboard is told at its start. Plain data throughout, because it goes to a thread of its own.
 *
 * @module
 */

import type { RedisServers } from "../gateway/protocol/redis_servers.ts";

export interface DashboardSettings {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Origin of the dashboard as people's browsers know it; null: as each request says. */
  readonly publicUrl: string | null;
  /** Addresses, or networks like `10.0.0.0/8`, of reverse proxies whose `X-Forwarded-…` headers are believed. */
  readonly proxies: readonly string[];
  /** Several, joined with commas, are of nodes to be tried in turn. */
  readonly rabbitUrl: string;
  /** Base of RabbitMQ's management interface, with user and password; null: none. */
  readonly rabbitManagementUrl: string | null;
  readonly redis: RedisServers;
  /** Put before every key. */
  readonly redisPrefix: string;
  /** Queues to look at: those that receive every event, then those the operator named. */
  readonly queues: readonly string[];
  /** Gives the operator's role. */
  readonly password: string | null;
  /** Bearer token of the JSON endpoints, with the operator's role. */
  readonly apiToken: string | null;
  readonly oauth: OAuthSettings | null;
  /** Discord user ids. */
  readonly operators: readonly string[];
  readonly viewers: readonly string[];
  readonly version: string;
}

export interface OAuthSettings {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where a person is sent: `https://discord.com/oauth2/authorize`. */
  readonly authorizeUrl: string;
  /** Base of REST calls, version included, without a slash at its end. */
  readonly apiUrl: string;
}

/** Whether whoever signs in does so by the link alone that the terminal shows. */
export function hasNoSignIn({ password, oauth }: DashboardSettings): boolean {
  return password === null && oauth === null;
}

/** Whether only this machine can reach an address to listen on. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
