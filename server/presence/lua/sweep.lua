-- Takes the rows of a lease that is over from a user. Doing it again changes nothing.
-- KEYS[1]  rows of the user, as in write.lua
-- ARGV[1]  the lease
-- ARGV[2]  wall ms when its node was last known to live: sessions that were open then were last seen there
-- ARGV[3]  ms for which what has gone is remembered
-- Returns  {rows taken, last seen, lease of each row that still counts ...}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rows = redis.call('HGETALL', KEYS[1])
local taken, seen, others = 0, 0, {}
for index = 1, #rows, 2 do
  local session, row = rows[index], rows[index + 1]
  if session == 'seen' then
    seen = math.max(seen, tonumber(row))
  else
    local version, state, lease, _, rest = string.match(row, '^(%d+) (%a+) (%S+) (%d+)(.*)$')
    if state ~= 'gone' and lease == ARGV[1] then
      taken = taken + 1
      if state == 'open' then seen = math.max(seen, tonumber(ARGV[2])) end
      redis.call('HSET', KEYS[1], session, string.format('%s gone %s %.0f%s', version, lease, now, rest))
    elseif state ~= 'gone' then
      others[#others + 1] = lease
    end
  end
end
if taken > 0 then
  redis.call('HSET', KEYS[1], 'seen', string.format('%.0f', seen))
  if #others == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return {taken, seen, unpack(others)}
