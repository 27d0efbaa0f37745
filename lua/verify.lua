--[[
  verify: judge a code or a token, and use its challenge up if it is right; or inspect a token, which changes nothing.

  KEYS[1]  record      hash, see common.lua

  ARGV[1]  id          of this call
  ARGV[2]  scope       of the challenge
  ARGV[3]  terms       5 bytes, see issue.lua: of limits guess limits only, and none for a token; kind 'c' code or 't' token;
                       mode 'v' verify or 'i' inspect; then the group of the call, 12 bytes, if it is of one
  ARGV[4]  candidates  digests of 16 bytes, one for each key of the ring and request
  ARGV[5]  rates       of the guess limits; see gcra
  ARGV[6+] the fields of the guess limits

  Reply {id, status, ...}
    OK         id of the issue, time of issue, which candidate matched, sealed part or ''; and if it was used before, the
               id of the call that used it, and 1 if that was another sending of the group
    MISMATCH   attempts left, ms until the next guess is evaluated (0: now)
    NOT_FOUND  nothing live; of a token, no such one
    USED       the challenge was used before
    EXHAUSTED  no attempts left
    LOCKED     a guess limit is empty: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes

  Invariant: of all calls between two undos one is answered OK, and so are its repeats, and for 60 s the other sendings of
  its group. A wrong code that is evaluated is charged in the same step, once. Writes only to a record that exists.
]]
local id, scope, terms, candidates, rates = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local keep, attempts, _, limits, _, kind, mode = byte(terms, 1, 7)
local row, group, INSPECT = sub(terms, 5, 5), sub(terms, 8), 105
local other, disabled_at = 'F', DISABLED_AT
if row == 'F' then other, disabled_at = 'f', KNOWN_DISABLED_AT end

-- The mark of a wrong code, out of the salted digests of candidates.
local SALTED = 40
local function mark(salts, at)
  local number, bytes = tonumber(sub(salts, at + 16, at + 23), 16) or damaged('slot'), {}
  for i = 4, 1, -1 do
    bytes[i] = number % 256
    number = (number - bytes[i]) / 256
  end
  return string.char(unpack(bytes))
end

local now = clock()
local values = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w', row, other, scope .. '1', unpack(ARGV, 6, 5 + limits))
local used, used_at, used_group, used_call, undone = use(values[1])
local marks, failures, others = values[2] or '', whole(values[3]), whole(values[4])
local older = keep > 1 and slots(scope, 2)

-- The newest secret of this kind that a candidate matches, a live one before a dead one. All candidates are looked at, and
-- the salted digests of the first slot kept: the time of a refusal, which is free, does not tell right from wrong.
local live, right, match, at, key, newest = false, false, nil, nil, nil, ''
for i = 1, keep do
  local slot = i == 1 and values[5] or older and older[i - 1]
  local found = slot and find(slot, kind)
  if found or slot and i == 1 and kind == CODE then
    local alive = found and now < ends(slot, found, now)
    local digest = found and sub(slot, found + 5, found + 20)
    live = live or alive
    for k = 1, #candidates, DIGEST do
      local candidate = sub(candidates, k, k + DIGEST - 1)
      if kind == CODE then
        local salt = sha1hex(sub(slot, 1, ID) .. candidate)
        if i == 1 then newest = newest .. salt end
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
  if kind == CODE then
    count = marked(values[2])
    local wait = gcra(nil, values, 6, 6, rates, 0, limits, now)
    local known = false
    if values[2] then
      for k = 1, #newest, SALTED do
        local its = mark(newest, k)
        for i = 1, #marks, 4 do known = known or sub(marks, i, i + 3) == its end
      end
    end
    if known and not right then return {id, MISMATCH, math.max(0, attempts - count), wait} end
    if failures >= disabled_at then return {id, DISABLED} end
    if wait > 0 then return {id, LOCKED, wait} end
    if not live then return {id, NOT_FOUND} end
  elseif not right then
    return {id, NOT_FOUND}
  end
  if used then return {id, USED} end
  if kind == CODE and count >= attempts then return {id, EXHAUSTED} end
end

-- Up to here a right code costs what a wrong one does.
local set, last, reply = {'HSET', KEYS[1]}, 0, nil
if again or right then
  local sealed = ''
  if byte(match, 21) > 48 then
    local names = pieces({}, scope, match)
    for _, part in ipairs(call('HMGET', KEYS[1], unpack(names))) do
      if not part or part == '' then damaged('sealed part') end
      sealed = sealed .. part
    end
  end
  reply = {id, OK, sub(match, 1, ID), six_at(match, 13), key, sealed}
  if again then reply[7], reply[8] = used_call, sent and 1 or 0 end
  if mode == INSPECT then return reply end
  -- A repeat writes the use again, so that a WAIT after this copy of the command covers it. Another sending makes it one
  -- that cannot be undone: whoever sent it may act on the answer.
  local text = values[1]
  if sent then
    text = 'r' .. sub(text, 2)
  elseif not mine then
    text = 'u' .. six(now) .. (group == '' and NONE or group) .. id .. (undone or NONE)
  end
  set[3], set[4] = scope .. 'u', text
  if not again then -- whoever it was: a success ends both rows
    if failures > 0 then set[5], set[6] = row, '0' end
    if others > 0 then set[#set + 1], set[#set + 2] = other, '0' end
  end
  if group ~= '' then last = now + REPEATS + 1 end -- the last repeat may come after exactly that time
else
  local _, next, latest = gcra(set, values, 6, 6, rates, 0, limits, now)
  local size = #set
  set[size + 1], set[size + 2] = scope .. 'w', marks .. mark(newest, 1)
  set[size + 3], set[size + 4] = row, failures + 1
  last = failures + 1 >= disabled_at and now + DISABLED_FOR or latest
  reply = {id, MISMATCH, attempts - count - 1, next}
end

-- Right and wrong are written by the same commands: if Redis refuses one of them, the refusal does not tell them apart.
local life = call('PTTL', KEYS[1])
call(unpack(set))
keep_until(last, life, now)
return reply
