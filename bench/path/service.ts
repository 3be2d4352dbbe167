/**
 * This service between Discord and the bot of a scene.
 *
 * @module
 */
import { type Gateway, startGateway } from "../../harness/gateway.ts";
import type { Scene, Stage } from "./stage.ts";
import { INTENTS, TOKEN, type Work } from "./work.ts";

/** `gateway`: without the dashboard's thread. */
export type ServiceRole = "all" | "gateway";

/** Starts it for this work; resolves when it is alive, which is before its shards are connected. */
export async function startService(
  { servers }: Stage,
  scene: Scene,
  work: Work,
  role: ServiceRole = "all",
): Promise<Gateway> {
  return await startGateway({
    ROLE: role,
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
  });
}
