/**
 * The figures in Redis.
 *
 * @module
 */
import type { Figures, FiguresStore } from "../../figures/store.ts";
import type { RedisClient, Script } from "./client.ts";
import {
  detailsText,
  type EntryFields,
  latencyFields,
  lifeFields,
  rejectedFields,
  replicaText,
  secondFields,
} from "./figures_text.ts";
import { DETAILS_KEY, historyKey, latenciesKey, lifeKey, REJECTED_KEY, REPLICAS_KEY } from "./keys.ts";

/** A quarter of an hour. */
const HISTORY_ENTRIES = 900;
/** A process that is gone leaves its history for so long. */
const HISTORY_SECONDS = 3_600;
/**
 * A shard that is not there any more leaves its life and its latencies for so long: up to 19 kB, of each that there ever
 * was. One that is there adds a latency with every heartbeat, and a week without an entry in its life has nothing to show.
 */
const SHARD_SECONDS = 7 * 24 * 3_600;
const LIFE_ENTRIES = 100;
/** At Discord's heartbeat interval nearly three hours. */
const LATENCY_ENTRIES = 240;
const REJECTED_ENTRIES = 200;

/**
 * KEYS: replicas, history of the process that asks; ARGV: its name, time before which another was last heard. What
 * cannot be read is no process.
 */
const FORGET_LUA = `
  local replicas, own_history = KEYS[1], KEYS[2]
  local own, heard_before = ARGV[1], tonumber(ARGV[2])
  local histories = string.sub(own_history, 1, -#own - 1)
  local fields = redis.call("HGETALL", replicas)
  for i = 1, #fields, 2 do
    local name = fields[i]
    local is_json, entry = pcall(cjson.decode, fields[i + 1])
    local heard = is_json and type(entry) == "table" and tonumber(entry.heard_at)
    if name ~= own and not (heard and heard >= heard_before) then
      redis.call("HDEL", replicas, name)
      redis.call("DEL", histories .. name)
    end
  end`;

/**
 * KEYS: replicas, details, then a stream for each entry; ARGV: name and text of the process, number of all shards (0: not
 * known), number of details and each as (shard, text), then each entry as (most entries, seconds that its stream is to
 * live from now (0: for ever), id, number of fields and values, those). Where there are more details than shards, those
 * that are of no shard are deleted. What cannot be written under one key does not keep the rest from being written; the
 * first such refusal is returned. An id carries the time of what happened; where another process has written a later
 * one already, it is the server's.
 */
const WRITE_LUA = `
  local refusal = false
  local function try(command, key, ...)
    local reply = redis.pcall(command, key, ...)
    local refused = type(reply) == "table" and reply.err
    if refused and not refusal then refusal = key .. ": " .. refused end
  end

  try("HSET", KEYS[1], ARGV[1], ARGV[2])
  local total, at = tonumber(ARGV[3]), 5
  for i = 1, tonumber(ARGV[4]) do
    try("HSET", KEYS[2], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  local count = redis.pcall("HLEN", KEYS[2])
  if total > 0 and type(count) == "number" and count > total then
    for _, name in ipairs(redis.call("HKEYS", KEYS[2])) do
      if not (string.find(name, "^%d+$") and tonumber(name) < total) then redis.call("HDEL", KEYS[2], name) end
    end
  end

  for i = 3, #KEYS do
    local key, most, seconds, id = KEYS[i], ARGV[at], ARGV[at + 1], ARGV[at + 2]
    local first, last = at + 4, at + 3 + tonumber(ARGV[at + 3])
    local added = redis.pcall("XADD", key, "MAXLEN", most, id, unpack(ARGV, first, last))
    if type(added) == "table" and added.err then
      try("XADD", key, "MAXLEN", most, "*", unpack(ARGV, first, last))
    end
    if seconds ~= "0" then try("EXPIRE", key, seconds) end
    at = last + 1
  end
  return refusal`;

/** One entry of a stream. */
interface Entry {
  readonly key: string;
  readonly most: number;
  /** After which the stream is gone if nothing is added to it; 0: never. */
  readonly seconds: number;
  readonly atMs: number;
  readonly fields: EntryFields;
}

/** One script a second, whatever there is to write. */
export class RedisFiguresStore implements FiguresStore {
  readonly #client: RedisClient;

  constructor(client: RedisClient) {
    this.#client = client;
  }

  async forgetReplicas(name: string, heardBeforeMs: number): Promise<void> {
    const script: Script = { lua: FORGET_LUA, keys: [REPLICAS_KEY, historyKey(name)] };
    await this.#client.tryRun(script, [name, heardBeforeMs]);
  }

  async write(figures: Figures): Promise<void> {
    const { replica, details } = figures;
    const entries = entriesOf(figures);
    const script: Script = {
      lua: WRITE_LUA,
      keys: [REPLICAS_KEY, DETAILS_KEY, ...entries.map(({ key }) => key)],
    };
    const refusal = await this.#client.tryRun(script, [
      ...[replica.name, replicaText(replica), replica.total ?? 0],
      ...[details.size, ...[...details].flatMap(([shard, told]) => [shard, detailsText(told)])],
      // Numbered, because more than one thing may happen within a millisecond.
      ...entries.flatMap(({ most, seconds, atMs, fields }, number) => [
        most,
        seconds,
        `${atMs}-${number}`,
        fields.length,
        ...fields,
      ]),
    ]);
    if (typeof refusal === "string") throw new Error(refusal);
  }
}

function entriesOf({ replica, second, life, latencies, rejected }: Figures): Entry[] {
  const history: Entry[] = second === null ? [] : [{
    key: historyKey(replica.name),
    most: HISTORY_ENTRIES,
    seconds: HISTORY_SECONDS,
    atMs: replica.heardAtMs,
    fields: secondFields(second),
  }];
  return [
    ...history,
    ...life.map((event) => ({
      key: lifeKey(event.shard),
      most: LIFE_ENTRIES,
      seconds: SHARD_SECONDS,
      atMs: event.atMs,
      fields: lifeFields(event),
    })),
    ...latencies.map((latency) => ({
      key: latenciesKey(latency.shard),
      most: LATENCY_ENTRIES,
      seconds: SHARD_SECONDS,
      atMs: latency.atMs,
      fields: latencyFields(latency),
    })),
    ...rejected.map((command) => ({
      key: REJECTED_KEY,
      most: REJECTED_ENTRIES,
      seconds: 0,
      atMs: command.atMs,
      fields: rejectedFields(command),
    })),
  ];
}
