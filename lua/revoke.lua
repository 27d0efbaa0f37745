--[[
  revoke: end every issue of all challenges, or one issue (Cancel). What is ended leaves its id in its slot.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of this call
  ARGV[2]  issue   id of the issue to end; '' for all

  Reply {id, status}
    OK  nothing that was issued before verifies, or the one issue does not

  Invariant: ends what was issued before it, by order and not by clock. What is ended is written again, so that a WAIT
  after this call covers it. Where there is no issue nothing is written.
]]
local id, issue = ARGV[1], ARGV[2]

if issue == '' and call('HGET', KEYS[1], 'r') == id then
  call('HSET', KEYS[1], 'r', id)
  return {id, OK}
end

local set, drop = {'HSET', KEYS[1]}, {}
for _, scope in ipairs((survey())) do
  for i, slot in ipairs(slots(scope, 1)) do
    if slot and (issue == '' or sub(slot, 1, 12) == issue) then
      for _, kind in ipairs({'c', 't'}) do
        local at = find(slot, kind)
        if at then pieces(drop, scope, slot, at) end
      end
      set[#set + 1], set[#set + 2] = scope .. i, sub(slot, 1, HEAD)
    end
  end
end
if #set == 2 then return {id, OK} end

if issue == '' then
  set[#set + 1], set[#set + 2] = 'r', id
end
call(unpack(set))
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
return {id, OK}
