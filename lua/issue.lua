--[[
  issue: charge the send limits and put a new code, token or both into a challenge. The one script that creates a record.

  KEYS[1]   record        hash, see common.lua

  ARGV[1]   id            of this call, and of the issue
  ARGV[2]   prefix        of the challenge
  ARGV[3]   keep          slots that count
  ARGV[4]   attempts      wrong codes allowed between two issues
  ARGV[5]   code          lifetime and digest, 20 bytes as in a slot; '' for none
  ARGV[6]   code_sealed   its sealed part; '' for none
  ARGV[7]   token         as code
  ARGV[8]   token_sealed  as code_sealed
  ARGV[9]   sends         number of send limits
  ARGV[10]  guesses       number of guess limits
  ARGV[11+] for each limit its field, interval and capacity, the send limits first

  Reply {id, status, ...}
    OK         1 if there is a code, 0 if none was asked for or it was withheld; ms until the next send passes (0: now)
    THROTTLED  a send limit is empty: ms until the next send passes
    LOCKED     a guess limit is empty and nothing but a code was asked for: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes, and nothing but a code was asked for

  Invariant: all limits are checked before any is charged. After it a code of before is alive only if keep lets it,
  the challenge was not used and attempts were left. A repeat changes nothing.
]]
local id, prefix, keep, attempts = ARGV[1], ARGV[2], ARGV[3] + 0, ARGV[4] + 0
local code, code_sealed, token, token_sealed = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local sends, guesses = ARGV[9] + 0, ARGV[10] + 0
local first_guess = 11 + 3 * sends

local now = clock()
local read = {'HMGET', KEYS[1], prefix .. 'u', prefix .. 'w', 'f', 'r'}
for slot = 1, SLOTS do read[6 + slot] = prefix .. slot end
for limit = 0, sends + guesses - 1 do read[12 + limit] = ARGV[11 + 3 * limit] end
local values = call(unpack(read))
local life = call('PTTL', KEYS[1])


local used, failures = byte(used_by(values[1])) == 117, whole(values[3])
local exhausted = marks(values[2] or '') >= attempts
local wait, times, next = check(values, 10, 11, sends, now)

-- What stays of the challenge, moved up by one, and the fields to drop.
local room = used and 0 or keep - 1
local stay, drop, places, held = {}, {}, '', 0
for i = 5, 4 + SLOTS do
  local slot = values[i]
  if slot then
    local rest, kinds, before = '', {'c', 't'}, #drop
    for _, kind in ipairs(kinds) do
      local at = find(slot, kind)
      if at then
        held = held + byte(slot, at + 1) - 48
        local dead = #stay >= room or now >= ends(slot, at, now) or kind == 'c' and exhausted
        if dead then pieces(drop, prefix, slot, at) else rest = rest .. sub(slot, at, at + SECRET - 1) end
      end
    end
    if sub(slot, 1, 12) == id then return {id, OK, sub(slot, 19, 19) == 't' and 0 or 1, wait} end
    if rest ~= '' then stay[#stay + 1] = sub(slot, 1, HEAD) .. rest end
    places = places .. sub(slot, 20, 20)
  end
end

if code ~= '' then
  local locked = check(values, 10 + sends, first_guess, guesses, now)
  local disabled = failures >= DISABLED_AT
  if token == '' and disabled then return {id, DISABLED} end
  if token == '' and locked > 0 then return {id, LOCKED, locked} end
  if disabled or locked > 0 then code = '' end
end
if wait > 0 then return {id, THROTTLED, wait} end

-- Other challenges, and limits that the policy no longer has: what of them is dead goes, and the oldest beyond 16.
local function sweep()
  local prefixes, fields, limits = survey()
  local others = {}
  for _, other in ipairs(prefixes) do
    if other ~= prefix then
      local last, alive = 0, false
      for _, slot in ipairs(slots(other)) do
        if slot then
          local at_code, at_token = find(slot, 'c'), find(slot, 't')
          alive = alive or at_code and now < ends(slot, at_code, now) or at_token and now < ends(slot, at_token, now)
          last = math.max(last, issued(slot))
        end
      end
      others[#others + 1] = {fields = fields[other], last = alive and last or 0}
    end
  end
  table.sort(others, function(a, b) return a.last > b.last end)
  for i, other in ipairs(others) do
    if other.last == 0 or i >= CHALLENGES then
      for _, name in ipairs(other.fields) do drop[#drop + 1] = name end
    end
  end
  local current = {}
  for limit = 0, sends - 1 do current[ARGV[11 + 3 * limit]] = true end
  for _, name in ipairs(limits) do
    if not current[name] and whole(call('HGET', KEYS[1], name)) <= now then drop[#drop + 1] = name end
  end
end

if life ~= -2 then
  for i = 1, 9 + sends + guesses do
    if values[i] then held = held + 1 end
  end
  if call('HLEN', KEYS[1]) > held then sweep() end
end

local place = 97
while string.find(places, string.char(place), 1, true) do place = place + 1 end
place = string.char(place)

local low = now % 16777216
local high = (now - low) / 16777216
local slot = id .. string.char(math.floor(high / 65536), math.floor(high / 256) % 256, high % 256,
  math.floor(low / 65536), math.floor(low / 256) % 256, low % 256)
  .. (code == '' and 't' or token == '' and 'c' or 'b') .. place

local set = {'HSET', KEYS[1], prefix .. 1, ''}
local last = charge(set, times, 11, now)
local function put(kind, secret, sealed)
  local count, size = 0, #sealed > 256 and #sealed or 64
  for from = 1, #sealed, size do
    count = count + 1
    set[#set + 1] = prefix .. place .. kind .. count
    set[#set + 1] = sub(sealed, from, from + size - 1)
  end
  slot = slot .. kind .. count .. secret
  last = math.max(last, ends(slot, #slot - SECRET + 1, now))
end
if code ~= '' then put('c', code, code_sealed) end
if token ~= '' then put('t', token, token_sealed) end
set[4] = slot

for i = 2, SLOTS do
  if stay[i - 1] then
    set[#set + 1], set[#set + 2] = prefix .. i, stay[i - 1]
  elseif values[4 + i] then
    drop[#drop + 1] = prefix .. i
  end
end
if values[1] then drop[#drop + 1] = prefix .. 'u' end
if values[2] then drop[#drop + 1] = prefix .. 'w' end
if failures >= DISABLED_AT then last = math.max(last, now + DISABLED_FOR) end

call(unpack(set))
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
keep_until(last, life, now)
return {id, OK, code == '' and 0 or 1, next}
