/**
 * A change of the number of shards in Redis: one hash with its plan and how far each member is, and two with digests.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import {
  type DigestList,
  RESHARD_PHASES,
  type ReshardPhase,
  type ReshardPlan,
  type ReshardReport,
  type ReshardStore,
  type ReshardView,
} from "../../reshard/plan.ts";
import { BANKS, otherBank } from "../../resume/bank.ts";
import { isShardCount } from "../../protocol/shard_count.ts";
import type { RedisClient, Script } from "./client.ts";
import {
  digestsKey,
  keyInBank,
  keysOfBank,
  OWN_PRESENCES_KEY,
  OWN_STARTED_KEY,
  OWN_TOTAL_KEY,
  RESHARD_KEY,
  STARTED_KEY,
  TOTAL_KEY,
} from "./keys.ts";

const PLAN = "plan";
const REPORT = "report:";
const DIGESTS_KEPT_SECONDS = 3_600;

/** What all scripts know of a plan. */
const SHARED_LUA = `
  local reshard = KEYS[1]
  local function plan_of()
    local is_json, plan = pcall(cjson.decode, redis.call("HGET", reshard, "${PLAN}") or "")
    return is_json and type(plan) == "table" and plan or {}
  end`;

/**
 * ARGV: plan; numbers of shards before and after. KEYS: the change; digests; presences of the bank that runs and of the
 * other; all keys of the other. A guild's new shard shows what its old one does, where one number divides the other.
 */
const BEGIN = `${SHARED_LUA}
  local phase = plan_of().phase
  if phase and phase ~= "done" and phase ~= "abandoned" then return 0 end
  for i = 1, #KEYS do
    if i ~= 4 then redis.call("DEL", KEYS[i]) end
  end
  redis.call("HSET", reshard, "${PLAN}", ARGV[1])
  local from, to = tonumber(ARGV[2]), tonumber(ARGV[3])
  if to % from ~= 0 and from % to ~= 0 then return 1 end
  local fields = redis.call("HGETALL", KEYS[4])
  for i = 1, #fields, 2 do
    local old = tonumber(fields[i])
    for shard = old or to, to - 1, from do
      if old < from then redis.call("HSET", KEYS[5], shard, fields[i + 1]) end
    end
  end
  return 1`;

/**
 * ARGV: id, phase, the plan in the next phase, that phase. What was told in an earlier try counts no more once another is
 * made. Where the new sessions take over, what other programs read is of them from then on, and so is what a process that
 * starts begins with.
 */
const MOVE = `${SHARED_LUA}
  local plan = plan_of()
  if plan.id ~= ARGV[1] or plan.phase ~= ARGV[2] then return 0 end
  redis.call("HSET", reshard, "${PLAN}", ARGV[3])
  if ARGV[4] == "holding" then redis.call("DEL", KEYS[6]) end
  if ARGV[4] == "taking_over" then
    for i = 2, 4, 2 do
      local own = redis.call("GET", KEYS[i])
      if own then redis.call("SET", KEYS[i + 1], own) end
    end
  end
  return 1`;

/** ARGV: id, member, report. */
const REPORT_IT: Script = {
  keys: [RESHARD_KEY],
  lua: `${SHARED_LUA}
    if plan_of().id == ARGV[1] then redis.call("HSET", reshard, "${REPORT}" .. ARGV[2], ARGV[3]) end`,
};

/** ARGV: id, member, digests. */
function writeDigests(list: DigestList): Script {
  return {
    keys: [RESHARD_KEY, digestsKey(list)],
    lua: `${SHARED_LUA}
      if plan_of().id ~= ARGV[1] then return end
      redis.call("HSET", KEYS[2], ARGV[2], ARGV[3])
      redis.call("EXPIRE", KEYS[2], ${DIGESTS_KEPT_SECONDS})`,
  };
}

export class RedisReshardStore implements ReshardStore {
  readonly #client: RedisClient;

  /** @param client One of the first bank. */
  constructor(client: RedisClient) {
    this.#client = client;
  }

  async read(): Promise<ReshardView | null> {
    const reply = await this.#client.tryCall(["hgetall", RESHARD_KEY]);
    const fields = fieldsOf(reply);
    const plan = readPlan(fields.get(PLAN));
    if (plan === null) return null;
    const reports = new Map<string, ReshardReport>();
    for (const [field, text] of fields) {
      const report = field.startsWith(REPORT) ? readReport(text) : null;
      if (report !== null) reports.set(field.slice(REPORT.length), report);
    }
    return { plan, reports };
  }

  async begin(plan: ReshardPlan): Promise<boolean> {
    const script = {
      lua: BEGIN,
      keys: [
        RESHARD_KEY,
        digestsKey("told"),
        digestsKey("seen"),
        ...[otherBank(plan.bank), plan.bank].map((bank) => keyInBank(OWN_PRESENCES_KEY, bank)),
        ...keysOfBank(plan.bank),
      ],
    };
    return await this.#client.tryRun(script, [planText(plan), plan.from, plan.to]) === 1;
  }

  async move(
    plan: ReshardPlan,
    { to, reason = null }: { readonly to: ReshardPhase; readonly reason?: string | null },
  ): Promise<boolean> {
    const script = {
      lua: MOVE,
      keys: [
        RESHARD_KEY,
        ...[keyInBank(OWN_STARTED_KEY, plan.bank), STARTED_KEY],
        ...[keyInBank(OWN_TOTAL_KEY, plan.bank), TOTAL_KEY],
        digestsKey("told"),
      ],
    };
    const moved = { ...plan, phase: to, reason };
    return await this.#client.tryRun(script, [plan.id, plan.phase, planText(moved), to]) === 1;
  }

  async report(id: string, member: string, report: ReshardReport): Promise<void> {
    await this.#client.tryRun(REPORT_IT, [id, member, reportText(report)]);
  }

  async writeDigests(
    id: string,
    list: DigestList,
    member: string,
    digests: readonly string[],
  ): Promise<void> {
    await this.#client.tryRun(writeDigests(list), [id, member, digests.join(" ")]);
  }

  async readDigests(list: DigestList): Promise<readonly string[]> {
    const reply = await this.#client.tryCall(["hvals", digestsKey(list)]);
    return (reply as readonly Buffer[]).flatMap((text) =>
      text.length === 0 ? [] : text.toString().split(" ")
    );
  }

  async restore(plan: ReshardPlan): Promise<void> {
    await this.#client.tryCall(["hsetnx", RESHARD_KEY, PLAN, planText(plan)]);
  }
}

function fieldsOf(reply: unknown): Map<string, string> {
  return new Map(Object.entries(Object(reply)).map(([field, text]) => [field, String(text)]));
}

function planText({ beganAtMs, ...plan }: ReshardPlan): string {
  return JSON.stringify({ ...plan, began_at: beganAtMs });
}

/** Null for what is none. */
function readPlan(text: string | undefined): ReshardPlan | null {
  const { id, from, to, bank, phase, began_at: beganAtMs, reason, superseded } = objectOf(text);
  const knownBank = BANKS.find((known) => known === bank);
  const knownPhase = RESHARD_PHASES.find((known) => known === phase);
  const isPlan = typeof id === "string" && isShardCount(from) && isShardCount(to) &&
    typeof beganAtMs === "number";
  if (!isPlan || knownBank === undefined || knownPhase === undefined) return null;
  return {
    id,
    from,
    to,
    bank: knownBank,
    phase: knownPhase,
    beganAtMs,
    reason: typeof reason === "string" ? reason : null,
    superseded: Array.isArray(superseded) ? superseded.filter(isShardCount) : [],
  };
}

function reportText(
  { replica, running, ready, obstacle, hasTold, hasSeen, hasEnded }: ReshardReport,
): string {
  return JSON.stringify({ replica, running, ready, obstacle, told: hasTold, seen: hasSeen, ended: hasEnded });
}

function readReport(text: string): ReshardReport | null {
  const { replica, running, ready, obstacle, told, seen, ended } = objectOf(text);
  if (typeof replica !== "string" || typeof running !== "number" || typeof ready !== "number") return null;
  return {
    replica,
    running,
    ready,
    obstacle: typeof obstacle === "string" ? obstacle : null,
    hasTold: told === true,
    hasSeen: seen === true,
    hasEnded: ended === true,
  };
}

function objectOf(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text ?? ""));
  } catch {
    return {};
  }
}
