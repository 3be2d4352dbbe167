/**
 * Leases in Redis: a hash of members, a hash of leases, and what the fleet runs.
 *
 * @module
 */
import {
  type FleetReign,
  type FleetView,
  LEAD_LEASE,
  type Lease,
  type Leases,
  type LeaseToken,
  type MemberCard,
  type MemberShare,
  type SeenLease,
  type SeenMember,
} from "../../fleet/leases.ts";
import { isRefusal, type RedisClient, type Script } from "./client.ts";
import { FLEET_KEY, LEASES_KEY, MEMBERS_KEY } from "./keys.ts";

/** A member that has not been heard for so long is forgotten. */
const FORGOTTEN_AFTER_SECONDS = 3_600;

/** What all scripts share: the time, and how a lease and a member are written. */
const SHARED_LUA = `
  local leases, members, fleet = KEYS[1], KEYS[2], KEYS[3]
  local time = redis.call("TIME")
  local now = time[1] * 1000000 + time[2]
  local function whole(number) return string.format("%.0f", number) end
  local function later(number) return math.max(now, (tonumber(number) or 0) + 1) end
  local function lease_of(name)
    local token, holder = string.match(redis.call("HGET", leases, name) or "", "^(%d+) (.*)$")
    return tonumber(token) or 0, holder or ""
  end
  local function beat_of(member)
    return string.match(redis.call("HGET", members, member) or "", "^(%d+) ")
  end
  local function changed()
    redis.call("HSET", fleet, "version", whole(later(redis.call("HGET", fleet, "version"))))
  end`;

function script(lua: string): Script {
  return { keys: [LEASES_KEY, MEMBERS_KEY, FLEET_KEY], lua: SHARED_LUA + lua };
}

/**
 * ARGV: member, its card, the version of the leases that it knows. Returns the time, all members, the version, the reign,
 * and all leases where that version is another.
 */
const RENEW = script(`
  local member, card, known = ARGV[1], ARGV[2], ARGV[3]
  redis.call("HSET", members, member, whole(later(beat_of(member))) .. " " .. card)
  local found = redis.call("HGETALL", members)
  for i = 1, #found, 2 do
    local beat = tonumber(string.match(found[i + 1], "^(%d+) "))
    if not beat or now - beat > ${FORGOTTEN_AFTER_SECONDS} * 1000000 then
      redis.call("HDEL", members, found[i])
    end
  end
  local version = redis.call("HGET", fleet, "version") or ""
  local all = false
  if version == "" or version ~= known then all = redis.call("HGETALL", leases) end
  return { whole(now), found, version, redis.call("HGET", fleet, "reign"), all }`);

/** ARGV: member, then of each lease its name, and the token and the beat of its holder as they were seen. */
const TAKE = script(`
  local member, taken = ARGV[1], {}
  if not beat_of(member) then return taken end
  for i = 2, #ARGV, 3 do
    local token, holder = lease_of(ARGV[i])
    local is_same = token == tonumber(ARGV[i + 1])
    if is_same and holder ~= "" and holder ~= member then
      is_same = (beat_of(holder) or "") == ARGV[i + 2]
    end
    if is_same then
      local new = whole(later(token))
      redis.call("HSET", leases, ARGV[i], new .. " " .. member)
      taken[#taken + 1] = ARGV[i]
      taken[#taken + 1] = new
    end
  end
  if #taken > 0 then changed() end
  return taken`);

/** ARGV: of each lease its name and its token. */
const LET_GO = script(`
  local is_changed = false
  for i = 1, #ARGV, 2 do
    local token, holder = lease_of(ARGV[i])
    if holder ~= "" and token == tonumber(ARGV[i + 1]) then
      redis.call("HSET", leases, ARGV[i], whole(token) .. " ")
      is_changed = true
    end
  end
  if is_changed then changed() end`);

/** ARGV: name of the lead's lease, its token, total. */
const PROCLAIM = script(`
  local token, holder = lease_of(ARGV[1])
  if holder ~= "" and token == tonumber(ARGV[2]) then
    redis.call("HSET", fleet, "reign", ARGV[2] .. " " .. ARGV[3])
  end`);

const LEAVE = script(`
  redis.call("HDEL", members, ARGV[1])`);

/** One round trip a call. Reads the leases only where they have changed. */
export class RedisLeases implements Leases {
  readonly #client: RedisClient;
  #known: { readonly version: string; readonly leases: ReadonlyMap<string, Lease> } = {
    version: "",
    leases: new Map(),
  };

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async renew(member: string, card: MemberCard): Promise<FleetView> {
    const reply = await this.#run(RENEW, [member, cardText(card), this.#known.version]);
    const [now, members, version, reign, leases] = reply as [
      string,
      readonly string[],
      string,
      string | null,
      readonly string[] | null,
    ];
    if (leases !== null) this.#known = { version, leases: readLeases(leases) };
    return {
      members: readMembers(members, Number(now)),
      leases: this.#known.leases,
      reign: readReign(reign),
    };
  }

  async take(
    member: string,
    wanted: ReadonlyMap<string, SeenLease>,
  ): Promise<ReadonlyMap<string, LeaseToken>> {
    const reply = await this.#run(TAKE, [
      member,
      ...[...wanted].flatMap(([name, { token, holderBeat }]) => [name, token, holderBeat ?? ""]),
    ]);
    return new Map(pairs(reply as readonly string[]).map(([name, token]) => [name, Number(token)]));
  }

  async letGo(held: ReadonlyMap<string, LeaseToken>): Promise<void> {
    await this.#run(LET_GO, [...held].flat());
  }

  async proclaim({ total, token }: FleetReign): Promise<void> {
    await this.#run(PROCLAIM, [LEAD_LEASE, token, total]);
  }

  async leave(member: string): Promise<void> {
    await this.#run(LEAVE, [member]);
  }

  /** What stands in the way is moved aside for the next try. */
  async #run(script: Script, parameters: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#client.tryRun(script, parameters);
    } catch (error) {
      if (isRefusal(error) && error.message.includes("WRONGTYPE")) await this.#client.moveDamagedKeysAside();
      throw error;
    }
  }
}

/** What stands in Redis for a lease that is held. */
export function leaseText(token: LeaseToken, holder: string): string {
  return `${token} ${holder}`;
}

function readLeases(fields: readonly string[]): Map<string, Lease> {
  const leases = new Map<string, Lease>();
  for (const [name, text] of pairs(fields)) {
    const [, token, holder] = /^(\d{1,16}) (.*)$/s.exec(text) ?? [];
    if (token !== undefined) leases.set(name, { token: Number(token), holder: holder || null });
  }
  return leases;
}

/** Whoever cannot be read is left out: its leases are then those of nobody. */
function readMembers(fields: readonly string[], nowMicros: number): Map<string, SeenMember> {
  const members = new Map<string, SeenMember>();
  for (const [id, text] of pairs(fields)) {
    const [, beat, cardText] = /^(\d{1,16}) (.*)$/s.exec(text) ?? [];
    const card = cardText === undefined ? null : readCard(cardText);
    if (beat === undefined || card === null) continue;
    members.set(id, { ...card, beat, ageMs: Math.max(0, (nowMicros - Number(beat)) / 1_000) });
  }
  return members;
}

function readReign(text: string | null): FleetReign | null {
  const [, token, total] = /^(\d{1,16}) (\d{1,9})$/.exec(text ?? "") ?? [];
  return token === undefined ? null : { token: Number(token), total: Number(total) };
}

function cardText({ replica, version, ttlMs, total, share }: MemberCard): string {
  return JSON.stringify({
    replica,
    version,
    ttl: ttlMs,
    total,
    share: share &&
      { first: share.first, last: share.last, most: share.most, leaving: share.leaving, away: share.away },
  });
}

function readCard(text: string): MemberCard | null {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const { replica, version, ttl, total, share } = value ?? {};
  const isCard = typeof replica === "string" && typeof version === "string" && Number.isFinite(ttl) &&
    ttl > 0;
  if (!isCard) return null;
  return { replica, version, ttlMs: ttl, total: count(total), share: readShare(share) };
}

function readShare(share: unknown): MemberShare | null {
  if (typeof share !== "object" || share === null) return null;
  const { first, last, most, leaving, away } = share as Readonly<Record<string, unknown>>;
  return {
    first: count(first) ?? 0,
    last: count(last),
    most: count(most),
    leaving: leaving === true,
    away: count(away) ?? 0,
  };
}

function count(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function pairs(fields: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) found.push([fields[at] ?? "", fields[at + 1] ?? ""]);
  return found;
}
