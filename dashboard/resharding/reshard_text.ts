/**
 * Reads what the gateway has written down of a change of the number of shards (the wire contract, Redis).
 *
 * @module
 */
import { oneLine } from "../../gateway/one_line.ts";
import { RESHARD_KEY } from "../contract_keys.ts";
import { isCount, isObject, isTime, parsed } from "../json_checks.ts";
import { isShardCount } from "../../gateway/protocol/shard_count.ts";
import {
  type Bank,
  BANKS,
  type Reshard,
  RESHARD_PHASES,
  type ReshardPhase,
  type ReshardReplica,
} from "./reshard.ts";

/** Field of what is planned; how far each process is stands beside it. */
export const PLAN_FIELD = "plan";
const REPORT_FIELD = "report:";

/** Many times what the gateway writes into one field. */
const TEXT_MAX_LENGTH = 16 * 1024;
const ID_MAX_LENGTH = 100;
const NAME_MAX_LENGTH = 100;
const PHRASE_MAX_LENGTH = 200;

/** Of one key, at one moment. */
export interface ReshardTexts {
  /** Null where there is none. */
  readonly plan: string | null;
  /** The other fields. */
  readonly fields: readonly (readonly [field: string, text: string])[];
}

export interface ReshardReading {
  /** Null where there was none yet. */
  readonly reshard: Reshard | null;
  /** Where the gateway keeps what is its own now. */
  readonly bank: Bank;
}

type Tell = (problem: string) => void;

/** @param tell Hears of what is garbage, as a sentence without a full stop. */
export function readReshard({ plan: text, fields }: ReshardTexts, tell: Tell): ReshardReading {
  const [first, second] = BANKS;
  const plan = text === null ? null : readPlan(text);
  if (text !== null && plan === null) tell(`${RESHARD_KEY}: what is planned cannot be read`);
  if (plan === null) return { reshard: null, bank: first };
  const { bank, ...rest } = plan;
  const replicas = fields.flatMap(([field, text]) => {
    if (!field.startsWith(REPORT_FIELD)) return [];
    const replica = readReport(text, plan.phase);
    if (replica === null) tell(`${RESHARD_KEY}: "${oneLine(field, NAME_MAX_LENGTH)}" is no report`);
    return replica ?? [];
  });
  const hasSwitched = plan.phase === "taking_over" || plan.phase === "done";
  return {
    reshard: Object.freeze({
      ...rest,
      // One that has died may have reported what another has by now.
      ready: Math.min(plan.to, replicas.reduce((sum, { ready }) => sum + ready, 0)),
      replicas: Object.freeze(replicas.sort((one, other) => BY_NAME.compare(one.name, other.name))),
    }),
    bank: hasSwitched ? bank : bank === first ? second : first,
  };
}

/** The tenth comes behind the second. */
const BY_NAME = new Intl.Collator("en", { numeric: true });

function readPlan(text: string): (Omit<Reshard, "ready" | "replicas"> & { readonly bank: Bank }) | null {
  const raw = text.length > TEXT_MAX_LENGTH ? undefined : parsed(text);
  if (!isObject(raw)) return null;
  const { id, from, to, began_at: beganAtMs, reason } = raw;
  const bank = BANKS.find((known) => known === raw["bank"]);
  const phase = RESHARD_PHASES.find((known) => known === raw["phase"]);
  if (typeof id !== "string" || !isShardCount(from) || !isShardCount(to) || !isTime(beganAtMs)) return null;
  if (bank === undefined || phase === undefined) return null;
  return { id: oneLine(id, ID_MAX_LENGTH), from, to, phase, beganAtMs, reason: readPhrase(reason), bank };
}

function readReport(text: string, phase: ReshardPhase): ReshardReplica | null {
  const raw = text.length > TEXT_MAX_LENGTH ? undefined : parsed(text);
  if (!isObject(raw) || typeof raw["replica"] !== "string" || !isCount(raw["ready"])) return null;
  const { replica, ready } = raw;
  return Object.freeze({ name: oneLine(replica, NAME_MAX_LENGTH), ready, waitsFor: waitsFor(raw, phase) });
}

function waitsFor(
  { obstacle, told, ended }: Readonly<Record<string, unknown>>,
  phase: ReshardPhase,
): string | null {
  switch (phase) {
    case "rehearsing":
      return readPhrase(obstacle);
    case "holding":
      return told === true ? null : "what its old sessions had is not all published";
    case "taking_over":
      return ended === true ? null : "its old sessions have not ended";
    case "done":
    case "abandoned":
      return null;
  }
}

function readPhrase(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? oneLine(value, PHRASE_MAX_LENGTH) : null;
}
