-- Comments that are kept, ascending by number.
-- KEYS[1]  state, as in publish.lua
-- KEYS[2]  kept, as in publish.lua
-- ARGV[1]  above this number
-- ARGV[2]  below this number; 0 = up to the last
-- ARGV[3]  how many
-- ARGV[4]  1 = the highest ones of the range, 0 = the lowest
-- Returns  for each comment {number, {its fields as server/bus/codec.ts packs them}}
local last, first, keep, forMs = unpack(redis.call('HMGET', KEYS[1], 'last', 'first', 'keep', 'for'))
if not keep then return {} end
local time = redis.call('TIME')
local horizon = time[1] * 1000 + math.floor(time[2] / 1000) - forMs
local low = math.max(ARGV[1] + 1, first, last - keep + 1)
local high = tonumber(last)
if ARGV[2] ~= '0' then high = math.min(high, ARGV[2] - 1) end
local function name(number) return string.format('%.0f', number) end
local function isYoung(value) return value and struct.unpack('>I8', value) > horizon end

-- What is too old has lower numbers than what is not.
if low <= high and not isYoung(redis.call('HGET', KEYS[2], name(low))) then
  local old, young = low, high + 1
  while young - old > 1 do
    local middle = math.floor((old + young) / 2)
    if isYoung(redis.call('HGET', KEYS[2], name(middle))) then young = middle else old = middle end
  end
  low = young
end
if ARGV[4] == '1' then low = math.max(low, high - ARGV[3] + 1) else high = math.min(high, low + ARGV[3] - 1) end
if low > high then return {} end

local numbers = {}
for number = low, high do numbers[#numbers + 1] = name(number) end
local result = {}
for at, value in ipairs(redis.call('HMGET', KEYS[2], unpack(numbers))) do
  if isYoung(value) then
    local _, comment = cmsgpack.unpack_one(value, 8)
    result[#result + 1] = {low + at - 1, comment}
  end
end
return result
