--[[
  verify: judge a code or a token, and use its challenge up if it is right; or inspect a token, which changes nothing.

  KEYS[1]  record      hash, see common.lua

  ARGV[1]  id          of this call
  ARGV[2]  scope       of the challenge
  ARGV[3]  kind        'c' code, 't' token
  ARGV[4]  mode        'v' verify, 'i' inspect
  ARGV[5]  counts      see issue.lua; of limits guess limits only, and none for a token
  ARGV[6]  candidates  digests of 16 bytes, one for each key of the ring and request
  ARGV[7]  rates       of the guess limits; see gcra
  ARGV[8]  group       of the call, 12 bytes; '' for none
  ARGV[9+] the fields of the guess limits

  Reply {id, status, ...}
    OK         id of the issue, time of issue, which candidate matched, sealed part or '', id of the call that used it,
               1 if that was another sending of the group
    MISMATCH   attempts left, ms until the next guess is evaluated (0: now)
    NOT_FOUND  nothing live; of a token, no such one
    USED       the challenge was used before
    EXHAUSTED  no attempts left
    LOCKED     a guess limit is empty: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes

  Invariant: of all calls between two undos one is answered OK, and so are its repeats, and for 60 s the other sendings of
  its group. A wrong code that is evaluated is charged in the same step, once. Writes only to a record that exists.
]]
local id, scope, kind, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local counts, candidates, rates, group = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local keep, attempts, _, limits = byte(counts, 1, 4)

local now = clock()
local values = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w', 'f', scope .. '1', unpack(ARGV, 9, 8 + limits))
local used, used_at, used_group, used_call, undone = use(values[1])
local marks, failures = values[2] or '', whole(values[3])
local older = keep > 1 and slots(scope, 2)

-- The newest secret of this kind that a candidate matches, a live one before a dead one. All candidates are looked at, and
-- the salted digests of the first slot kept: the time of a refusal, which is free, does not tell right from wrong.
local live, right, match, at, key, newest = false, false, nil, nil, nil, {}
for i = 1, keep do
  local slot = i == 1 and values[4] or older and older[i - 1]
  local found = slot and find(slot, kind)
  if found or slot and i == 1 and kind == 'c' then
    local alive = found and now < ends(slot, found, now)
    local digest = found and sub(slot, found + 5, found + 20)
    live = live or alive
    for k = 1, #candidates, DIGEST do
      local candidate = sub(candidates, k, k + DIGEST - 1)
      if kind == 'c' then
        local salt = salted(sub(slot, 1, ID), candidate)
        if i == 1 then newest[#newest + 1] = salt end
        candidate = sub(salt, 1, DIGEST)
      end
      if candidate == digest and not right and (alive or not match) then
        right, match, at, key = alive, slot, found, (k + DIGEST - 1) / DIGEST
      end
    end
  end
end

if undone == id then return {id, NOT_FOUND} end
local mine = used and used_call == id
local sent = used and not mine and group ~= '' and used_group == group and math.abs(now - used_at) <= REPEATS
local again = match and (mine or sent)
local count
if not again then
  if kind == 'c' then
    count = marked(values[2])
    local wait = gcra(nil, values, 5, 9, rates, 0, limits, now)
    local known = false
    for k = 1, #newest do
      local its = mark(newest[k])
      for i = 1, #marks, 4 do known = known or sub(marks, i, i + 3) == its end
    end
    if known and not right then return {id, MISMATCH, math.max(0, attempts - count), wait} end
    if failures >= DISABLED_AT then return {id, DISABLED} end
    if wait > 0 then return {id, LOCKED, wait} end
    if not live then return {id, NOT_FOUND} end
  elseif not right then
    return {id, NOT_FOUND}
  end
  if used then return {id, USED} end
  if kind == 'c' and count >= attempts then return {id, EXHAUSTED} end
end

-- Up to here a right code costs what a wrong one does.
local set, last, reply = {'HSET', KEYS[1]}, 0, nil
if again or right then
  local sealed = ''
  local names = pieces({}, scope, match)
  if #names > 0 then
    local parts = call('HMGET', KEYS[1], unpack(names))
    for i = 1, #names do
      if not parts[i] or parts[i] == '' then damaged('sealed part') end
      sealed = sealed .. parts[i]
    end
  end
  reply = {id, OK, sub(match, 1, ID), issued_at(match), key, sealed, again and used_call or id, sent and 1 or 0}
  if mode == 'i' then return reply end
  -- A repeat writes the use again, so that a WAIT after this copy of the command covers it. Another sending makes it one
  -- that cannot be undone: whoever sent it may act on the answer.
  local text = values[1]
  if sent then
    text = 'r' .. sub(text, 2)
  elseif not mine then
    text = 'u' .. six(now) .. (group == '' and NONE or group) .. id .. (undone or NONE)
    if failures > 0 then set[5], set[6] = 'f', '0' end
  end
  set[3], set[4] = scope .. 'u', text
  if group ~= '' then last = now + REPEATS + 1 end -- the last repeat may come after exactly that time
else
  local _, next, latest = gcra(set, values, 5, 9, rates, 0, limits, now)
  local size = #set
  set[size + 1], set[size + 2] = scope .. 'w', marks .. mark(newest[1] or damaged('slot'))
  set[size + 3], set[size + 4] = 'f', failures + 1
  last = failures + 1 >= DISABLED_AT and now + DISABLED_FOR or latest
  reply = {id, MISMATCH, attempts - count - 1, next}
end

-- Right and wrong are written by the same commands: if Redis refuses one of them, the refusal does not tell them apart.
local life = call('PTTL', KEYS[1])
call(unpack(set))
keep_until(last, life, now)
return reply
