--[[
  undo: give a used challenge back, because what it was used for did not happen.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of the verify call that used it
  ARGV[2]  scope   of the challenge
  ARGV[3]  issue   id of the issue whose secret was used
  ARGV[4]  keep    slots that count

  Reply {id, status}
    OK         its code or token is live again, now or by an earlier copy of this call, or still
    USED       another call has used the challenge since, or another sending of the group was told of the use
    NOT_FOUND  the issue expired, was replaced, cancelled or revoked

  Invariant: no call but the one that used the challenge gives it back. Writes only to a record that exists.
]]
local id, scope, issue, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4] + 0

local now = clock()
local text = call('HGET', KEYS[1], scope .. 'u')
local used, _, _, used_call = use(text)
local live = false
for i, slot in ipairs(slots(scope, 1)) do
  if slot and i <= keep and sub(slot, 1, ID) == issue then
    find(slot, 'c')
    live = lives(slot, now)
  end
end
if not live then return {id, NOT_FOUND} end
if not used then return {id, OK} end
if used_call ~= id or byte(text) == 114 then return {id, USED} end

call('HSET', KEYS[1], scope .. 'u', 'x' .. six(0) .. NONE .. NONE .. id)
return {id, OK}
