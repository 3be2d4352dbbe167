/**
 * Reads from Redis who may run which shard, and for how long nobody has. The gateway's processes agree on it there, each
 * by its own clock (the wire contract, Fleet); here it is looked at, and anything may be garbage.
 *
 * @module
 */
import type { Clock } from "../../gateway/clock.ts";
import { oneLine } from "../../gateway/one_line.ts";
import { SHARDS_MOST } from "../../gateway/protocol/shard_count.ts";
import { BANK_KEYS, type BankKeys } from "../contract_keys.ts";
import { isObject, isTime, parsed } from "../json_checks.ts";
import type { DashboardRedis } from "../redis.ts";
import type { Bank } from "../resharding/reshard.ts";
import type { ShardRanges, UnheldShards } from "./fleet_snapshot.ts";

/** Of members that are gone nothing is left after an hour. */
const MEMBERS_MAX = 1_000;
/** Besides shards there are a few roles. */
const LEASES_MAX = SHARDS_MOST + 100;
/** Whoever is silent for its time and so much longer has lost what it held to others, or nobody has it. */
const TAKEN_AFTER_MS = 2_000;
const NAME_MAX_LENGTH = 100;
/** Name of the lease of whoever leads the fleet. */
const LEAD = "lead";

/** Who holds what, at one moment. */
export interface SeenLeases {
  /** False where no process keeps leases there, or not all of them could be read: then nothing is said of any shard. */
  readonly isWhole: boolean;
  /** Id of the member that leads; null where none does, or it is gone. */
  readonly lead: string | null;
  /** For how long each has been gone, by Redis's clock; null where it lives. */
  readonly members: ReadonlyMap<string, number | null>;
  readonly holders: ReadonlyMap<number, string>;
}

type Tell = (problem: string) => void;

/** All leases of a bank, as they stood under one version of them. */
interface Holders {
  readonly keys: BankKeys;
  readonly version: string | null;
  readonly shards: ReadonlyMap<number, string>;
  readonly lead: string | null;
}

export class LeasesReader {
  readonly #redis: DashboardRedis;
  readonly #clock: Clock;
  /** Read again only when something has changed hands: at ten thousand shards they are half a megabyte. */
  #known: Holders | null = null;
  /** Shards without a holder, and since when by our clock, monotonic. */
  #unheldSinceMs: ReadonlyMap<number, number> = new Map();

  constructor({ redis, clock }: { readonly redis: DashboardRedis; readonly clock: Clock }) {
    this.#redis = redis;
    this.#clock = clock;
  }

  /**
   * @param bank The one that is current.
   * @param tell Hears of what is garbage, as a sentence without a full stop.
   * @throws RedisAwayError
   */
  async read(bank: Bank, tell: Tell): Promise<SeenLeases> {
    const keys = BANK_KEYS[bank];
    const answers =
      await this.#redis.ask((redis) =>
        redis.multi().time().hget(keys.fleet, "version").hlen(keys.leases)
          .hscan(keys.members, 0, "COUNT", MEMBERS_MAX).exec()
      ) ?? [];
    const answer = (index: number, key: string) => {
      const [error, value] = answers[index] ?? [];
      if (error) tell(`${key} is of a wrong type`);
      return value;
    };
    const version = answer(1, keys.fleet);
    const count = Number(answer(2, keys.leases) ?? 0);
    const nowMicros = microseconds(answers[0]?.[1]);
    const { members, isWhole } = readMembers(keys, answer(3, keys.members), nowMicros, tell);
    if (count > LEASES_MAX) tell(`${keys.leases} has more than ${LEASES_MAX} fields`);
    const isKnown = this.#known?.keys === keys && this.#known.version === version;
    if (count === 0 || count > LEASES_MAX) this.#known = null;
    else if (!isKnown || typeof version !== "string") {
      const found = await this.#redis.ask((redis) => redis.hgetall(keys.leases));
      this.#known = readHolders(keys, found, typeof version === "string" ? version : null, tell);
    }
    const lead = this.#known?.lead ?? null;
    return {
      isWhole: this.#known !== null && isWhole,
      lead: lead !== null && members.get(lead) === null ? lead : null,
      members,
      holders: this.#known?.shards ?? new Map(),
    };
  }

  /** Which shards below the total nobody holds. Counts from when it was first asked while that was so. */
  unheld({ isWhole, members, holders }: SeenLeases, total: number | null): UnheldShards {
    const nowMs = this.#clock.nowMs();
    const sinceMs = new Map<number, number>();
    for (let shard = 0; isWhole && shard < (total ?? 0); shard++) {
      const goneForMs = members.get(holders.get(shard) ?? "");
      if (goneForMs === null) continue;
      const knownMs = this.#unheldSinceMs.get(shard) ?? nowMs;
      sinceMs.set(shard, goneForMs === undefined ? knownMs : nowMs - goneForMs);
    }
    this.#unheldSinceMs = sinceMs;
    return {
      ranges: rangesOf(sinceMs.keys()),
      count: sinceMs.size,
      longestMs: Math.round(sinceMs.size === 0 ? 0 : nowMs - Math.min(...sinceMs.values())),
    };
  }
}

/** @param time Of TIME: seconds, and microseconds of the second. */
function microseconds(time: unknown): number {
  const [seconds, rest] = Array.isArray(time) ? time : [];
  return Number(seconds) * 1_000_000 + Number(rest);
}

/** @param answer Of HSCAN: where it stopped, then fields and values in turn. */
function readMembers(
  keys: BankKeys,
  answer: unknown,
  nowMicros: number,
  tell: Tell,
): Pick<SeenLeases, "members" | "isWhole"> {
  const members = new Map<string, number | null>();
  const [cursor, items] = Array.isArray(answer) ? answer : [];
  if (!Array.isArray(items)) return { members, isWhole: false };
  for (let at = 0; at + 1 < items.length; at += 2) {
    const [, beat, text] = /^(\d{1,16}) (.*)$/s.exec(String(items[at + 1])) ?? [];
    const card = text === undefined ? undefined : parsed(text);
    if (!isObject(card) || !isTime(card["ttl"])) {
      tell(`${keys.members}: "${oneLine(String(items[at]), NAME_MAX_LENGTH)}" is no member`);
      continue;
    }
    const goneForMs = (nowMicros - Number(beat)) / 1_000 - card["ttl"] - TAKEN_AFTER_MS;
    members.set(String(items[at]), goneForMs > 0 ? goneForMs : null);
  }
  if (cursor !== "0") tell(`${keys.members} has more than ${MEMBERS_MAX} fields`);
  return { members, isWhole: cursor === "0" };
}

function readHolders(
  keys: BankKeys,
  fields: Readonly<Record<string, string>>,
  version: string | null,
  tell: Tell,
): Holders {
  const shards = new Map<number, string>();
  let lead: string | null = null;
  for (const [name, text] of Object.entries(fields)) {
    const [, holder] = /^\d{1,16} (.*)$/s.exec(text) ?? [];
    if (holder === undefined) tell(`${keys.leases}: "${oneLine(name, NAME_MAX_LENGTH)}" is no lease`);
    else if (holder === "") continue;
    else if (name === LEAD) lead = holder;
    else if (/^(?:0|[1-9]\d{0,8})$/.test(name)) shards.set(Number(name), holder);
  }
  return { keys, version, shards, lead };
}

/** @param shards Ascending. */
function rangesOf(shards: Iterable<number>): ShardRanges {
  const ranges: [number, number][] = [];
  for (const shard of shards) {
    const last = ranges.at(-1);
    if (last?.[1] === shard - 1) last[1] = shard;
    else ranges.push([shard, shard]);
  }
  return ranges;
}
