-- Pins a comment that is kept, or none, and tells the nodes.
-- KEYS[1]  state, as in publish.lua
-- KEYS[2]  kept, as in publish.lua
-- ARGV[1]  number; 0 = none is pinned from now on
-- ARGV[2]  channel of sharded pub/sub
-- ARGV[3]  the event
-- Returns  1 = it is as asked for
if ARGV[1] == '0' then
  redis.call('HDEL', KEYS[1], 'pinned', 'pin')
else
  local last, keep, forMs, pinned, pin = unpack(redis.call('HMGET', KEYS[1], 'last', 'keep', 'for', 'pinned', 'pin'))
  if not keep then return 0 end
  local time = redis.call('TIME')
  local horizon = time[1] * 1000 + math.floor(time[2] / 1000) - forMs
  local value = ARGV[1] + 0 > last - keep and redis.call('HGET', KEYS[2], ARGV[1])
  if not value or struct.unpack('>I8', value) <= horizon then value = pinned == ARGV[1] and pin end
  if not value then return 0 end
  -- The seventh field says that it is deleted.
  local _, comment = cmsgpack.unpack_one(value, 8)
  if comment[7] then return 0 end
  redis.call('HSET', KEYS[1], 'pinned', ARGV[1], 'pin', value)
end
redis.call('SPUBLISH', ARGV[2], ARGV[3])
return 1
