/**
 * This service between Discord and the bot of a scene.
 *
 * @module
 */
import { type Gateway, startGateway } from "../../harness/gateway.ts";
import type { Scene, Stage } from "./stage.ts";
import { INTENTS, TOKEN, type Work } from "./work.ts";

/**
 * Starts it for this work, with settings of its own besides; resolves when it is alive, which is before its shards are
 * connected.
 */
export async function startService(
  { servers }: Stage,
  scene: Scene,
  work: Work,
  settings: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  return await startGateway({
    BOT_TOKEN: TOKEN,
    INTENTS: String(INTENTS),
    API_URL: scene.restUrl,
    SHARDS_TOTAL: String(work.shards),
    // The simulated Discord lets all of them identify at once.
    SHARDS_WAIT: "0",
    COMPRESS: work.compression,
    RABBIT_URL: servers.rabbit.url,
    REDIS_URL: servers.redis.url,
    LOG_FORMAT: "json",
    ...settings,
  });
}
