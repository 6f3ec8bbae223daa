-- Forgets what there is of a user in a thread.
-- KEYS[1]  jobs, as in put.lua
-- KEYS[2]  due, as in put.lua
-- KEYS[3]  dead, as in settle.lua
-- KEYS[4]  letters, as in settle.lua
-- KEYS[5]  notified of the user and thread, as in put.lua
-- ARGV     of each job: key, id of its dead letter
-- Returns  nothing
for at = 1, #ARGV, 2 do
  redis.call('HDEL', KEYS[1], ARGV[at])
  redis.call('ZREM', KEYS[2], ARGV[at])
  redis.call('ZREM', KEYS[3], ARGV[at + 1])
  redis.call('HDEL', KEYS[4], ARGV[at + 1])
end
redis.call('DEL', KEYS[5])
