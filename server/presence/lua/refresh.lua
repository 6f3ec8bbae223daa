-- Lets leases of a node hold on. One that is over stays over: others may have said already that its sessions are gone.
-- KEYS[1]  leases, as in acquire.lua
-- KEYS[2]  nodes, as in acquire.lua
-- ARGV[1]  ms for which they hold from now
-- ARGV[2]  node
-- ARGV[3]  its address for other nodes
-- ARGV[4]  its newest lease; others may follow
-- Returns  {1 = another process has a newer lease in the name of this node, then for each lease 1 = it holds}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local start = string.match(ARGV[4], '%d+$')
local known = redis.call('HGET', KEYS[2], ARGV[2])
local newer = known and tonumber(string.match(known, '^%d+')) > tonumber(start)
local result = {newer and 1 or 0}
for index = 4, #ARGV do
  local over = redis.call('ZSCORE', KEYS[1], ARGV[index])
  if over and tonumber(over) > now then
    redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[index])
    result[#result + 1] = 1
  else
    result[#result + 1] = 0
  end
end
if not known and result[2] == 1 then redis.call('HSET', KEYS[2], ARGV[2], start .. ' ' .. ARGV[3]) end
return result
