-- Gives a node a new lease: "node@start", start in us by Redis, later than that of any other lease of the node.
-- KEYS[1]  leases: a sorted set, lease -> ms when it is over
-- KEYS[2]  nodes: a hash, node -> "start address" of its newest lease
-- ARGV[1]  node
-- ARGV[2]  its address for other nodes
-- ARGV[3]  ms for which the lease holds
-- Returns  the lease
local time = redis.call('TIME')
local start = time[1] * 1000000 + time[2]
local now = math.floor(start / 1000)
local known = redis.call('HGET', KEYS[2], ARGV[1])
if known then start = math.max(start, string.match(known, '^%d+') + 1) end
local lease = string.format('%s@%.0f', ARGV[1], start)
redis.call('ZADD', KEYS[1], now + ARGV[3], lease)
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f %s', start, ARGV[2]))
return lease
