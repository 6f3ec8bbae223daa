-- Since when this Redis keeps what it was told. A mark that is missing is made: all that was kept with it is gone.
-- KEYS[1]  mark: ms by Redis when it was made
-- Returns  {when it was made, ms since}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local made = redis.call('GET', KEYS[1])
if not made then
  made = string.format('%.0f', now)
  redis.call('SET', KEYS[1], made)
end
return {tonumber(made), now - made}
