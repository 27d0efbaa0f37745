--[[
  issue: charge the send limits and put a new code, token or both into a challenge. The one script that creates a record.

  KEYS[1]  record        hash, see common.lua

  ARGV[1]  id            of this call, and of the issue
  ARGV[2]  scope         of the challenge
  ARGV[3]  counts        4 bytes: slots that count, wrong codes allowed between two issues, number of send limits, of guess limits
  ARGV[4]  code          as it stands in a slot; '' for none
  ARGV[5]  code_sealed   its sealed part; '' for none
  ARGV[6]  token         as code
  ARGV[7]  token_sealed  as code_sealed
  ARGV[8]  rates         of the limits, those of sends first; see gcra
  ARGV[9+]  the fields of the limits

  Reply {id, status, ...}
    OK         1 if there is a code, 0 if none was asked for or it was withheld; ms until the next send passes (0: now)
    THROTTLED  a send limit is empty: ms until the next send passes
    LOCKED     a guess limit is empty and nothing but a code was asked for: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes, and nothing but a code was asked for

  Invariant: all limits are checked before any is charged. After it a code of before is alive only if keep lets it,
  the challenge was not used and attempts were left. A repeat changes nothing.
]]
local id, scope, counts, rates = ARGV[1], ARGV[2], ARGV[3], ARGV[8]
local code, code_sealed, token, token_sealed = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local keep, attempts, sends, guesses = byte(counts, 1, 4)
local limits = sends + guesses

local now = clock()
local life = call('PTTL', KEYS[1])
local values = {}
if life ~= -2 then
  values = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w', 'f', 'r', scope .. '1', unpack(ARGV, 9, 8 + limits))
end
local failures = whole(values[3])
local set = {'HSET', KEYS[1]}
local wait, next, last = gcra(set, values, 6, 9, rates, 0, sends, now)

-- What stays of the challenge, moved up by one; what is dropped; the letters that are taken and the last slot that is.
local stay, drop, letters, bottom = {}, {}, '', 1
if life ~= -2 then
  local used, exhausted = byte(state(values[1])) == 117, marked(values[2]) >= attempts
  local room = used and 0 or keep - 1
  local fields, seen, older = call('HLEN', KEYS[1]), 0, nil
  for i = 1, 5 + limits do
    if values[i] then seen = seen + 1 end
  end
  for i = 1, SLOTS do
    local slot = values[5]
    if i > 1 then
      if seen == fields then break end
      older = older or slots(scope, 2)
      slot = older[i - 1]
      if slot then seen = seen + 1 end
    end
    if slot then
      local rest = ''
      for _, kind in ipairs({'c', 't'}) do
        local at = find(slot, kind)
        if at then
          seen = seen + byte(slot, at + 1) - 48
          local dead = #stay >= room or now >= ends(slot, at, now) or kind == 'c' and exhausted
          if dead then pieces(drop, scope, slot, at) else rest = rest .. sub(slot, at, at + SECRET - 1) end
        end
      end
      if sub(slot, 1, 12) == id then return {id, OK, byte(slot, 19) == 116 and 0 or 1, wait} end
      if rest ~= '' then stay[#stay + 1] = sub(slot, 1, HEAD) .. rest end
      letters, bottom = letters .. sub(slot, 20, 20), i
    end
  end

  -- Something else is in the record: of other challenges the dead go, and the one issued to longest ago of more than
  -- 16; of limits that are no longer asked for those that are refilled.
  if seen < fields then
    local scopes, names, stored = survey()
    local others, asked = {}, {}
    for _, other in ipairs(scopes) do
      if other ~= scope then
        local newest, live = 0, false
        for _, slot in ipairs(slots(other, 1)) do
          if slot then
            local code_at, token_at = find(slot, 'c'), find(slot, 't')
            live = live or code_at and now < ends(slot, code_at, now) or token_at and now < ends(slot, token_at, now)
            newest = math.max(newest, issued_at(slot))
          end
        end
        others[#others + 1] = {names = names[other], newest = live and newest or 0}
      end
    end
    table.sort(others, function(a, b) return a.newest > b.newest end)
    for i, other in ipairs(others) do
      if other.newest == 0 or i >= CHALLENGES then
        for _, name in ipairs(other.names) do drop[#drop + 1] = name end
      end
    end
    for i = 9, 8 + limits do asked[ARGV[i]] = true end
    for _, name in ipairs(stored) do
      if not asked[name] and whole(call('HGET', KEYS[1], name)) <= now then drop[#drop + 1] = name end
    end
  end
  -- An undone call stays known: a late copy of it must find nothing, whatever was issued since.
  if used then drop[#drop + 1] = scope .. 'u' end
  if values[2] then drop[#drop + 1] = scope .. 'w' end
end

if code ~= '' and life ~= -2 then
  local locked = gcra(nil, values, 6, 9, rates, sends, guesses, now)
  local disabled = failures >= DISABLED_AT
  if token == '' and disabled then return {id, DISABLED} end
  if token == '' and locked > 0 then return {id, LOCKED, locked} end
  if disabled or locked > 0 then code = '' end
end
if wait > 0 then return {id, THROTTLED, wait} end

local letter = 'a'
while letters ~= '' and string.find(letters, letter, 1, true) do letter = string.char(byte(letter) + 1) end
local low = now % 16777216
local high = (now - low) / 16777216
local third, sixth = high % 256, low % 256
local second, fifth = (high - third) / 256 % 256, (low - sixth) / 256 % 256
local first, fourth = (high - second * 256 - third) / 65536, (low - fifth * 256 - sixth) / 65536
local as = code == '' and 't' or token == '' and 'c' or 'b'
local slot = id .. string.char(first, second, third, fourth, fifth, sixth) .. as .. letter .. code .. token

local size = #set
set[size + 1], set[size + 2] = scope .. '1', slot
for i = 1, #stay do
  set[#set + 1], set[#set + 2] = scope .. (i + 1), stay[i]
end
for i = #stay + 2, bottom do drop[#drop + 1] = scope .. i end

for at = HEAD + 1, #slot, SECRET do
  local expires = ends(slot, at, now)
  if expires > last then last = expires end
  if byte(slot, at + 1) > 48 then
    local sealed = byte(slot, at) == 99 and code_sealed or token_sealed
    local names = pieces({}, scope, slot, at)
    local step = #names == 1 and #sealed or PIECE
    for i, name in ipairs(names) do
      set[#set + 1], set[#set + 2] = name, sub(sealed, (i - 1) * step + 1, i * step)
    end
  end
end
if failures >= DISABLED_AT then last = math.max(last, now + DISABLED_FOR) end

call(unpack(set))
if life == -2 then
  -- HSET comes first: out of memory, Redis refuses it only as a script's first write. A record without a TTL must not stay.
  local answer = try('PEXPIREAT', KEYS[1], last)
  if type(answer) == 'table' then
    local names = {}
    for i = 3, #set, 2 do names[#names + 1] = set[i] end
    call('HDEL', KEYS[1], unpack(names))
    error(answer.err)
  end
  return {id, OK, code == '' and 0 or 1, next}
end
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
keep_until(last, life, now)
return {id, OK, code == '' and 0 or 1, next}
