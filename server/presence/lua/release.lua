-- Lets leases of a node end.
-- KEYS[1]  leases, as in acquire.lua
-- ARGV[1]  ms from now when they are over
-- ARGV     from the second on: leases
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for index = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', now + ARGV[1], ARGV[index]) end
