--[[
  onceundo: give back the number that a call used, because what it was used for did not happen.

  KEYS[1]  record  hash, see common.lua and numbers.lua

  ARGV[1]  id      of the call that used it
  ARGV[2]  field   of the secret

  Reply {id, status}
    OK         the number is free again, now or by an earlier copy of this call, as far as Redis knows
    USED       another call has used a number of the secret since, or another sending of the group was told of the use
    NOT_FOUND  no use of the secret is remembered

  Invariant: no call but the last one that used the secret gives its number back. Writes only to a record that exists.
]]
local id, field = ARGV[1], ARGV[2]

local text = call('HGET', KEYS[1], field)
local used, _, _, used_call, undone = last_use(text)
if not text then return {id, NOT_FOUND} end
if not used and undone == id then return {id, OK} end
if not used or used_call ~= id or byte(text) == 114 then return {id, USED} end

local before = sub(text, BEFORE, SIZE)
call('HSET', KEYS[1], field, 'x' .. sub(text, 2, 7) .. NONE .. NONE .. id .. before .. before)
return {id, OK}
