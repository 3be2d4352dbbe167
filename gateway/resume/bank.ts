/**
 * Where a service keeps in the store what is its own: in one of two places, so that the sessions of another number of shards
 * can come up beside those that run.
 *
 * @module
 */

export const BANKS = ["a", "b"] as const;

export type Bank = typeof BANKS[number];

/** The first that there ever is. */
export const FIRST_BANK: Bank = "a";

export function otherBank(bank: Bank): Bank {
  return bank === "a" ? "b" : "a";
}
