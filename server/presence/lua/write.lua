-- Writes what a node says of one of its sessions, unless something later was written.
-- KEYS[1]  rows of the user: a hash, session id -> "version state lease at start device"
-- ARGV[1]  session id
-- ARGV[2]  version: the node counts what it says of the session; only a greater one than the row's is written
-- ARGV[3]  open, closing (counts as there until the node says that it has gone) or gone
-- ARGV[4]  lease of the node
-- ARGV[5]  start of the session as its node says, wall ms
-- ARGV[6]  device id
-- ARGV[7]  last heartbeat, wall ms; 0 = not over yet
-- ARGV[8]  ms for which what has gone is remembered: longer than a write may be late
-- Returns  {1 = written, lease of the row if it counted before or '', last seen, lease of each other row that counts ...}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rows = redis.call('HGETALL', KEYS[1])
local own, at, seen, others = '', now, 0, {}
for index = 1, #rows, 2 do
  local session, row = rows[index], rows[index + 1]
  if session == 'seen' then
    seen = tonumber(row)
  else
    local version, state, lease, since = string.match(row, '^(%d+) (%a+) (%S+) (%d+)')
    if session == ARGV[1] then
      if tonumber(version) >= tonumber(ARGV[2]) then return {0, '', 0} end
      if state ~= 'gone' then
        own = lease
        at = tonumber(since)
      end
    elseif state ~= 'gone' then
      others[#others + 1] = lease
    elseif tonumber(since) < now - ARGV[8] then
      redis.call('HDEL', KEYS[1], session)
    end
  end
end
if ARGV[3] == 'gone' then at = now end
local row = string.format('%s %s %s %.0f %s %s', ARGV[2], ARGV[3], ARGV[4], at, ARGV[5], ARGV[6])
redis.call('HSET', KEYS[1], ARGV[1], row)
if tonumber(ARGV[7]) > seen then
  seen = tonumber(ARGV[7])
  redis.call('HSET', KEYS[1], 'seen', ARGV[7])
end
if ARGV[3] == 'gone' and #others == 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[8])
else
  redis.call('PERSIST', KEYS[1])
end
return {1, own, seen, unpack(others)}
