-- Erases the text and the mentions of a comment that is kept or pinned, and tells the nodes.
-- KEYS[1]  state, as in publish.lua
-- KEYS[2]  kept, as in publish.lua
-- ARGV[1]  number
-- ARGV[2]  channel of sharded pub/sub
-- ARGV[3]  start of the event, up to where its epoch follows
-- Returns  1 = it was erased
local state = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'keep', 'for', 'pinned', 'pin')
local epoch, last, keep, forMs, pinned, pin = unpack(state)
if not keep then return 0 end
local time = redis.call('TIME')
local horizon = time[1] * 1000 + math.floor(time[2] / 1000) - forMs
local kept = ARGV[1] + 0 > last - keep and redis.call('HGET', KEYS[2], ARGV[1])
if kept and struct.unpack('>I8', kept) <= horizon then kept = false end
local isPinned = pinned == ARGV[1]
local value = kept or isPinned and pin
if not value then return 0 end

-- Its fields as server/bus/codec.ts packs them: the third is its text, the fifth whom it mentions, the seventh says that it is deleted.
local _, comment = cmsgpack.unpack_one(value, 8)
if comment[7] then return 0 end
comment[3] = ''
comment[5] = {}
comment[7] = true
local erased = string.sub(value, 1, 8) .. cmsgpack.pack(comment)
if kept then redis.call('HSET', KEYS[2], ARGV[1], erased) end
if isPinned then redis.call('HSET', KEYS[1], 'pin', erased) end
local fields = '\207' .. struct.pack('>I8', epoch) .. '\207' .. struct.pack('>I8', ARGV[1])
redis.call('SPUBLISH', ARGV[2], ARGV[3] .. fields)
return 1
