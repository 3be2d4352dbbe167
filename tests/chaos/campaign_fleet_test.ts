import assert from "node:assert/strict";
import { FLEET_FAULT_KINDS } from "../../chaos/fault.ts";
import { isFenced } from "../../chaos/fencing.ts";
import { isFaultless } from "../../chaos/judgement.ts";
import type { PlannedFault, Wave } from "../../chaos/plan.ts";
import { Stage } from "../../chaos/stage.ts";
import { playedCampaign } from "./played_campaign.ts";

const STAGE = {
  seed: 1,
  shards: 6,
  replicas: 3,
  eventsPerSecond: 60,
  replayBufferEvents: 10_000,
  ledgerEntries: 100_000,
};
/** Others take the shards over meanwhile. */
const PAST_LEASE_MS = 8_000;

function fault(words: string, replica: number, lastsMs: number): PlannedFault {
  const kind = FLEET_FAULT_KINDS.find(({ victim, name }) => `${victim} ${name}` === words);
  assert(kind !== undefined, words);
  return { kind, afterMs: 0, lastsMs, shard: 0, replica, dice: 1 };
}

const PLAN: readonly Wave[] = [
  { faults: [fault("gateway killed", 0, PAST_LEASE_MS)], peaceMs: 1_000 },
  {
    faults: [fault("gateway asleep past its lease", 1, PAST_LEASE_MS), fault("gateway restarted", 0, 0)],
    peaceMs: 1_000,
  },
  {
    faults: [
      fault("line to Redis severed", 2, PAST_LEASE_MS),
      // By then it keeps points on its own disk, which whoever takes over does not have: Discord may not hear of them.
      { ...fault("Discord asks for a heartbeat", 0, 0), shard: null, afterMs: 4_000 },
    ],
    peaceMs: 1_000,
  },
];

Deno.test("Shardline in a fleet publishes nothing without a lease while replicas are killed, sleep and lose Redis", async () => {
  await using stage = await Stage.start(STAGE);
  const { judgement, fencing } = await playedCampaign(stage, PLAN);
  const account = JSON.stringify({ judgement, fencing }, null, 2);
  assert(isFaultless(judgement) && fencing !== null && isFenced(fencing), account);
  // Each of the three was silent for so long that others took its two shards.
  assert.deepEqual([fencing.overslept, fencing.noticed], [1, 1]);
  assert(stage.fleet !== null && stage.fleet.leases.takings >= STAGE.shards + 3 * 2);
  assert(fencing.published >= judgement.delivered && judgement.delivered > 300, account);
  for (const { gateway: { crashes, lateStops } } of stage.replicas) {
    assert.deepEqual([crashes, lateStops], [[], 0]);
  }
});
