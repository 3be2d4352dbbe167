/**
 * Which folder a spool has in which bank.
 *
 * @module
 */
import { type Bank, FIRST_BANK } from "../../resume/bank.ts";

/** Below the folder that the replica has otherwise. */
export function folderInBank(folder: string, bank: Bank): string {
  return bank === FIRST_BANK ? folder : `${folder}/bank-${bank}`;
}
