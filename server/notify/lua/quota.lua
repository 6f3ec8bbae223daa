-- What the push service may be sent now, from all nodes together: a bucket of permits.
-- KEYS[1]  quota: a hash with `tokens`, `atMs` when they were counted, `pausedMs` until which there are none
-- ARGV[1]  permits that are wanted
-- ARGV[2]  permits that come in a ms
-- ARGV[3]  permits that the bucket holds
-- ARGV[4]  ms from now on for which there are to be none; 0 = nothing is asked of that
-- Returns  permits that are given, and ms after which there are some
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local tokens, at, paused = unpack(redis.call('HMGET', KEYS[1], 'tokens', 'atMs', 'pausedMs'))
paused = tonumber(paused or 0)
if tonumber(ARGV[4]) > 0 then
  paused = math.max(paused, now + ARGV[4])
  redis.call('HSET', KEYS[1], 'pausedMs', string.format('%.3f', paused))
end
if now < paused then return {0, math.ceil(paused - now)} end
local capacity = tonumber(ARGV[3])
tokens = tonumber(tokens or capacity)
if at then tokens = math.min(capacity, tokens + math.max(0, now - at) * ARGV[2]) end
local granted = math.min(tonumber(ARGV[1]), math.floor(tokens))
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - granted), 'atMs', string.format('%.3f', now))
if granted > 0 then return {granted, 0} end
return {0, math.ceil((1 - tokens) / ARGV[2])}
