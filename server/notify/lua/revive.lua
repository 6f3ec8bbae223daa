-- Takes a dead letter out, for it to be put again.
-- KEYS[1]  dead, as in settle.lua
-- KEYS[2]  letters, as in settle.lua
-- KEYS[3]  jobs, as in put.lua
-- KEYS[4]  due, as in put.lua
-- ARGV[1]  id
-- ARGV[2]  key of its job
-- Returns  1, or 0 when there is none of this id
local letter = redis.call('HGET', KEYS[2], ARGV[1])
if not letter then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
-- What waits for the key is about more.
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return 1 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local sequence = string.match(letter, '^%S+ (%S+)')
local job = table.concat({string.rep('0', 16), sequence, '0', string.format('%.0f', now), '-', '-'}, ' ')
redis.call('HSET', KEYS[3], ARGV[2], job)
redis.call('ZADD', KEYS[4], now, ARGV[2])
return 1
