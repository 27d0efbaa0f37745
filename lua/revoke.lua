--[[
  revoke: end every issue of all challenges, or one issue (Cancel), or make a decoy of one (CancelQuietly), or end all and
  take out what they leave behind (Erase). What is ended leaves its id in its slot.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of this call
  ARGV[2]  issue   id of the issue to end; '' for all
  ARGV[3]  mode    'e' end, 'd' make a decoy, unless it was used: then end; 'x' erase
  ARGV[4]  random  16 bytes: what a decoy has instead of digests

  Reply {id, status}
    OK  nothing that was issued before verifies, or the one issue does not

  Invariant: ends what was issued before it, by order and not by clock. What is ended is written again, so that a WAIT
  after this call covers it. Where there is no issue nothing is written.
]]
local id, issue, mode, random = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if issue == '' and call('HGET', KEYS[1], 'r') == id then
  call('HSET', KEYS[1], 'r', id)
  return {id, OK}
end

local set, drop = {'HSET', KEYS[1]}, {}
for _, scope in ipairs((survey())) do
  local quiet = mode == 'd' and not use(call('HGET', KEYS[1], scope .. 'u'))
  for i, slot in ipairs(slots(scope, 1)) do
    if slot and (issue == '' or sub(slot, 1, ID) == issue) then
      find(slot, 'c')
      local left = ended(slot)
      if quiet then
        left = sub(slot, 1, HEAD)
        for at = HEAD + 1, #slot, SECRET do
          -- As if it were a digest of its kind: nobody who sees both can tell.
          local digest = byte(slot, at) == 99 and sub(salted(issue, random), 1, DIGEST) or random
          left = left .. sub(slot, at, at + 4) .. digest
        end
      else
        pieces(drop, scope, slot)
      end
      set[#set + 1], set[#set + 2] = scope .. i, left
    end
  end
  if mode == 'x' then
    for _, name in ipairs({'i', 'u', 'w'}) do drop[#drop + 1] = scope .. name end
  end
end
if #set == 2 then return {id, OK} end

if issue == '' then
  set[#set + 1], set[#set + 2] = 'r', id
end
call(unpack(set))
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
return {id, OK}
