/** A campaign of a test: played out, and judged. */
import { Campaign } from "../../chaos/campaign.ts";
import type { Wave } from "../../chaos/plan.ts";
import { settle } from "../../chaos/settling.ts";
import type { Stage } from "../../chaos/stage.ts";
import { beforeDeadline } from "../deadline.ts";

const DEADLINE_MS = 170_000;
const PATIENCE_MS = 45_000;

export async function playedCampaign(stage: Stage, plan: readonly Wave[]) {
  const course: string[] = [];
  const campaign = new Campaign(
    stage,
    (what, { kind }) => course.push(`${what}: ${kind.victim} ${kind.name}`),
  );
  const work = async () => {
    await campaign.play(plan, new AbortController().signal);
    return await settle(stage, PATIENCE_MS);
  };
  const settled = await beforeDeadline(work(), () => course.join("\n"), DEADLINE_MS);
  return { campaign, ...settled };
}
