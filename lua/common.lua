--[[
  common: the statuses, and what more than one script needs. scripts.go puts this text in front of each script.
  Each function here costs each call its making: what verify does not need is in challenges.lua.

  The one key is a record: what is known of a (purpose, subject). It is a hash, and only issue and once create it.

  s<per>       GCRA time of the send limit over <per> ms
  g<per>       GCRA time of the guess limit over <per> ms
  f            consecutive wrong codes: a row
  S, G, F      the same of known browsers, which have a set of their own: one for all of them
  r            call id of the last revoke that ended something
  o...         what once remembers, see numbers.lua
  and for each challenge, its names led by SCOPE: '' if it is unbound, ':' and the 8 bytes of the binding tag if bound
  e            the first 8 bytes of the ids of the issues that were replaced, the latest first, at most 8
  i            group of the newest issue, if it is one of a group
  w            marks: 4 bytes of each wrong code that was charged since the newest issue
  u            the use of the challenge, see use
  1 to 5       slots, the newest issue first
  <letter><n>  piece n of what an issue has sealed, 1 to 5

  A slot is binary, so that an issue of two secrets stays within the 64 bytes that Redis keeps compact:

  bytes 1-12   id of the issue call
  bytes 13-18  time of issue in ms, big-endian like all numbers here
  byte 19      what the issue was answered with: 'c' a code, 't' a token, 'b' both; upper case if a known browser asked
  byte 20      letter, a to f, that names its pieces
  byte 21      number of pieces, '0' to '5'
  then for each secret, the code first, 21 bytes: kind 'c' or 't' · lifetime in ms (4) · digest (16)
  A single piece is all that is sealed whatever its size, several are cut every 64 bytes.

  What Redis hears of a code is a keyed digest; what it stores of it is salted by the issue: of SHA-1(id of the issue ..
  what was heard), in hexadecimal, the first 16 characters stand in its slot, and the next 8, as 4 bytes, mark a wrong
  code, under the newest issue of the challenge, since an issue forgets the marks before it. So nothing that is stored of
  one issue helps with another. The nonce of a token is random, and its digest stored as it is heard.

  A slot without secrets is that of an issue that was cancelled, revoked or erased.
  A kind of secret is told as its byte: CODE is 'c', TOKEN 't'.
  Times are milliseconds by Redis's clock. An error leaves the record as it was: scripts read before they write.
]]
local OK, MISMATCH, NOT_FOUND, USED, EXHAUSTED = 1, 2, 3, 4, 5
local THROTTLED, LOCKED, DISABLED, CLOCK = 6, 7, 8, 9

local HEAD, SECRET, DIGEST, ID = 21, 21, 16, 12
local CODE, TOKEN = 99, 116
local SLOTS = 5
local DISABLED_AT, KNOWN_DISABLED_AT, DISABLED_FOR = 85, 15, 400 * 86400000
local CHALLENGES, PIECE = 16, 64
local REPEATS, REMEMBERED = 60000, 600000
local ENDED = 8

local byte, sub, floor, sha1hex = string.byte, string.sub, math.floor, redis.sha1hex
local call, try = redis.call, redis.pcall

local function damaged(what)
  error('onetime: damaged record: ' .. what)
end

local function clock()
  local time = call('TIME')
  return time[1] * 1000 + floor(time[2] / 1000)
end

-- A number as a script stored it, 0 where there is none. tonumber alone would take nan, inf and 0x10.
local function whole(text)
  if not text then return 0 end
  if #text > 15 or not string.find(text, '^%d+$') then damaged('number') end
  return text + 0
end

--[[
  The limits of one kind, as GCRA. The theoretical arrival time of a limit may be at most its capacity ahead of now.
  A stored time beyond that comes from another setting or clock: it is cut so that the next event passes and writes it.

  first, count            which of the limits: count of them after the first ones
  values[at + first]      the stored time of one, and so on
  ARGV[field + first]     its field, and so on
  rates                   of each limit 8 bytes: interval and capacity in ms, big-endian
  set                     an HSET, to which the times are appended that the event writes if it passes; nil for none

  Returns the wait until an event passes every limit, the wait after it if it passes now, and the latest of the times.
]]
local function gcra(set, values, at, field, rates, first, count, now)
  local wait, next, last = 0, 0, 0
  for i = first, first + count - 1 do
    local a, b, c, d, e, f, g, h = byte(rates, 8 * i + 1, 8 * i + 8)
    local step, capacity = ((a * 256 + b) * 256 + c) * 256 + d, ((e * 256 + f) * 256 + g) * 256 + h
    local time = values[at + i] and whole(values[at + i]) or 0
    if time < now then time = now end
    if time > now + capacity then time = now + capacity - step end
    time = time + step
    if set then
      local size = #set
      set[size + 1], set[size + 2] = ARGV[field + i], time
    end
    local over = time - now - capacity
    if over > wait then wait = over end
    if over + step > next then next = over + step end
    if time > last then last = time end
  end
  return wait, next, last
end

-- Lengthens the life of the record to last, where life is what PTTL said before the write. It is never shortened; where
-- somebody made the record immortal, it gets longer than anything in it.
local function keep_until(last, life, now)
  if life == -1 then last = now + DISABLED_FOR end
  if now + life < last then call('PEXPIREAT', KEYS[1], last) end
end

-- Where the secret of a kind stands in a slot, nil where it has none. Anything but a slot is an error; so is a token
-- without a sealed part, since it could not give its subject back.
local function find(slot, kind)
  local size = #slot
  local as, letter, pieces, first = byte(slot, 19, 22)
  if size ~= HEAD and size ~= HEAD + SECRET and size ~= HEAD + 2 * SECRET then damaged('slot') end
  if as < 97 then as = as + 32 end
  if as ~= 99 and as ~= 116 and as ~= 98 or letter < 97 or letter > 102 or pieces < 48 or pieces > 53 then damaged('slot') end
  if size == HEAD then return nil end
  if first ~= 99 and (first ~= 116 or pieces < 49) then damaged('slot') end
  if size > HEAD + SECRET then
    if first ~= 99 or byte(slot, HEAD + SECRET + 1) ~= 116 or pieces < 49 then damaged('slot') end
    if kind == 116 then return HEAD + SECRET + 1 end
  end
  if kind == first then return HEAD + 1 end
end

-- A time in 6 bytes, and the time that stands at a place of a text.
local function six(time)
  local low = time % 16777216
  local high = (time - low) / 16777216
  local third, sixth = high % 256, low % 256
  local second, fifth = (high - third) / 256 % 256, (low - sixth) / 256 % 256
  return string.char((high - second * 256 - third) / 65536, second, third, (low - fifth * 256 - sixth) / 65536, fifth, sixth)
end

local function six_at(text, at)
  local a, b, c, d, e, f = byte(text, at, at + 5)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

-- When the secret at a place of a slot ends; 0 if it was issued ahead of the clock, which stepped back: that one is dead.
local function ends(slot, at, now)
  local skew, time = 10000, six_at(slot, 13)
  if time > now + skew then return 0 end
  local a, b, c, d = byte(slot, at + 1, at + 4)
  return time + ((a * 256 + b) * 256 + c) * 256 + d
end

-- The names of the pieces of a slot, appended to names.
local function pieces(names, scope, slot)
  local stem = scope .. sub(slot, 20, 20)
  for i = 1, byte(slot, 21) - 48 do names[#names + 1] = stem .. i end
  return names
end

-- How many wrong codes are marked.
local function marked(marks)
  if not marks then return 0 end
  if marks == '' or #marks > 64 or #marks % 4 ~= 0 then damaged('marks') end
  return #marks / 4
end

--[[
  The use of a challenge, as verify and undo write it, in 43 bytes:

  byte 1       'u' used; 'r' used, and another sending of its group was told so; 'x' not used, what used it was undone
  bytes 2-7    time of the use
  bytes 8-19   group of the call that used it, NONE if it was of none
  bytes 20-31  id of that call
  bytes 32-43  id of the last call that was undone, NONE if none was

  Returns whether it is used, the time, the group, the call, and the undone call.
]]
local NONE = '\0\0\0\0\0\0\0\0\0\0\0\0'

local function use(text)
  if not text then return false end
  local letter = byte(text)
  if #text ~= 43 or letter ~= 117 and letter ~= 114 and letter ~= 120 then damaged('use') end
  return letter ~= 120, six_at(text, 2), sub(text, 8, 19), sub(text, 20, 31), sub(text, 32, 43)
end

-- The slots of a challenge from one on, false where there is none.
local function slots(scope, from)
  local names = {}
  for i = from, SLOTS do names[#names + 1] = scope .. i end
  return call('HMGET', KEYS[1], unpack(names))
end
