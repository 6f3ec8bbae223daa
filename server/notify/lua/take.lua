-- Gives a worker jobs of one shard: those whose worker has held them for longer than the lease, then those that are due.
-- KEYS[1]  jobs, as in put.lua
-- KEYS[2]  due, as in put.lua
-- KEYS[3]  taken: a stream with the group `workers`, one entry {key} for each job that a worker has
-- ARGV[1]  jobs to give at most
-- ARGV[2]  ms for which a job is a worker's
-- ARGV[3]  names the worker
-- Returns  now in ms, then for each job its key and "after upTo tries madeMs ticket restMs"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit = tonumber(ARGV[1])
local given = {string.format('%.0f', now)}
local function give(id, key)
  local job = redis.call('HGET', KEYS[1], key)
  if not job then
    redis.call('XACK', KEYS[3], 'workers', id)
    redis.call('XDEL', KEYS[3], id)
    return
  end
  local after, upTo, tries, made, _, rest = string.match(job, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  -- Who had it before does not settle it any more.
  job = table.concat({after, upTo, tries, made, id .. '/' .. given[1], rest}, ' ')
  redis.call('HSET', KEYS[1], key, job)
  given[#given + 1] = key
  given[#given + 1] = job
end
local due = redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
if redis.call('EXISTS', KEYS[3]) == 0 then
  if #due == 0 then return given end
  redis.call('XGROUP', 'CREATE', KEYS[3], 'workers', '0', 'MKSTREAM')
end
local claimed = redis.call('XAUTOCLAIM', KEYS[3], 'workers', ARGV[3], ARGV[2], '0-0', 'COUNT', limit)[2]
for _, entry in ipairs(claimed) do give(entry[1], entry[2][2]) end
local room = limit - #claimed
for at = 1, math.min(room, #due) do
  redis.call('ZREM', KEYS[2], due[at])
  redis.call('XADD', KEYS[3], '*', 'key', due[at])
end
if room > 0 and #due > 0 then
  local read = redis.call('XREADGROUP', 'GROUP', 'workers', ARGV[3], 'COUNT', room, 'STREAMS', KEYS[3], '>')
  if read then
    for _, entry in ipairs(read[1][2]) do give(entry[1], entry[2][2]) end
  end
end
return given
