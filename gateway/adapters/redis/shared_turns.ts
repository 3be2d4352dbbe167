/**
 * The turns of a fleet in Redis: one hash, and a script for each thing that is done to it. Time is Redis's own, in
 * milliseconds since the epoch. Each script bears a repeat, however late.
 *
 * Fields of the hash: `server`, the run id of the Redis that wrote it; `settled_at`, before which nothing is granted;
 * `epoch`, when counting began; `spent`, how many turns were confirmed since; `arriving`, until when Discord may not
 * have counted each of the latest; and for each shard that keeps its bucket from others `turn:<shard>`: since when,
 * until when, `held`, `confirmed` or `used`, number of buckets, token.
 *
 * @module
 */
import { failureText } from "../../failure.ts";
import {
  type AskedTurns,
  settlingMs,
  type SharedTurn,
  type SharedTurns,
  type TurnOutcome,
  type TurnsAnswer,
  type TurnTimes,
} from "../../identify/shared_turns.ts";
import type { Observer } from "../../observation.ts";
import type { RedisClient } from "./client.ts";
import { IDENTIFY_KEY } from "./keys.ts";

/**
 * What every script begins with. KEYS: the hash; ARGV: {@link timesOf}, then what is its own.
 *
 * A Redis that has another's memory may lack the last second of it. One that has no memory at all is new to the fleet,
 * or has lost it by a restart.
 */
const READ_LUA = `
  local key = KEYS[1]
  local spacing, hold, confirmed, under_way, settling = unpack(ARGV, 1, 5)
  spacing, hold, confirmed = tonumber(spacing), tonumber(hold), tonumber(confirmed)
  under_way, settling = tonumber(under_way), tonumber(settling)
  local time = redis.call("TIME")
  local now = time[1] * 1000 + math.floor(time[2] / 1000)

  local info = redis.pcall("INFO", "server")
  local function of_server(name)
    return type(info) == "string" and string.match(info, name .. ":(%w+)") or ""
  end
  local server, known = of_server("run_id"), redis.call("HGET", key, "server")
  if known ~= server then
    local since = now
    if not known then since = now - 1000 * (tonumber(of_server("uptime_in_seconds")) or 0) end
    redis.call("HSET", key, "server", server, "settled_at", since + settling, "epoch", now, "spent", 0, "arriving", "")
  end

  local epoch, spent, settled_at, arriving_text
  local turns = {}
  local function write(shard)
    local turn = turns[shard]
    local text = table.concat({ turn.from, turn.till, turn.state, turn.concurrency, turn.token }, " ")
    redis.call("HSET", key, "turn:" .. shard, text)
  end
  local fields = redis.call("HGETALL", key)
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    local shard = string.match(name, "^turn:(%d+)$")
    if name == "epoch" then epoch = value
    elseif name == "spent" then spent = tonumber(value)
    elseif name == "settled_at" then settled_at = tonumber(value)
    elseif name == "arriving" then arriving_text = value
    elseif shard then
      local from, till, state, concurrency, token = string.match(value, "^(%d+) (%d+) (%a+) (%d+) (.+)$")
      from, till = tonumber(from), tonumber(till)
      -- Redis's clock was set back: what is left of it counts from now.
      if from and from > now then from, till = now, now + till - from end
      if from and till > now then
        shard = tonumber(shard)
        turns[shard] = { from = from, till = till, state = state, concurrency = tonumber(concurrency), token = token }
      else
        redis.call("HDEL", key, name)
      end
    end
  end

  if settled_at > now + settling then
    settled_at = now + settling
    redis.call("HSET", key, "settled_at", settled_at)
  end

  local arriving = {}
  for at in string.gmatch(arriving_text, "%d+") do
    at = math.min(tonumber(at), now + confirmed + under_way)
    if at > now then table.insert(arriving, at) end
  end`;

/** Own ARGV: number of buckets, what is left by Discord's word, epoch and count of the mark, then shard and token of each. */
const TAKE_LUA = `${READ_LUA}
  if settled_at > now then return { "unsettled", settled_at - now } end
  local concurrency, remaining, mark_epoch, mark_count = unpack(ARGV, 6, 9)
  local mark = { epoch, spent - #arriving }
  if mark_epoch ~= epoch then return { "uncounted", mark } end
  concurrency = tonumber(concurrency)
  local left = tonumber(remaining) - (spent - tonumber(mark_count))
  local out = 0
  for _, turn in pairs(turns) do
    if turn.state == "held" then out = out + 1 end
  end

  -- Of each: 0 where it is taken, -1 where nothing is left, else for how long its bucket is another's.
  local outcomes = {}
  for i = 10, #ARGV, 2 do
    local shard, token, is_own, wait = tonumber(ARGV[i]), ARGV[i + 1], false, 0
    for other, turn in pairs(turns) do
      if turn.token == token then is_own = true
      elseif other % concurrency == shard % concurrency or other % turn.concurrency == shard % turn.concurrency then
        wait = math.max(wait, turn.till - now)
      end
    end
    if is_own then table.insert(outcomes, 0)
    elseif wait > 0 then table.insert(outcomes, wait)
    elseif left - out <= 0 then table.insert(outcomes, -1)
    else
      turns[shard] = { from = now, till = now + hold, state = "held", concurrency = concurrency, token = token }
      write(shard)
      out = out + 1
      table.insert(outcomes, 0)
    end
  end
  return { "counted", mark, left, outcomes }`;

/** Own ARGV: shard and token of each. */
const KEEP_LUA = `${READ_LUA}
  for i = 6, #ARGV, 2 do
    local shard = tonumber(ARGV[i])
    local turn = turns[shard]
    if turn and turn.token == ARGV[i + 1] and turn.state == "held" then
      turn.from, turn.till = now, now + hold
      write(shard)
    end
  end`;

/** Own ARGV: shard, token. Returns 1 where the turn is this one's; it is spent once. */
const CONFIRM_LUA = `${READ_LUA}
  local shard = tonumber(ARGV[6])
  local turn = turns[shard]
  if not turn or turn.token ~= ARGV[7] or turn.state == "used" then return 0 end
  if turn.state == "held" then
    turn.from, turn.till, turn.state = now, now + confirmed + spacing, "confirmed"
    write(shard)
    table.insert(arriving, now + confirmed + under_way)
    redis.call("HSET", key, "spent", spent + 1, "arriving", table.concat(arriving, " "))
  end
  return 1`;

/** Own ARGV: shard, token. */
const USED_LUA = `${READ_LUA}
  local shard = tonumber(ARGV[6])
  local turn = turns[shard]
  if turn and turn.token == ARGV[7] and turn.state == "confirmed" then
    turn.from, turn.till, turn.state = now, now + spacing, "used"
    write(shard)
  end`;

/** Own ARGV: shard, token. */
const GIVE_BACK_LUA = `${READ_LUA}
  local turn = turns[tonumber(ARGV[6])]
  if turn and turn.token == ARGV[7] and turn.state ~= "used" then redis.call("HDEL", key, "turn:" .. ARGV[6]) end`;

/** What {@link TAKE_LUA} returns. */
type TakeReply =
  | ["unsettled", number]
  | ["uncounted", MarkReply]
  | ["counted", MarkReply, number, number[]];
type MarkReply = [epoch: string, count: number];

export interface RedisSharedTurnsOptions {
  readonly member: string;
  readonly times: TurnTimes;
  readonly observe: Observer;
}

/** Nothing is tried again: who asks has other things to do by then. */
export class RedisSharedTurns implements SharedTurns {
  readonly member: string;
  readonly times: TurnTimes;
  readonly #client: RedisClient;
  readonly #observe: Observer;
  readonly #timesSaid: readonly number[];
  /** One line in the log for an outage, however often shards ask meanwhile. */
  #isRefusalSaid = false;

  constructor(client: RedisClient, { member, times, observe }: RedisSharedTurnsOptions) {
    this.#client = client;
    this.member = member;
    this.times = times;
    this.#observe = observe;
    this.#timesSaid = timesOf(times);
  }

  async take({ turns, concurrency, remaining, mark }: AskedTurns): Promise<TurnsAnswer | null> {
    const [epoch = "", count = "0"] = mark?.split("-") ?? [];
    const own = [
      concurrency,
      remaining,
      epoch,
      count,
      ...turns.flatMap(({ shard, token }) => [shard, token]),
    ];
    try {
      const answer = answerOf(await this.#run(TAKE_LUA, own) as TakeReply);
      this.#isRefusalSaid = false;
      return answer;
    } catch (error) {
      if (!this.#isRefusalSaid) this.#observe({ kind: "identify.refused", error: failureText(error) });
      this.#isRefusalSaid = true;
      return null;
    }
  }

  async keep(turns: readonly SharedTurn[]): Promise<void> {
    await this.#try(KEEP_LUA, turns);
  }

  async confirm(turn: SharedTurn): Promise<boolean> {
    return await this.#try(CONFIRM_LUA, [turn]) === 1;
  }

  async used(turn: SharedTurn): Promise<void> {
    await this.#try(USED_LUA, [turn]);
  }

  async giveBack(turn: SharedTurn): Promise<void> {
    await this.#try(GIVE_BACK_LUA, [turn]);
  }

  /** What fails here needs no word of its own: the turn passes on, and whoever takes one next says why it cannot. */
  #try(lua: string, turns: readonly SharedTurn[]): Promise<unknown> {
    return this.#run(lua, turns.flatMap(({ shard, token }) => [shard, token])).catch(() => null);
  }

  #run(lua: string, own: readonly (string | number)[]): Promise<unknown> {
    return this.#client.tryRun({ lua, keys: [IDENTIFY_KEY] }, [...this.#timesSaid, ...own]);
  }
}

function timesOf(times: TurnTimes): readonly number[] {
  return [times.spacingMs, times.holdMs, times.confirmedMs, times.underWayMs, settlingMs(times)];
}

function answerOf(reply: TakeReply): TurnsAnswer {
  switch (reply[0]) {
    case "unsettled":
      return { kind: "unsettled", waitMs: reply[1] };
    case "uncounted":
      return { kind: "uncounted", mark: reply[1].join("-") };
    case "counted": {
      const [, mark, left, outcomes] = reply;
      return { kind: "counted", mark: mark.join("-"), left, outcomes: outcomes.map(outcomeOf) };
    }
  }
}

function outcomeOf(code: number): TurnOutcome {
  if (code === 0) return { kind: "taken" };
  return code < 0 ? { kind: "unaffordable" } : { kind: "busy", waitMs: code };
}
