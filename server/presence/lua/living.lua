-- Which leases hold.
-- KEYS[1]  leases, as in acquire.lua
-- ARGV     leases
-- Returns  for each 1 = it holds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {}
for index, over in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(ARGV))) do
  result[index] = over and tonumber(over) > now and 1 or 0
end
return result
