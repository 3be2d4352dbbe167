import { testResumePointsContract } from "../contracts/resume_points_contract.ts";
import { MemoryResumePoints } from "./memory_resume_points.ts";

testResumePointsContract("In-memory", () => {
  const points = new MemoryResumePoints();
  return Promise.resolve({
    process: () => points,
    away: () => Promise.resolve(points.hold()),
    back: () => points.release(),
    takeOver: (shard) => {
      points.fenced.add(shard);
      return Promise.resolve();
    },
    runAnother: async (sessions) => {
      points.foreign = true;
      const unknown = {
        resumeGatewayUrl: null,
        intents: null,
        configuredPresence: null,
        startedAtMs: null,
        lastEventAtMs: null,
      };
      const theirs = Object.entries(sessions).map(([shard, session]) =>
        [Number(shard), { point: { ...session, ...unknown } }] as const
      );
      await points.write(new Map([...points.shards.keys()].map((shard) => [shard, { point: null }])));
      await points.write(new Map(theirs));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
