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
  ARGV[9+] the digests, 16 bytes each; then for each limit its field, interval and capacity

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
local first_limit = 9 + candidates

local now = clock()
local read = {'HMGET', KEYS[1], prefix .. 'u', prefix .. 'w', 'f'}
for slot = 1, keep do read[5 + slot] = prefix .. slot end
for limit = 0, limits - 1 do read[6 + keep + limit] = ARGV[first_limit + 3 * limit] end
local values = call(unpack(read))

local user, wrong, failures = used_by(values[1]), values[2] or '', whole(values[3])
local count = marks(wrong)

local live, match, at, key, right = false, nil, nil, nil, false
for i = 4, 3 + keep do
  local slot = values[i]
  local place = slot and find(slot, kind)
  if place then
    local alive = now < ends(slot, place, now)
    local digest = sub(slot, place + 6, place + 21)
    live = live or alive
    for candidate = 1, candidates do
      if not right and digest == ARGV[8 + candidate] then
        match, at, key, right = slot, place, candidate, alive
      end
    end
  end
end

local function success()
  local sealed = ''
  local names = pieces({}, prefix, match, at)
  if #names > 0 then
    local parts = call('HMGET', KEYS[1], unpack(names))
    for i = 1, #names do
      if not parts[i] then damaged('sealed part') end
    end
    sealed = table.concat(parts)
  end
  return {id, OK, sub(match, 1, 12), issued(match), key, sealed}
end

local mine = user ~= '' and sub(user, 2) == id
if mine and byte(user) == 120 then return {id, NOT_FOUND} end
if mine and match then
  local reply = success()
  -- Written again so that a WAIT after this copy of the command covers the use.
  call('HSET', KEYS[1], prefix .. 'u', user)
  return reply
end

local times, next = {}, 0
local left = math.max(0, attempts - count)
if kind == 'c' then
  local wait
  wait, times, next = check(values, 4 + keep, first_limit, limits, now)
  if not right then
    for candidate = 1, candidates do
      local mark = sub(ARGV[8 + candidate], 1, 4)
      for i = 1, 4 * count, 4 do
        if sub(wrong, i, i + 3) == mark then return {id, MISMATCH, left, wait} end
      end
    end
  end
  if failures >= DISABLED_AT then return {id, DISABLED} end
  if wait > 0 then return {id, LOCKED, wait} end
  if not live then return {id, NOT_FOUND} end
elseif not right then
  return {id, NOT_FOUND}
end
if byte(user) == 117 then return {id, USED} end
if kind == 'c' and left == 0 then return {id, EXHAUSTED} end

local reply = right and success()
if mode == 'i' then return reply end

-- One HSET for right and wrong: if Redis refuses to write, the refusal does not tell them apart.
local life = call('PTTL', KEYS[1])
local last = 0
local set = {'HSET', KEYS[1]}
if right then
  set[3], set[4] = prefix .. 'u', 'u' .. id
  if failures > 0 then set[5], set[6] = 'f', 0 end
else
  set[3], set[4] = prefix .. 'w', wrong .. sub(ARGV[9], 1, 4)
  set[5], set[6] = 'f', failures + 1
  last = charge(set, times, first_limit, now)
  if failures + 1 >= DISABLED_AT then last = now + DISABLED_FOR end
  reply = {id, MISMATCH, left - 1, next}
end
call(unpack(set))
if not right then keep_until(last, life, now) end
return reply
