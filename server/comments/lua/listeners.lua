-- Takes down how many listeners a node has, and says how many all have.
-- KEYS[1]  listeners: a hash, node -> "count ms"
-- ARGV[1]  ms for which what a node said counts
-- ARGV[2]  node
-- ARGV[3]  its count; 0 = it has left; '' = it only asks
-- Returns  the sum
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[2])
elseif ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[2], string.format('%s %.0f', ARGV[3], now))
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
local said, sum = redis.call('HGETALL', KEYS[1]), 0
for index = 1, #said, 2 do
  local count, ms = string.match(said[index + 1], '^(%d+) (%d+)$')
  if now - ms < tonumber(ARGV[1]) then
    sum = sum + count
  else
    redis.call('HDEL', KEYS[1], said[index])
  end
end
return sum
