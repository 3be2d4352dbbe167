/**
 * The Redis keys that the dashboard reads and writes, before the prefix: those of the wire contract, which the gateway
 * writes, and its own.
 *
 * @module
 */
import type { Bank } from "./resharding/reshard.ts";

/** Total number of shards, as an integer; every service of this contract writes it. */
export const TOTAL_KEY = "gateway_shards";

/** One JSON array of what each shard is doing; every service of this contract writes it. */
export const STATUSES_KEY = "gateway_statuses";

/** Start time of whoever ran last, as a JSON string; every service of this contract writes it. */
export const STARTED_KEY = "gateway_started";

/** Keys of what the gateway keeps of one number of shards. */
export interface BankKeys {
  /** What our gateway wrote to {@link STARTED_KEY}: where the two differ, another service ran last. */
  readonly started: string;
  /** Hash, shard or role → who may run it, agreed on by the gateway's processes. */
  readonly leases: string;
  /** Hash, member → when it last told that it lives, and what it tells of itself. */
  readonly members: string;
  /** Hash of what they agree on besides, the version of the leases among it. */
  readonly fleet: string;
}

/** A change of the number of shards goes on in the other bank, beside the one that is current until then. */
export const BANK_KEYS: Readonly<Record<Bank, BankKeys>> = {
  a: bankKeys("gateway:"),
  b: bankKeys("gateway:b:"),
};

function bankKeys(beginning: string): BankKeys {
  return {
    started: `${beginning}started`,
    leases: `${beginning}leases`,
    members: `${beginning}members`,
    fleet: `${beginning}fleet`,
  };
}

/** Hash with the change of the number of shards that is under way, or was the last, written by the gateway. */
export const RESHARD_KEY = "gateway:reshard";

/** Hash, replica → JSON: what each process of the gateway says of itself once a second. */
export const REPLICAS_KEY = "gateway:replicas";

/** Stream with the figures of a replica's last seconds, written by the gateway. */
export function historyKey(replica: string): string {
  return `gateway:history:${replica}`;
}

/** Stream of refused commands, written by the gateway. */
export const REJECTED_KEY = "gateway:rejected";

/** Stream of what people did, written here. */
export const AUDIT_KEY = "gateway:audit";

/** Hash, shard → JSON: what the gateway tells of each shard. */
export const DETAILS_KEY = "gateway:details";

/** Stream of a shard's life, written by the gateway. */
export function lifeKey(shard: number): string {
  return `gateway:life:${shard}`;
}

/** Stream of a shard's heartbeat latencies, written by the gateway. */
export function latenciesKey(shard: number): string {
  return `gateway:latencies:${shard}`;
}

/** Hash with the rolling restart that is under way, or was, written here. */
export const RESTART_KEY = "gateway:restart";

/** String that is there while one is under way: whose it is. */
export const RESTART_LEASE_KEY = "gateway:restart_lease";

/** String that the keys of cookies and of CSRF tokens are made from: one for all dashboards on this Redis. */
export const DASHBOARD_KEY_KEY = "gateway:dashboard_key";

/** Who has signed in; whoever reads it could not sign in with what stands there. */
export function signInKey(idHash: string): string {
  return `gateway:sign_ins:${idHash}`;
}

/** A one-time link that has not been used; the same. */
export function signInLinkKey(tokenHash: string): string {
  return `gateway:sign_in_links:${tokenHash}`;
}

/** When something that can be guessed was guessed wrong, from anywhere. */
export function wrongGuessesKey(what: string): string {
  return `gateway:sign_in_attempts:${what}`;
}

/** The same, from one network. */
export function networksWrongGuessesKey(what: string, network: string): string {
  return `${wrongGuessesKey(what)}:${network}`;
}

/** That somebody has signed in from a network. */
export function knownNetworkKey(network: string): string {
  return `gateway:sign_in_known:${network}`;
}

/** Every key that is written here, as the wire contract names it, with what it is. */
export const DASHBOARD_KEY_TYPES: ReadonlyMap<string, "string" | "hash" | "stream"> = new Map([
  [AUDIT_KEY, "stream"],
  [RESTART_KEY, "hash"],
  [RESTART_LEASE_KEY, "string"],
  [DASHBOARD_KEY_KEY, "string"],
  [signInKey("<hash>"), "string"],
  [signInLinkKey("<hash>"), "string"],
  [wrongGuessesKey("<what>"), "string"],
  [networksWrongGuessesKey("<what>", "<network>"), "string"],
  [knownNetworkKey("<network>"), "string"],
]);
