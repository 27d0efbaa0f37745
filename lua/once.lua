--[[
  once: judge a code whose number may be used once, and use the number up: the time step of an authenticator's code, the
  counter of a hardware token's, the index of a recovery code. The caller has compared what was typed, and brings the
  numbers that match: none for a wrong code.

  KEYS[1]  record   hash, see common.lua and numbers.lua

  ARGV[1]  id       of this call
  ARGV[2]  terms    a byte: number of guess limits; mode 'v' verify, 'c' confirm a new secret, which sets no failures back,
                    or 'f' free: nothing is locked, disabled or charged; then the group of the call, 12 bytes, if it is of one
  ARGV[3]  theirs   the caller's time in ms; '' where no number is a time step
  ARGV[4]  matches  of each number that matches 33 bytes, the one to take first first: field of its secret (18); of time
                    steps period in s, steps back and steps ahead that count (1 each, 0 of others); what the caller's row
                    has used, as in numbers.lua (6); the number (6)
  ARGV[5]  rates    of the guess limits; see gcra
  ARGV[6+] the fields of the guess limits

  Reply {id, status, ...}
    OK         which of the matches was taken, time of the use; and if it was used before, the id of the call that used it, and
               1 if that was another sending of the group
    MISMATCH   wrong codes left that are evaluated now, ms until the next guess is evaluated (0: now)
    NOT_FOUND  this call was undone; in mode 'f', nothing matches
    USED       each number that matches was used before, or is below one that was
    LOCKED     a guess limit is empty: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes
    CLOCK      the caller's clock is more than 90 s from this one: nothing is judged, charged or used

  Invariant: a number is used once, whatever the caller's row says; of all calls between two undos one is answered OK, and so
  are its repeats, and for 60 s the other sendings of its group. What matched is not told unless a wrong code would have
  been charged.
]]
local id, terms, theirs, matches, rates = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limits, mode = byte(terms, 1, 2)
local group = sub(terms, 3)
local CONFIRM, FREE, MATCH, NAME, STEPS, CODES = 99, 102, 33, 18, 116, 114
local SKEW, KEPT_STEPS, KEPT, MOST = 90000, 600000, 30 * 86400000, 16

local names = {unpack(ARGV, 6, 5 + limits)}
for at = 1, #matches, MATCH do names[#names + 1] = sub(matches, at, at + NAME - 1) end
local now = clock()
local life = call('PTTL', KEYS[1])
local values = call('HMGET', KEYS[1], 'f', 'o', unpack(names))
local failures = whole(values[1])

-- How many wrong codes are evaluated until a guess limit is empty or codes are disabled.
local function left()
  local least = DISABLED_AT - failures
  for i = 0, limits - 1 do
    local a, b, c, d, e, f, g, h = byte(rates, 8 * i + 1, 8 * i + 8)
    local step, capacity = ((a * 256 + b) * 256 + c) * 256 + d, ((e * 256 + f) * 256 + g) * 256 + h
    local ahead = math.max(0, whole(values[3 + i]) - now)
    if ahead > capacity then ahead = capacity - step end
    least = math.min(least, floor((capacity - ahead) / step))
  end
  return least
end

local function has(set, index) return floor(set / 2 ^ index) % 2 == 1 end

-- The match that this call used before, the one that another sending of its group did, the first that is free, and whether
-- there is one that is not.
local mine, sent, free, known
for i = 1, #matches / MATCH do
  local at, text = (i - 1) * MATCH, values[2 + limits + i]
  local kind, period, back, ahead = byte(matches, at + 2), byte(matches, at + NAME + 1, at + NAME + 3)
  local row, number = six_at(matches, at + 22), six_at(matches, at + 28)
  local used, used_at, used_group, used_call, undone = last_use(text)
  if undone == id then return {id, NOT_FOUND} end
  local after, before = text and six_at(text, AFTER) or 0, text and six_at(text, BEFORE)
  local its, gone
  if kind == CODES then
    its, gone = has(after, number) and not has(before, number), has(row, number) or has(after, number)
  else
    its, gone = after == number + 1, number < row or number < after
  end
  if used and its and used_call == id then
    mine = mine or i
  elseif used and its and group ~= '' and used_group == group and math.abs(now - used_at) <= REPEATS then
    sent = sent or i
  else
    local step = kind == STEPS and floor(now / 1000 / period)
    if not step or number >= step - back and number <= step + ahead then
      known = known or gone
      if not gone then free = free or i end
    end
  end
end

local again = mine or sent
if not again then
  if mode ~= FREE then
    local wait = gcra(nil, values, 3, 6, rates, 0, limits, now)
    if values[2] == id then return {id, MISMATCH, left(), wait} end
    if failures >= DISABLED_AT then return {id, DISABLED} end
    if wait > 0 then return {id, LOCKED, wait} end
  end
  if theirs ~= '' and math.abs(now - theirs) > SKEW then return {id, CLOCK} end
  if not free and known then return {id, USED} end
  if not free and mode == FREE then return {id, NOT_FOUND} end
end

local set, drop, last, reply = {'HSET', KEYS[1]}, {}
local which = again or free
if which then
  local at, text = (which - 1) * MATCH, values[2 + limits + which]
  local name, kind, number = names[limits + which], byte(matches, at + 2), six_at(matches, at + 28)
  local _, used_at, _, used_call, undone = last_use(text)
  if again then
    -- Written again, so that a WAIT after this copy of the command covers it.
    reply = {id, OK, which, used_at, used_call, sent and not mine and 1 or 0}
    if not mine then text = 'r' .. sub(text, 2) end
  else
    reply = {id, OK, which, now}
    local before = text and six_at(text, AFTER) or 0
    local after = before + 2 ^ number
    if kind ~= CODES then before, after = math.max(before, six_at(matches, at + 22)), number + 1 end
    -- Where the field is new, those go that nothing needs any more, and the oldest of more than 16.
    if not text and life ~= -2 then
      local others = {}
      for _, other in ipairs(call('HKEYS', KEYS[1])) do
        if string.find(other, OF_NUMBERS) then
          local _, since = last_use(call('HGET', KEYS[1], other))
          if now - since > (byte(other, 2) == STEPS and KEPT_STEPS or KEPT) then
            drop[#drop + 1] = other
          else
            others[#others + 1] = {name = other, since = since}
          end
        end
      end
      table.sort(others, function(a, b) return a.since > b.since end)
      for i = MOST, #others do drop[#drop + 1] = others[i].name end
    end
    text = 'u' .. six(now) .. (group == '' and NONE or group) .. id .. (undone or NONE) .. six(after) .. six(before)
    if failures > 0 and mode ~= FREE and mode ~= CONFIRM then set[5], set[6] = 'f', '0' end
  end
  set[3], set[4] = name, text
  last = (again and used_at or now) + (kind == STEPS and KEPT_STEPS or KEPT)
else
  local _, next, latest = gcra(set, values, 3, 6, rates, 0, limits, now)
  local size = #set
  set[size + 1], set[size + 2] = 'o', id
  set[size + 3], set[size + 4] = 'f', failures + 1
  last = failures + 1 >= DISABLED_AT and now + DISABLED_FOR or latest
  reply = {id, MISMATCH, left() - 1, next}
end

call(unpack(set))
if life == -2 then
  -- As in issue: a record without a TTL must not stay.
  local answer = try('PEXPIREAT', KEYS[1], last)
  if type(answer) == 'table' then
    local written = {}
    for i = 3, #set, 2 do written[#written + 1] = set[i] end
    call('HDEL', KEYS[1], unpack(written))
    error(answer.err)
  end
  return reply
end
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
keep_until(last, life, now)
return reply
