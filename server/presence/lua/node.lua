-- Where a node is reached.
-- KEYS[1]  leases, as in acquire.lua
-- KEYS[2]  nodes, as in acquire.lua
-- ARGV[1]  node
-- Returns  its address, or nothing when its newest lease is over
local known = redis.call('HGET', KEYS[2], ARGV[1])
if not known then return nil end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local start, address = string.match(known, '^(%d+) (.*)$')
local over = redis.call('ZSCORE', KEYS[1], ARGV[1] .. '@' .. start)
if over and tonumber(over) > now then return address end
return nil
