--[[
  common: the statuses, and what more than one script needs. scripts.go puts this text in front of each script.

  The one key is a record: what is known of a (purpose, subject). It is a hash, and only issue creates it.

  s<per>       GCRA time of the send limit over <per> ms
  g<per>       GCRA time of the guess limit over <per> ms
  f            consecutive wrong codes
  r            call id of the last revoke that ended something
  and for each challenge, its names led by SCOPE: '' if it is unbound, ':' and the 8 bytes of the binding tag if bound
  w            marks: the first 4 bytes of the digest of each wrong code that was charged
  u            'u' and the id of the verify call that used the challenge, or 'x' and its id once it was undone
  1 to 5       slots, the newest issue first
  <letter><kind><n>  piece n of the sealed part of a secret, 1 to 4

  A slot is binary, so that an issue of two secrets stays within the 64 bytes that Redis keeps compact:

  bytes 1-12   id of the issue call
  bytes 13-18  time of issue in ms, big-endian like all numbers here
  byte 19      what the issue was answered with: 'c' a code, 't' a token, 'b' both
  byte 20      letter, a to f, that names its pieces
  then for each secret, the code first, 22 bytes: kind 'c' or 't' · number of pieces · lifetime in ms (4) · digest (16)
  A single piece is the sealed part whatever its size, several are cut every 64 bytes.

  A slot without secrets is that of an issue that was cancelled or revoked.
  Times are milliseconds by Redis's clock. An error leaves the record as it was: scripts read before they write.
]]
local OK, MISMATCH, NOT_FOUND, USED, EXHAUSTED = 1, 2, 3, 4, 5
local THROTTLED, LOCKED, DISABLED = 6, 7, 8

local HEAD, SECRET, DIGEST = 20, 22, 16
local SLOTS = 5

-- The registry of fields: a script writes none that is not here. Fields of the record, of its limits, of a challenge (behind
-- its scope), and the pieces of what a challenge has sealed; and which fields of the record unlock forgets with the limits.
-- A field that is not here is left alone: it is another version's. It costs issue one look at the names.
local OF_RECORD, OF_LIMITS, OF_CHALLENGE, OF_PIECES = '^[fr]$', '^[sg]%d+$', '^[uw1-5]$', '^[a-f][ct][1-4]$'
local UNLOCKED = '^f$'

local DISABLED_AT, DISABLED_FOR = 100, 400 * 86400000
local SKEW = 10000
local CHALLENGES, PIECE = 16, 64

local byte, sub, floor, call, try = string.byte, string.sub, math.floor, redis.call, redis.pcall

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
  local as, letter, first, pieces = byte(slot, 19, 22)
  if size ~= HEAD and size ~= HEAD + SECRET and size ~= HEAD + 2 * SECRET then damaged('slot') end
  if as ~= 99 and as ~= 116 and as ~= 98 or letter < 97 or letter > 102 then damaged('slot') end
  if size == HEAD then return nil end
  if first ~= 99 and (first ~= 116 or pieces < 49) or pieces < 48 or pieces > 52 then damaged('slot') end
  if size > HEAD + SECRET then
    local second, more = byte(slot, 43, 44)
    if first ~= 99 or second ~= 116 or more < 49 or more > 52 then damaged('slot') end
    if kind == 't' then return HEAD + SECRET + 1 end
  end
  if byte(kind) == first then return HEAD + 1 end
end

local function issued_at(slot)
  local a, b, c, d, e, f = byte(slot, 13, 18)
  return ((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f
end

-- When the secret at a place of a slot ends; 0 if it was issued ahead of the clock, which stepped back: that one is dead.
local function ends(slot, at, now)
  local time = issued_at(slot)
  if time > now + SKEW then return 0 end
  local a, b, c, d = byte(slot, at + 2, at + 5)
  return time + ((a * 256 + b) * 256 + c) * 256 + d
end

-- The names of the pieces of the secret at a place of a slot, appended to names.
local function pieces(names, scope, slot, at)
  local stem = scope .. sub(slot, 20, 20) .. sub(slot, at, at)
  for i = 1, byte(slot, at + 1) - 48 do names[#names + 1] = stem .. i end
  return names
end

-- How many wrong codes are marked.
local function marked(marks)
  if not marks then return 0 end
  if marks == '' or #marks > 64 or #marks % 4 ~= 0 then damaged('marks') end
  return #marks / 4
end

-- The state of a challenge, as verify and undo write it: the first byte is 117 if it is used, 120 if that was undone.
local function state(text)
  if not text then return '' end
  if #text ~= 13 or byte(text) ~= 117 and byte(text) ~= 120 then damaged('use') end
  return text
end

-- The slots of a challenge from one on, false where there is none.
local function slots(scope, from)
  local names = {}
  for i = from, SLOTS do names[#names + 1] = scope .. i end
  return call('HMGET', KEYS[1], unpack(names))
end

-- All of the record: the scopes of its challenges, the fields of each scope, the fields of limits and those of the record.
local function survey()
  local scopes, fields, limits, own = {}, {}, {}, {}
  for _, name in ipairs(call('HKEYS', KEYS[1])) do
    local scope, rest = '', name
    if byte(name) == 58 then scope, rest = sub(name, 1, 9), sub(name, 10) end
    if string.find(rest, OF_CHALLENGE) or string.find(rest, OF_PIECES) then
      if not fields[scope] then
        scopes[#scopes + 1] = scope
        fields[scope] = {}
      end
      table.insert(fields[scope], name)
    elseif string.find(name, OF_LIMITS) then
      limits[#limits + 1] = name
    elseif string.find(name, OF_RECORD) then
      own[#own + 1] = name
    end
  end
  return scopes, fields, limits, own
end
