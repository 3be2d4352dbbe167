/**
 * What the configuration means for the dashboard.
 *
 * @module
 */
import type { DashboardSettings } from "./dashboard/settings.ts";
import type { Config } from "./gateway/config.ts";

export function dashboardSettings(config: Config, version: string): DashboardSettings {
  const { dashboard, rabbit, redis, discord } = config;
  const { oauth } = dashboard;
  return {
    host: dashboard.host,
    port: dashboard.port,
    publicUrl: dashboard.publicUrl,
    proxies: dashboard.proxies,
    rabbitUrl: rabbit.url.reveal(),
    rabbitManagementUrl: dashboard.rabbitManagement?.url.reveal() ?? null,
    redis: redis.servers.reveal(),
    redisPrefix: redis.prefix,
    queues: [...new Set([...rabbit.defaultQueues, ...dashboard.watchedQueues])],
    password: dashboard.password?.reveal() ?? null,
    apiToken: dashboard.apiToken?.reveal() ?? null,
    oauth: oauth && {
      clientId: oauth.clientId,
      clientSecret: oauth.clientSecret.reveal(),
      // Not under /api: it is a page for people (Discord docs, OAuth2).
      authorizeUrl: new URL("/oauth2/authorize", discord.apiUrl).href,
      apiUrl: `${discord.apiUrl}/v${discord.apiVersion}`,
    },
    operators: dashboard.operators,
    viewers: dashboard.viewers,
    version,
  };
}
