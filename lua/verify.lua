--[[
  verify: judge a code or a token, and use its challenge up if it is right; or inspect a token, which changes nothing.

  KEYS[1]  record      hash, see common.lua

  ARGV[1]  id          of this call
  ARGV[2]  scope       of the challenge
  ARGV[3]  kind        'c' code, 't' token
  ARGV[4]  mode        'v' verify, 'i' inspect
  ARGV[5]  counts      see issue.lua; of limits guess limits only, and none for a token
  ARGV[6]  candidates  digests of 16 bytes, one for each key of the ring
  ARGV[7]  rates       of the guess limits; see gcra
  ARGV[8+] the fields of the guess limits

  Reply {id, status, ...}
    OK         id of the issue, time of issue, which candidate matched, sealed part or ''
    MISMATCH   attempts left, ms until the next guess is evaluated (0: now)
    NOT_FOUND  nothing live; of a token, no such one
    USED       the challenge was used before
    EXHAUSTED  no attempts left
    LOCKED     a guess limit is empty: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes

  Invariant: of all calls between two undos one is answered OK, and its repeats are. A wrong code that is evaluated is
  charged in the same step, once. Writes only to a record that exists.
]]
local id, scope, kind, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local counts, candidates, rates = ARGV[5], ARGV[6], ARGV[7]
local keep, attempts, _, limits = byte(counts, 1, 4)

local now = clock()
local values = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w', 'f', scope .. '1', unpack(ARGV, 8, 7 + limits))
local used, marks, failures = state(values[1]), values[2] or '', whole(values[3])
local older = keep > 1 and slots(scope, 2)

-- The newest secret of this kind that a candidate matches, a live one before a dead one.
local live, right, match, at, key = false, false
for i = 1, keep do
  local slot = i == 1 and values[4] or older and older[i - 1]
  local found = slot and find(slot, kind)
  if found then
    local alive = now < ends(slot, found, now)
    live = live or alive
    local digest = sub(slot, found + 6, found + 21)
    for k = 1, #candidates, DIGEST do
      if not right and (alive or not match) and digest == sub(candidates, k, k + DIGEST - 1) then
        right, match, at, key = alive, slot, found, (k + DIGEST - 1) / DIGEST
      end
    end
  end
end

local mine = sub(used, 2) == id
if mine and byte(used) == 120 then return {id, NOT_FOUND} end
local again = mine and match
local count = 0
if not again then
  if kind == 'c' then
    count = marked(values[2])
    local wait = gcra(nil, values, 5, 8, rates, 0, limits, now)
    local known = false
    for i = 1, #marks, 4 do
      for k = 1, #candidates, DIGEST do
        known = known or sub(marks, i, i + 3) == sub(candidates, k, k + 3)
      end
    end
    if known and not right then return {id, MISMATCH, math.max(0, attempts - count), wait} end
    if failures >= DISABLED_AT then return {id, DISABLED} end
    if wait > 0 then return {id, LOCKED, wait} end
    if not live then return {id, NOT_FOUND} end
  elseif not right then
    return {id, NOT_FOUND}
  end
  if byte(used) == 117 then return {id, USED} end
  if kind == 'c' and count >= attempts then return {id, EXHAUSTED} end
end

-- Up to here a right code costs what a wrong one does: the time of a refusal, which is free, does not tell them apart.
local set, last, reply = {'HSET', KEYS[1]}, 0, nil
if again or right then
  local sealed = ''
  if byte(match, at + 1) > 48 then
    local names = pieces({}, scope, match, at)
    local parts = call('HMGET', KEYS[1], unpack(names))
    for i = 1, #names do
      if not parts[i] or parts[i] == '' then damaged('sealed part') end
      sealed = sealed .. parts[i]
    end
  end
  reply = {id, OK, sub(match, 1, 12), issued_at(match), key, sealed}
  if mode == 'i' then return reply end
  -- A repeat writes the use again, so that a WAIT after this copy of the command covers it.
  set[3], set[4] = scope .. 'u', 'u' .. id
  if failures > 0 and not again then set[5], set[6] = 'f', '0' end
else
  local _, next, latest = gcra(set, values, 5, 8, rates, 0, limits, now)
  local size = #set
  set[size + 1], set[size + 2] = scope .. 'w', marks .. sub(candidates, 1, 4)
  set[size + 3], set[size + 4] = 'f', failures + 1
  last = failures + 1 >= DISABLED_AT and now + DISABLED_FOR or latest
  reply = {id, MISMATCH, attempts - count - 1, next}
end

-- Right and wrong are written by the same commands: if Redis refuses one of them, the refusal does not tell them apart.
local life = call('PTTL', KEYS[1])
call(unpack(set))
keep_until(last, life, now)
return reply
