--[[
  unlock: forget failures, guess limits and send limits. Secrets stay, and so do the attempts they have left.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of this call

  Reply {id, status}
    OK  nothing is locked, throttled or disabled

  Invariant: one command writes, so that all is forgotten or nothing.
]]
local id = ARGV[1]

local _, _, forgotten, own = survey()
for _, name in ipairs(own) do
  if string.find(name, UNLOCKED) then forgotten[#forgotten + 1] = name end
end
if #forgotten > 0 then call('HDEL', KEYS[1], unpack(forgotten)) end
return {id, OK}
