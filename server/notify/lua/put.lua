-- Puts jobs of one shard; each is merged into the one of its key that waits.
-- KEYS[1]  jobs: a hash, key -> "after upTo tries madeMs ticket restMs"; sequences are 16 hex digits; "-" = none
-- KEYS[2]  due: a sorted set, key -> ms at which it is to be given; those that a worker has are not in it
-- KEYS[3]  looks: how many of the jobs are looks
-- KEYS[4…] notified, of one user and thread: a hash, device -> "sequence shown" (shown: nothing, something or waiting); one for each push, in their order
-- ARGV[1]  ms for which notified is kept
-- ARGV[2…] for each job: key, after, upTo, ms from now, 1 for a look or 0, device for a push or '', below how many jobs it is taken
-- Returns  for each job the ms until it is given at the earliest, or -1 when there is no room
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = redis.call('HLEN', KEYS[1])
local results = {}
local nextNotified = 4
for at = 2, #ARGV, 7 do
  local key, after, upTo = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local due, device = now + ARGV[at + 3], ARGV[at + 5]
  local notified
  if device ~= '' then
    notified = KEYS[nextNotified]
    nextNotified = nextNotified + 1
  end
  local job = redis.call('HGET', KEYS[1], key)
  local untried = false
  if job then
    local a, u, tries, made, ticket, rest = string.match(job, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
    untried = ticket == '-' and tries == '0'
    if after < a then a = after end
    if upTo > u then u = upTo end
    if ticket ~= '-' then
      if rest == '-' or due < tonumber(rest) then rest = string.format('%.0f', due) end
      due = tonumber(rest)
    else
      if tries == '0' then redis.call('ZADD', KEYS[2], 'LT', due, key) end
      due = tonumber(redis.call('ZSCORE', KEYS[2], key))
    end
    redis.call('HSET', KEYS[1], key, table.concat({a, u, tries, made, ticket, rest}, ' '))
    results[#results + 1] = math.max(0, due - now)
  elseif count >= tonumber(ARGV[at + 6]) then
    notified = nil
    results[#results + 1] = -1
  else
    count = count + 1
    redis.call('HSET', KEYS[1], key, table.concat({after, upTo, '0', string.format('%.0f', now), '-', '-'}, ' '))
    redis.call('ZADD', KEYS[2], due, key)
    if ARGV[at + 4] == '1' then redis.call('INCR', KEYS[3]) end
    results[#results + 1] = math.max(0, due - now)
  end
  if notified then
    local before, shown = string.match(redis.call('HGET', notified, device) or '', '^(%S+) (%S+)$')
    if not before or before < upTo then
      -- A withdrawal that was not sent gives way to the push: what it was about is still shown.
      local withdraws = redis.call('HEXISTS', KEYS[1], 'withdraw' .. string.sub(key, 5)) == 1
      local waits = not before or (shown == 'nothing' and not withdraws) or (shown == 'waiting' and untried)
      redis.call('HSET', notified, device, upTo .. (waits and ' waiting' or ' something'))
      redis.call('PEXPIRE', notified, ARGV[1])
    end
  end
end
return results
