-- A user has read a thread: what their devices show of it is to be withdrawn.
-- KEYS[1]  jobs, as in put.lua
-- KEYS[2]  due, as in put.lua
-- KEYS[3]  notified of the user and thread, as in put.lua
-- ARGV[1]  up to which sequence it was read
-- ARGV[2]  the thread
-- ARGV[3]  the user
-- Returns  of how many devices
local notified = redis.call('HGETALL', KEYS[3])
if #notified == 0 then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local withdrawn = 0
for at = 1, #notified, 2 do
  local device = notified[at]
  local sequence, shown = string.match(notified[at + 1], '^(%S+) (%S+)$')
  if shown ~= 'nothing' and sequence <= ARGV[1] then
    redis.call('HSET', KEYS[3], device, sequence .. ' nothing')
    local key = table.concat({'push', ARGV[2], device, ARGV[3]}, ' ')
    local push = shown == 'waiting' and redis.call('HGET', KEYS[1], key)
    local upTo, tries, ticket
    if push then upTo, tries, ticket = string.match(push, '^%S+ (%S+) (%S+) %S+ (%S+)') end
    if push and tries == '0' and ticket == '-' and upTo <= sequence then
      redis.call('HDEL', KEYS[1], key)
      redis.call('ZREM', KEYS[2], key)
    else
      key = table.concat({'withdraw', ARGV[2], device, ARGV[3]}, ' ')
      local job = redis.call('HGET', KEYS[1], key)
      local a, u, n, made, has, rest = string.rep('0', 16), sequence, '0', string.format('%.0f', now), '-', '-'
      if job then
        a, u, n, made, has, rest = string.match(job, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
        if sequence > u then u = sequence end
        if has ~= '-' then rest = string.format('%.0f', now) end
      end
      redis.call('HSET', KEYS[1], key, table.concat({a, u, n, made, has, rest}, ' '))
      if not job then redis.call('ZADD', KEYS[2], now, key) end
      withdrawn = withdrawn + 1
    end
  end
end
return withdrawn
