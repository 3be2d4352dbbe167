import { testResumePointsContract } from "../contracts/resume_points_contract.ts";
import { MemoryResumePoints } from "./memory_resume_points.ts";

testResumePointsContract("In-memory", () => {
  const points = new MemoryResumePoints();
  return Promise.resolve({
    process: () => points,
    away: () => Promise.resolve(points.hold()),
    back: () => points.release(),
    runAnother: (sessions) => {
      points.foreign = true;
      points.shards.clear();
      for (const [shard, session] of Object.entries(sessions)) {
        points.shards.set(Number(shard), {
          point: { ...session, resumeGatewayUrl: null, intents: null, configuredPresence: null },
          presence: null,
          guilds: null,
        });
      }
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
