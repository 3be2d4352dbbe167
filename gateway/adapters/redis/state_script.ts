/**
 * What the state cache has Redis do, in Lua: keys, and the sets that name them, are never seen apart from each other.
 *
 * Names of sets, and which a key stands in, are those of the wire contract (State cache). A key of a kind that may expire
 * stands in a sorted set of our own besides, by the time when it does, and an emoji in one of its guild.
 *
 * @module
 */

/** Guilds that are marked. */
export const BEHIND = "gateway:state:behind";

const COMMON = `
local prefix = ARGV[1]
local find, byte, sub, match, gmatch, call = string.find, string.byte, string.sub, string.match, string.gmatch, redis.call
local expiries = prefix .. "gateway:state:expiries"

local now
local function now_ms()
  if not now then
    local time = call("TIME")
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end

local function sets_of(key, group)
  local kind, first = match(key, "^(%a+):(%d+)")
  local sets = { prefix .. kind .. "_keys" }
  if group ~= "-" then sets[2] = prefix .. group end
  if kind == "emoji" then sets[#sets + 1] = prefix .. "gateway:state:emojis:" .. first end
  return sets, kind
end

local function enlist(key, group)
  if key == "bot_user" then return end
  for _, set in ipairs((sets_of(key, group))) do call("SADD", set, prefix .. key) end
end

local function delist(key, group)
  local sets, kind = sets_of(key, group)
  for _, set in ipairs(sets) do call("SREM", set, prefix .. key) end
  if kind == "member" or kind == "message" then call("ZREM", expiries, prefix .. key) end
end
`;

/**
 * Keys: how far sessions are in the cache, by shard; leases. Arguments: the prefix; lines, each of somebody's steps, as words in turn; values, behind each other, of which the words
 * say where they begin and end. Returns for each line what its last `clear` has left, and behind it what each step that
 * wanted it found; or the error that has ended it.
 */
export const APPLY = `${COMMON}
local behind, written_shards, leases = prefix .. "${BEHIND}", KEYS[1], KEYS[2]
local values = ARGV[3]
local olds

local function remember(wants, key)
  if wants == "1" then olds[#olds + 1] = call("GET", prefix .. key) end
end

local function keep(key, group, ttl_ms, value)
  if ttl_ms == "0" then
    call("SET", prefix .. key, value)
  else
    call("SET", prefix .. key, value, "PX", ttl_ms)
    call("ZADD", expiries, now_ms() + ttl_ms, prefix .. key)
  end
  enlist(key, group)
end

local function forget(key, group)
  call("DEL", prefix .. key)
  delist(key, group)
end

-- Index of the quote that ends the string that begins there; nil where none does.
local function string_end(text, at)
  at = find(text, '["\\\\]', at + 1)
  while at and byte(text, at) == 92 do at = find(text, '["\\\\]', at + 2) end
  return at
end

-- Index of the last byte of the value that begins there; nil where it has no end.
local function value_end(text, at)
  local first = byte(text, at)
  if first == 34 then return string_end(text, at) end
  if first ~= 123 and first ~= 91 then
    local behind = find(text, '[%s,}%]]', at)
    return behind and behind - 1
  end
  local depth = 0
  repeat
    local next_byte = byte(text, at)
    if next_byte == 34 then
      at = string_end(text, at)
      if not at then return nil end
    elseif next_byte == 123 or next_byte == 91 then
      depth = depth + 1
    else
      depth = depth - 1
    end
    if depth == 0 then return at end
    at = find(text, '[][{}"]', at + 1)
  until not at
  return nil
end

-- The name in one spelling of the many that escapes allow.
local function plain(name)
  if not find(name, "\\\\", 1, true) then return name end
  local is_decoded, names = pcall(cjson.decode, "[" .. name .. "]")
  return is_decoded and '"' .. names[1] .. '"' or name
end

-- The object with these members, names and values in turn, in place of its own, the others as they stand.
local function merged(text, members)
  -- Name -> where its last value stands among them; false once it is in its place.
  local news, parts = {}, {}
  for i = 1, #members, 2 do news[plain(members[i])] = i + 1 end
  local at = find(text, '["}]', 2)
  while at and byte(text, at) == 34 do
    local name_end = string_end(text, at)
    local name = name_end and sub(text, at, name_end)
    local value_at = name and find(text, "[^%s:]", name_end + 1)
    local stop = value_at and value_end(text, value_at)
    if not stop then return nil end
    local new = news[plain(name)]
    if new then
      parts[#parts + 1] = name .. ":" .. members[new]
      news[plain(name)] = false
    elseif new == nil then
      parts[#parts + 1] = name .. ":" .. sub(text, value_at, stop)
    end
    at = find(text, '["}]', stop + 1)
  end
  for i = 1, #members, 2 do
    if news[plain(members[i])] == i + 1 then parts[#parts + 1] = members[i] .. ":" .. members[i + 1] end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- The channels that a list names, as keys of a table; nil where it says all.
local function channels_in(list)
  if list == "all" then return nil end
  local channels = {}
  for channel in gmatch(list, "%d+") do channels[channel] = true end
  return channels
end

-- Forgets so much of what the set names; before a channel its messages, but for the channels whose messages stay (nil:
-- all). Returns how much more it might have forgotten.
local function clear(group, staying, at_most)
  while at_most > 0 do
    -- Each leaves the set with its key: where a write is refused, the others are still there.
    local names = call("SRANDMEMBER", prefix .. group, at_most)
    if #names == 0 then break end
    for _, name in ipairs(names) do
      local key = sub(name, 1, #prefix) == prefix and match(sub(name, #prefix + 1), "^%a+:%d.*$")
      local channel = staying and key and match(key, "^channel:(%d+)$")
      if channel and not staying[channel] then at_most = clear("channel_keys:" .. channel, nil, at_most) end
      if at_most == 0 then break end
      if key then
        forget(key, group)
      else
        -- Somebody else has put it there, and it is no key of ours.
        call("SREM", prefix .. group, name)
      end
      at_most = at_most - 1
    end
  end
  return at_most
end

local function carry_out(line)
  local word = gmatch(line, "%S+")
  local function value()
    local from, to = word(), word()
    return sub(values, from, to)
  end
  local step = word()
  while step do
    if step == "set" then
      local key, group, ttl_ms, wants = word(), word(), word(), word()
      remember(wants, key)
      keep(key, group, ttl_ms, value())
    elseif step == "merge" then
      local key, group, ttl_ms, wants, members = word(), word(), word(), word(), {}
      for i = 1, tonumber(word()) do members[i] = value() end
      remember(wants, key)
      local text = call("GET", prefix .. key)
      local new = text and merged(text, members)
      if new then keep(key, group, ttl_ms, new) end
    elseif step == "delete" then
      local key, group, wants = word(), word(), word()
      remember(wants, key)
      forget(key, group)
    elseif step == "clear" then
      local group, staying, at_most = word(), word(), word()
      clear(group, channels_in(staying), tonumber(at_most))
      olds[1] = call("SCARD", prefix .. group)
    elseif step == "mark" then
      local command, guild = word(), word()
      call(command, behind, guild)
    elseif step == "fence" then
      local shard, token, member = word(), word(), word()
      local lease = call("HGET", leases, shard)
      if lease and lease ~= token .. " " .. member then error("FENCED another process runs shard " .. shard) end
    elseif step == "written" then
      local shard = word()
      call("HSET", written_shards, shard, value())
    else
      local guild, wants = word(), word()
      for _, name in ipairs(call("SMEMBERS", prefix .. "gateway:state:emojis:" .. guild)) do
        local key = sub(name, #prefix + 1)
        remember(wants, key)
        forget(key, "guild_keys:" .. guild)
      end
    end
    step = word()
  end
end

local replies = {}
for line in gmatch(ARGV[2], "([^\\n]*)\\n") do
  olds = { 0 }
  local is_done, failure = pcall(carry_out, line)
  if is_done then
    replies[#replies + 1] = olds
  else
    -- What a command has answered is a table from Redis 7 on, and a text with its place before that.
    local text = string.gsub(type(failure) == "table" and failure.err or failure, "^ERR ", "")
    -- A fault of ours has none.
    local code = match(text, "%f[%u](%u%u%u+) ") or "ERR"
    -- Keys are on their way to another node of a cluster, or the cluster has just gone down.
    if find(text, " cluster ", 1, true) then code = "TRYAGAIN" end
    replies[#replies + 1] = { err = code .. " " .. string.gsub(text, "^" .. code .. " ", "") }
    -- Redis takes no writes now. It might take some again in this script, and what is written must have no holes.
    if code ~= "WRONGTYPE" and code ~= "ERR" then break end
  end
end
return replies`;

/**
 * Key: any, by which a node of a cluster knows whether the slot is its own before the script has done anything. Arguments:
 * the prefix, and at most how many keys to look at. Takes those that have expired out of their sets. Returns
 * how many it has looked at.
 */
export const SWEEP = `${COMMON}
local names = call("ZRANGEBYSCORE", expiries, "-inf", now_ms(), "LIMIT", 0, ARGV[2])
for _, name in ipairs(names) do
  local ttl_ms = call("PTTL", name)
  if ttl_ms == -2 then
    local key = sub(name, #prefix + 1)
    local kind, first = match(key, "^(%a+):(%d+)")
    delist(key, (kind == "message" and "channel_keys:" or "guild_keys:") .. first)
  elseif ttl_ms == -1 then
    call("ZREM", expiries, name)
  else
    call("ZADD", expiries, now_ms() + ttl_ms, name)
  end
end
return #names`;
