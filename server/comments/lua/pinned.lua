-- The comment that is pinned.
-- KEYS[1]  state, as in publish.lua
-- Returns  nothing, or {number, {its fields as server/bus/codec.ts packs them}}
local pinned, pin = unpack(redis.call('HMGET', KEYS[1], 'pinned', 'pin'))
if not pinned then return nil end
local _, comment = cmsgpack.unpack_one(pin, 8)
return {tonumber(pinned), comment}
