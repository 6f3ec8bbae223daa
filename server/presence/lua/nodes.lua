-- The nodes that live, and where each is reached.
-- KEYS[1]  leases, as in acquire.lua
-- KEYS[2]  nodes, as in acquire.lua
-- Returns  {node, its address, ...} of those whose newest lease holds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local result = {}
for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'BYSCORE')) do
  local node, start = string.match(lease, '^(.*)@(%d+)$')
  local known = redis.call('HGET', KEYS[2], node)
  if known then
    local newest, address = string.match(known, '^(%d+) (.*)$')
    if newest == start then
      result[#result + 1] = node
      result[#result + 1] = address
    end
  end
end
return result
