--[[
  verify: judge a code or a token, and use its challenge up if it is right; or inspect a token, which changes nothing.

  KEYS[1]  record       hash, see common.lua

  ARGV[1]  id           of this call
  ARGV[2]  prefix       of the challenge
  ARGV[3]  kind         'c' code, 't' token
  ARGV[4]  mode         'v' verify, 'i' inspect
  ARGV[5]  keep         slots that count
  ARGV[6]  attempts     wrong codes allowed between two issues
  ARGV[7]  candidates   number of digests, one for each key of the ring
  ARGV[8]  limits       number of guess limits; 0 for a token
  ARGV[9+] the digests, 16 bytes each; the fields of the limits; interval and capacity of each limit

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
local id, prefix, kind, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local keep, attempts, candidates, limits = ARGV[5] + 0, ARGV[6] + 0, ARGV[7] + 0, ARGV[8] + 0
local field = 9 + candidates

local now = clock()
local values = call('HMGET', KEYS[1], prefix .. 'u', prefix .. 'w', 'f', prefix .. '1', unpack(ARGV, field, field + limits - 1))
local used, marks, failures = state(values[1]), values[2] or '', whole(values[3])
local older = keep > 1 and slots(prefix, 2)

-- The newest secret of this kind that a candidate matches, a live one before a dead one.
local live, right, match, at, key = false, false
for i = 1, keep do
  local slot = i == 1 and values[4] or older and older[i - 1]
  local place = slot and find(slot, kind)
  if place then
    local alive = now < ends(slot, place, now)
    live = live or alive
    local digest = sub(slot, place + 6, place + 21)
    for candidate = 1, candidates do
      if not right and (alive or not match) and digest == ARGV[8 + candidate] then
        right, match, at, key = alive, slot, place, candidate
      end
    end
  end
end

local mine = sub(used, 2) == id
if mine and byte(used) == 120 then return {id, NOT_FOUND} end

-- Called for a right secret only: what a refusal cost would tell whether the refused code was right.
local function success()
  local sealed = ''
  if byte(match, at + 1) > 48 then
    local names = pieces({}, prefix, match, at)
    local parts = call('HMGET', KEYS[1], unpack(names))
    for i = 1, #names do
      if not parts[i] or parts[i] == '' then damaged('sealed part') end
      sealed = sealed .. parts[i]
    end
  end
  return {id, OK, sub(match, 1, 12), issued(match), key, sealed}
end

if mine and match then
  local reply = success()
  -- Written again, so that a WAIT after this copy of the command covers the use.
  call('HSET', KEYS[1], prefix .. 'u', used)
  return reply
end

local set, last, next, count = {'HSET', KEYS[1]}, 0, 0, 0
if kind == 'c' then
  local wait
  count = marked(values[2])
  wait, next, last = check(set, values, 5, field, field + limits, limits, now)
  local known = false
  for i = 1, #marks, 4 do
    for candidate = 1, candidates do
      known = known or sub(marks, i, i + 3) == sub(ARGV[8 + candidate], 1, 4)
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
local reply = right and success()
if mode == 'i' then return reply end

-- Right and wrong are written by the same commands: if Redis refuses one of them, the refusal does not tell them apart.
local life = call('PTTL', KEYS[1])
if right then
  set, last = {'HSET', KEYS[1], prefix .. 'u', 'u' .. id}, 0
  if failures > 0 then set[5], set[6] = 'f', '0' end
else
  local size = #set
  set[size + 1], set[size + 2] = prefix .. 'w', marks .. sub(ARGV[9], 1, 4)
  set[size + 3], set[size + 4] = 'f', failures + 1
  if failures + 1 >= DISABLED_AT then last = now + DISABLED_FOR end
  reply = {id, MISMATCH, attempts - count - 1, next}
end
call(unpack(set))
keep_until(last, life, now)
return reply
