-- Settles jobs that a worker has; what was put for their keys meanwhile waits on. One that another worker has now is left alone.
-- KEYS[1]  jobs, as in put.lua
-- KEYS[2]  due, as in put.lua
-- KEYS[3]  looks, as in put.lua
-- KEYS[4]  taken, as in take.lua
-- KEYS[5]  dead: a sorted set, id -> ms at which it was given up
-- KEYS[6]  letters: a hash, id -> "deadMs sequence tries error"
-- ARGV[1]  dead letters there may be
-- ARGV[2…] for each job: key, ticket, what became of it, with
--            done   upTo, after, as given, 1 for a look or 0
--            held   ms from now, 0, 0
--            failed ms from now, 0, 0: it was tried, and failed
--            dead   tries, error, id: given up, kept as a dead letter
-- Returns  nothing
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for at = 2, #ARGV, 6 do
  local key, ticket, what = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local one, two, three = ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  local job = redis.call('HGET', KEYS[1], key)
  local after, upTo, tries, made, has, rest
  if job then after, upTo, tries, made, has, rest = string.match(job, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$') end
  if has == ticket then
    local id = string.match(ticket, '^[^/]+')
    redis.call('XACK', KEYS[4], 'workers', id)
    redis.call('XDEL', KEYS[4], id)
    local due
    if what == 'done' or what == 'dead' then
      if what == 'dead' then
        redis.call('ZADD', KEYS[5], now, three)
        redis.call('HSET', KEYS[6], three, table.concat({string.format('%.0f', now), upTo, one, two}, ' '))
        for _, old in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1 - ARGV[1])) do
          redis.call('ZREM', KEYS[5], old)
          redis.call('HDEL', KEYS[6], old)
        end
      end
      if rest == '-' then
        redis.call('HDEL', KEYS[1], key)
        if what == 'done' and three == '1' then redis.call('DECR', KEYS[3]) end
      else
        -- What was put with a lower `after` meanwhile was not part of it.
        if what == 'done' and after >= two and after < one then after = one end
        tries = '0'
        made = string.format('%.0f', now)
        due = tonumber(rest)
      end
    else
      due = now + one
      if what == 'failed' then
        tries = string.format('%.0f', tries + 1)
      elseif rest ~= '-' and tonumber(rest) < due then
        due = tonumber(rest)
      end
    end
    if due then
      redis.call('HSET', KEYS[1], key, table.concat({after, upTo, tries, made, '-', '-'}, ' '))
      redis.call('ZADD', KEYS[2], due, key)
    end
  end
end
