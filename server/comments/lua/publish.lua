-- Numbers a batch of comments, keeps them and publishes those that are new, in one step. Without comments it begins a numbering
-- where there is none.
-- KEYS[1]  state: a hash. epoch; history, of the data of this Redis; last, the last number given; first, the lowest that may be
--          kept; keep and for, the rule of the last batch; second, numbered in it, before it in the second before; pinned, a
--          number, and pin, its value
-- KEYS[2]  kept: a hash, number -> value: ms of its creation (8 bytes), then the comment as server/bus/codec.ts packs it
-- KEYS[3]  ids: a hash, id -> "number ms fingerprint" of comments that are kept
-- KEYS[4]  slow: a sorted set, sender -> ms of their last comment under slow mode
-- ARGV[1]  channel of sharded pub/sub
-- ARGV[2]  start of the event, up to where its epoch follows
-- ARGV[3]  how many are kept
-- ARGV[4]  for how long, ms
-- ARGV[5]  ms after which everything goes when nobody speaks
-- ARGV     from the sixth on, five for each comment: id "client_message_id sender", fingerprint, slow mode in ms or -1 = a repeat only,
--          number that it answers, the comment up to where ms of its creation follow
-- Returns  {epoch, last number given, then for each comment three: outcome, number or ms to wait, ms of its creation}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
local names = {'epoch', 'last', 'first', 'second', 'numbered', 'before', 'pinned'}
local state = redis.call('HMGET', KEYS[1], 'history', unpack(names))
local was = {}
for at, name in ipairs(names) do was[name] = tonumber(state[at + 1] or 0) end
local epoch, last, first = was.epoch, was.last, was.first
if not state[1] then
  epoch, last, first = now, 0, 1
  redis.call('UNLINK', unpack(KEYS))
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'history', history, 'last', last, 'first', first)
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
elseif state[1] ~= history then
  -- A replica was promoted, or the data was read from a disk: numbers may have been given that are not known here.
  epoch = math.max(now, epoch + 1)
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'history', history)
end
if #ARGV == 5 then return {epoch, last} end

local keep, horizon = tonumber(ARGV[3]), now - ARGV[4]
if keep > 0 and redis.call('EXISTS', KEYS[2]) == 0 then first = last + 1 end
local function u64(number) return struct.pack('>I8', number) end
local stamp = u64(now)
local ids = {}
for index = 6, #ARGV, 5 do ids[#ids + 1] = ARGV[index] end
local known = {}
for at, value in ipairs(redis.call('HMGET', KEYS[3], unpack(ids))) do known[ids[at]] = value end
local fresh, spoke, slowest = {}, {}, 0

-- Number, ms and fingerprint of the comment with this id, if it is kept.
local function find(id)
  if not known[id] then return nil end
  local number, ms, fingerprint = string.match(known[id], '^(%d+) (%d+) (.*)$')
  if tonumber(number) > last - keep and tonumber(ms) > horizon then return number, ms, fingerprint end
end

local function senderOf(number)
  local value = tonumber(number) > last - keep and (fresh[number] or redis.call('HGET', KEYS[2], number))
  if not value or struct.unpack('>I8', value) <= horizon then
    value = tonumber(number) == was.pinned and redis.call('HGET', KEYS[1], 'pin')
  end
  if not value then return '' end
  local _, comment = cmsgpack.unpack_one(value, 8)
  return comment[1]
end

-- Ms that the sender has to wait.
local function waitOf(sender, slow)
  if slow == 0 then return 0 end
  slowest = math.max(slowest, slow)
  local passed = now - (spoke[sender] or redis.call('ZSCORE', KEYS[4], sender) or now - slow)
  if passed >= 0 and passed < slow then return slow - passed end
  spoke[sender] = now
  return 0
end

local result, packed, values, named = {epoch, last}, {}, {}, {}
for index = 6, #ARGV, 5 do
  local id, fingerprint, slow, target = unpack(ARGV, index, index + 3)
  local number, ms, other = find(id)
  local isBarred = not number and slow == '-1'
  local wait = (number or isBarred) and 0 or waitOf(string.match(id, '^%S+ (.*)$'), tonumber(slow))
  local answer
  if number then
    answer = {other == fingerprint and 'duplicate' or 'id-reused', tonumber(number), tonumber(ms)}
  elseif isBarred then
    answer = {'unknown', 0, 0}
  elseif wait > 0 then
    answer = {'too-soon', wait, 0}
  else
    local replied = target == '0' and '' or senderOf(target)
    local comment = ARGV[index + 4] .. '\207' .. stamp .. cmsgpack.pack(replied)
    last = last + 1
    number = string.format('%.0f', last)
    fresh[number] = stamp .. comment
    known[id] = string.format('%s %.0f %s', number, now, fingerprint)
    packed[#packed + 1] = comment
    values[#values + 1] = number
    values[#values + 1] = fresh[number]
    named[#named + 1] = id
    named[#named + 1] = known[id]
    answer = {'published', last, now}
  end
  for _, field in ipairs(answer) do result[#result + 1] = field end
end
result[2] = last

if keep == 0 then
  redis.call('UNLINK', KEYS[2], KEYS[3])
  first = last + 1
elseif #packed > 0 then
  redis.call('HSET', KEYS[2], unpack(values))
  redis.call('HSET', KEYS[3], unpack(named))
end
for at = 2, 3 do redis.call('PEXPIRE', KEYS[at], math.min(ARGV[4], ARGV[5])) end

-- Takes away from the oldest on what the rule does not keep, at most so many in one step. An id may be a later comment's by now.
local budget, step, done = #packed + 256, 1, first > last
while not done and budget > 0 do
  local numbers = {}
  -- Those beyond the count, and the first of the others: it is seldom too old.
  for number = first, math.min(last, first + math.min(budget, math.max(step, last - keep - first + 2)) - 1) do
    numbers[#numbers + 1] = string.format('%.0f', number)
  end
  step = step * 4
  local gone, theirs = {}, {}
  for at, value in ipairs(redis.call('HMGET', KEYS[2], unpack(numbers))) do
    done = value and first > last - keep and struct.unpack('>I8', value) > horizon
    if done then break end
    if value then
      local _, comment = cmsgpack.unpack_one(value, 8)
      gone[#gone + 1] = numbers[at]
      theirs[#theirs + 1] = comment[2] .. ' ' .. comment[1]
    end
    first = first + 1
  end
  budget = budget - #numbers
  done = done or first > last
  if #gone > 0 then
    local free = {}
    for at, value in ipairs(redis.call('HMGET', KEYS[3], unpack(theirs))) do
      if value and string.match(value, '^%d+') == gone[at] then free[#free + 1] = theirs[at] end
    end
    redis.call('HDEL', KEYS[2], unpack(gone))
    if #free > 0 then redis.call('HDEL', KEYS[3], unpack(free)) end
  end
end

if slowest > 0 then
  local over = redis.call('ZRANGE', KEYS[4], '-inf', now - slowest, 'BYSCORE', 'LIMIT', 0, 512)
  if #over > 0 then redis.call('ZREM', KEYS[4], unpack(over)) end
  for sender, at in pairs(spoke) do redis.call('ZADD', KEYS[4], at, sender) end
  redis.call('PEXPIRE', KEYS[4], slowest)
end

local second = tonumber(time[1])
local numbered, before = #packed, 0
if was.second == second then
  numbered, before = was.numbered + #packed, was.before
elseif was.second == second - 1 then
  before = was.numbered
end
redis.call('HSET', KEYS[1], 'last', last, 'first', first, 'keep', keep, 'for', ARGV[4],
  'second', second, 'numbered', numbered, 'before', before)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if #packed == 0 then return result end
local fields = {epoch, last - #packed + 1, second, before}
for at, field in ipairs(fields) do fields[at] = '\207' .. u64(field) end
redis.call('SPUBLISH', ARGV[1], ARGV[2] .. table.concat(fields) .. '\220' .. struct.pack('>I2', #packed) .. table.concat(packed))
return result
