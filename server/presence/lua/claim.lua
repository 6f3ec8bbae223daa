-- Gives one node the task to take a lease that is over out of the rows. Who does not report in time loses it to the next.
-- KEYS[1]  leases, as in acquire.lua
-- KEYS[2]  nodes, as in acquire.lua
-- KEYS[3]  tasks: a sorted set, "lease last-alive" -> ms until which a node has it
-- ARGV[1]  ms for which the task is given
-- ARGV[2]  ms for which leases hold
-- ARGV[3]  the task that the caller has, to keep it; or ''
-- Returns  the task, or nothing
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[3], 'XX', now + ARGV[1], ARGV[3])
  return ARGV[3]
end
local over = redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
local task
if over[1] then
  local node, start = string.match(over[1], '^(.*)@(%d+)$')
  local known = redis.call('HGET', KEYS[2], node)
  if known and string.match(known, '^%d+') == start then redis.call('HDEL', KEYS[2], node) end
  redis.call('ZREM', KEYS[1], over[1])
  task = string.format('%s %.0f', over[1], over[2] - ARGV[2])
else
  task = redis.call('ZRANGE', KEYS[3], '-inf', now, 'BYSCORE', 'LIMIT', 0, 1)[1]
end
if task then redis.call('ZADD', KEYS[3], now + ARGV[1], task) end
return task
