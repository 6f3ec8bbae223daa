-- Lists dead letters of one shard, newest first, and forgets those that are too old.
-- KEYS[1]  jobs, as in put.lua
-- KEYS[2]  looks, as in put.lua
-- KEYS[3]  dead, as in settle.lua
-- KEYS[4]  letters, as in settle.lua
-- ARGV[1]  letters to give at most
-- ARGV[2]  ms for which they are kept
-- ARGV[3]  below which: deadMs, or '+inf'
-- ARGV[4]  and among those of that ms, below which id
-- Returns  jobs, looks and dead letters in all, then for each letter its id and "deadMs sequence tries error"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, old in ipairs(redis.call('ZRANGE', KEYS[3], '-inf', now - ARGV[2], 'BYSCORE', 'LIMIT', 0, 1000)) do
  redis.call('ZREM', KEYS[3], old)
  redis.call('HDEL', KEYS[4], old)
end
local looks = tonumber(redis.call('GET', KEYS[2]) or 0)
local given = {redis.call('HLEN', KEYS[1]), looks, redis.call('ZCARD', KEYS[3])}
local limit = tonumber(ARGV[1])
local skipped = 0
while limit > 0 do
  local ids = redis.call('ZRANGE', KEYS[3], ARGV[3], '-inf', 'BYSCORE', 'REV', 'LIMIT', skipped, limit)
  for _, id in ipairs(ids) do
    local letter = redis.call('HGET', KEYS[4], id)
    if limit > 0 and (string.match(letter, '^%S+') ~= ARGV[3] or id < ARGV[4]) then
      given[#given + 1] = id
      given[#given + 1] = letter
      limit = limit - 1
    end
  end
  skipped = skipped + #ids
  if #ids == 0 then limit = 0 end
end
return given
