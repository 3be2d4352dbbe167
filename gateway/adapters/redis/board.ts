/**
 * The board in Redis.
 *
 * @module
 */
import type { Board, ShardEntry } from "../../resume/board.ts";
import type { RedisClient, Script } from "./client.ts";
import {
  OWN_POINTS_KEY,
  OWN_STARTED_KEY,
  OWN_STATUSES_KEY,
  OWN_TOTAL_KEY,
  SESSIONS_KEY,
  STARTED_KEY,
  STATUSES_KEY,
  TOTAL_KEY,
} from "./keys.ts";
import { timestampText } from "./timestamp.ts";

/**
 * Stores the entries given as (shard, text) behind the first argument, and where that is "yes" writes what others read from
 * everything stored. On the server, because
 * it describes the shards of all processes, and so that no two of them write it from different moments. What is not
 * of a shard below the total, and what is garbage, is left out. cjson writes numbers with 14 digits and an empty object
 * as an array, so the JSON is put together here. Returns 0 where our own keys are gone: Redis was emptied.
 */
const PUBLISH: Script = {
  keys: [
    ...[OWN_POINTS_KEY, OWN_STATUSES_KEY, OWN_STARTED_KEY, OWN_TOTAL_KEY],
    ...[SESSIONS_KEY, STATUSES_KEY, STARTED_KEY, TOTAL_KEY],
  ],
  lua: `
    local points, statuses, own_started, own_total, sessions, board, started, total = unpack(KEYS)
    for i = 2, #ARGV, 2 do
      redis.call("HSET", statuses, ARGV[i], ARGV[i + 1])
    end

    local total_text = redis.call("GET", own_total)
    if ARGV[1] ~= "yes" then return total_text and 1 or 0 end
    local shards = total_text and tonumber(total_text) or math.huge

    local function each_by_shard(hash, use)
      local fields = redis.call("HGETALL", hash)
      local found, texts = {}, {}
      for i = 1, #fields, 2 do
        local shard = tonumber(fields[i])
        if shard and shard >= 0 and shard < shards and string.format("%.0f", shard) == fields[i] then
          found[#found + 1] = shard
          texts[shard] = fields[i + 1]
        end
      end
      table.sort(found)
      for _, shard in ipairs(found) do
        local is_json, value = pcall(cjson.decode, texts[shard])
        if is_json and type(value) == "table" then use(shard, value, texts[shard]) end
      end
    end

    local function quoted(text)
      return (string.gsub(cjson.encode(text), "\\\\/", "/"))
    end

    local session_texts = {}
    each_by_shard(points, function(shard, point)
      local id, sequence, url = point.session_id, point.sequence, point.resume_gateway_url
      if type(id) ~= "string" or type(sequence) ~= "number" then return end
      if not (sequence >= 0 and sequence <= 9007199254740991) then return end
      local text = string.format('"%.0f":{"session_id":%s,"sequence":%.0f', shard, quoted(id), sequence)
      if type(url) == "string" then text = text .. ',"resume_gateway_url":' .. quoted(url) end
      session_texts[#session_texts + 1] = text .. "}"
    end)

    local status_texts = {}
    each_by_shard(statuses, function(shard, status, text)
      if status.shard == shard then status_texts[#status_texts + 1] = text end
    end)

    redis.call("SET", sessions, "{" .. table.concat(session_texts, ",") .. "}")
    redis.call("SET", board, "[" .. table.concat(status_texts, ",") .. "]")
    local started_text = redis.call("GET", own_started)
    if started_text then redis.call("SET", started, started_text) end
    if total_text then redis.call("SET", total, total_text) end
    return total_text and 1 or 0`,
};

/** Keeps each shard's entry in a hash, so that a process sends only what moved. */
export class RedisBoard implements Board {
  readonly #client: RedisClient;
  /** What this process has published last, for a Redis that comes back empty. */
  readonly #published = new Map<number, ShardEntry>();
  #isAllDue = false;

  constructor(client: RedisClient) {
    this.#client = client;
    client.onReady(() => this.#isAllDue = true);
  }

  async publish(changed: readonly ShardEntry[], composes: boolean): Promise<void> {
    for (const entry of changed) this.#published.set(entry.shard, entry);
    const due = this.#isAllDue ? [...this.#published.values()] : changed;
    this.#isAllDue = false;
    const entries = due.flatMap((entry) => [entry.shard, entryText(entry)]);
    const found = await this.#client.run(PUBLISH, [composes ? "yes" : "no", ...entries]);
    if (found === 0) this.#isAllDue = true;
  }
}

/** One entry of `gateway_statuses`, as others read it. */
function entryText(entry: ShardEntry): string {
  return JSON.stringify({
    shard: entry.shard,
    status: entry.status,
    latency: Math.round(entry.latencyMs),
    last_ack: timestampText(entry.lastAckAtMs),
    session: entry.session,
  });
}
