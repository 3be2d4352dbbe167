/**
 * A change of the number of shards, in words.
 *
 * @module
 */
import { amount } from "./amounts.ts";
import type { ReshardFigures } from "./fleet_message.ts";

/** Of the page that asks, and where its form goes. */
export const RESHARD_PATH = "/reshard";

/** On buttons. */
export const RESHARD_NAMES = { begin: "Reshard", abandon: "Abandon" } as const;

export function reshardTitle({ from, to }: Pick<ReshardFigures, "from" | "to">): string {
  return `The change from ${shardsText(from)} to ${amount(to)}`;
}

/** What it means, before it is begun. @param leftText How many identifies are left, as a sentence. */
export function reshardLines({ from, to }: { from: number; to: number }, leftText: string): string[] {
  return [
    `${amount(to)} new ${to === 1 ? "session begins" : "sessions begin"} beside the ${
      amount(from)
    } that run: ` +
    `${identifies(to)} of those that the bot has for a day. ${leftText}`,
    "Both run meanwhile, and events go on. When all new ones are ready, events come from them, and the old ones end. " +
    "No event is missed; those of the last seconds may come twice, with new ids.",
    "Until then it can be abandoned at any moment.",
    `Afterwards set SHARDS_TOTAL=${to}, where it is set.`,
  ];
}

export function shardsText(count: number): string {
  return count === 1 ? "1 shard" : `${amount(count)} shards`;
}

function identifies(count: number): string {
  return count === 1 ? "1 identify" : `${amount(count)} identifies`;
}
