import assert from "node:assert/strict";
import { FAULT_KINDS } from "../../chaos/fault.ts";
import { isFaultless } from "../../chaos/judgement.ts";
import type { PlannedFault, Wave } from "../../chaos/plan.ts";
import { Stage } from "../../chaos/stage.ts";
import { playedCampaign } from "./played_campaign.ts";

const STAGE = { seed: 1, shards: 2, eventsPerSecond: 60, replayBufferEvents: 10_000, ledgerEntries: 100_000 };

function fault(words: string, afterMs: number, lastsMs: number): PlannedFault {
  const kind = FAULT_KINDS.find(({ victim, name }) => `${victim} ${name}` === words);
  assert(kind !== undefined, words);
  return { kind, afterMs, lastsMs, shard: 0, replica: null, dice: 1 };
}

/** Everything that can be done to a process, once, two at a time; and one session that Discord gives up. */
const PLAN: readonly Wave[] = [
  { faults: [fault("gateway killed", 0, 500), fault("RabbitMQ paused", 300, 2_000)], peaceMs: 500 },
  { faults: [fault("RabbitMQ killed", 0, 500), fault("gateway paused", 300, 2_000)], peaceMs: 500 },
  { faults: [fault("Redis killed", 0, 1_000), fault("RabbitMQ memory alarm", 0, 1_000)], peaceMs: 500 },
  { faults: [fault("RabbitMQ stopped", 0, 500), fault("gateway restarted", 500, 0)], peaceMs: 500 },
  { faults: [fault("Redis paused", 0, 1_500), fault("Discord op 9 false", 300, 0)], peaceMs: 500 },
  { faults: [fault("Redis stopped", 0, 1_000), fault("line to Discord silent", 0, 1_000)], peaceMs: 500 },
];

Deno.test("Shardline loses nothing and names every gap while each process is killed, paused and stopped", async () => {
  await using stage = await Stage.start(STAGE);
  const { campaign, judgement, fencing } = await playedCampaign(stage, PLAN);
  assert(isFaultless(judgement), JSON.stringify(judgement, null, 2));
  assert.deepEqual([...campaign.lasting], []);
  assert.deepEqual([...campaign.counts.values()], PLAN.flatMap(({ faults }) => faults).map(() => 1));
  const [{ gateway }] = stage.replicas;
  assert.deepEqual([gateway.crashes, gateway.lateStops, stage.collector.vanishings], [[], 0, 0]);
  assert.equal(fencing, null);
  // One session was given up, and at least that one has another in its place.
  assert(judgement.sessionsReplaced >= 1 && judgement.sent > 300, JSON.stringify(judgement));
});
