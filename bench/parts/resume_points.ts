/**
 * The resume points of a fleet in a real Redis.
 *
 * @module
 */
import { RedisResumePoints } from "../../gateway/adapters/redis/resume_points.ts";
import type { ResumePoint } from "../../gateway/resume/points.ts";
import { sessionOf } from "./events.ts";
import { failLoudly } from "./fail_loudly.ts";
import { FLEET, shardIds } from "./fleet.ts";
import { once } from "./once.ts";
import { redisClient } from "./servers.ts";

/** A store in which every shard of the fleet has a point. */
export const fleetPoints = once(async () => {
  const points = new RedisResumePoints(await redisClient(), {
    observe: failLoudly,
    fences: { member: "bench", tokenOf: () => 1, leadToken: () => 1 },
  });
  await points.begin({
    total: FLEET,
    bot: null,
    startedAtMs: Date.now(),
    keepSessions: false,
    lost: new Map(),
    imported: { total: null, bot: null, shards: new Map(), foreign: false },
  });
  await points.write(new Map(shardIds(FLEET).map((shard) => [shard, { point: pointOf(shard, 1) }])));
  return points;
});

export function pointOf(shard: number, sequence: number): ResumePoint {
  return {
    sessionId: sessionOf(shard),
    sequence,
    resumeGatewayUrl: "wss://gateway-us-east1-b.discord.gg",
    intents: 53_608_447,
    configuredPresence: '{"since":null,"activities":[],"status":"online","afk":false}',
    startedAtMs: Date.UTC(2026, 8, 1),
    lastEventAtMs: Date.UTC(2026, 8, 2),
  };
}
