--[[
  issue: charge the send limits and put a new code, token or both into a challenge. The one script that creates a record.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of this call, and of the issue
  ARGV[2]  scope   of the challenge
  ARGV[3]  terms   5 bytes: slots that count, wrong codes allowed between two issues, number of send limits, of guess limits,
                   and the row of the set: 'f', or 'F' for a known browser; then the group of the call, 12 bytes, if it is of one
  ARGV[4]  code    as it stands in a slot, but for the salt; '' for none
  ARGV[5]  token   as it stands in a slot; '' for none
  ARGV[6]  sealed  subject and payload; '' for none
  ARGV[7]  rates   of the limits, those of sends first; see gcra
  ARGV[8]  beside  the fields of the other set, a blank between two
  ARGV[9+] the fields of the limits

  Reply {id, status, ...}
    OK         1 if there is a code, 0 if none was asked for or it was withheld; ms until the next send passes (0: now);
               and of an issue that an earlier sending of the group made, its id, and how many ms its code lives, and
               how many its token does
    NOT_FOUND  this call was here before, and what it issued has ended since
    THROTTLED  a send limit is empty: ms until the next send passes
    LOCKED     a guess limit is empty and nothing but a code was asked for: ms until the next guess is evaluated
    DISABLED   too many consecutive wrong codes, and nothing but a code was asked for

  Invariant: all limits are checked before any is charged. After it a code of before is alive only if keep lets it,
  the challenge was not used and attempts were left. A repeat changes nothing, and revives nothing that ended.
]]
local id, scope, terms, rates = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
local code, token, sealed, beside = ARGV[4], ARGV[5], ARGV[6], ARGV[8]
local keep, attempts, sends, guesses = byte(terms, 1, 4)
local row, group = sub(terms, 5, 5), sub(terms, 6)
local known = row == 'F'
local limits = sends + guesses

-- The fields that go.
local drop = {}
local function forget(names)
  for _, name in ipairs(names) do drop[#drop + 1] = name end
end

local now = clock()
local life = call('PTTL', KEYS[1])
local values = {}
if life ~= -2 then
  values = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w', scope .. 'e', scope .. 'i', scope .. '1', row, 'r',
    unpack(ARGV, 9, 8 + limits))
end
local failures = whole(values[6])
local set = {'HSET', KEYS[1], nil, nil, nil, nil, nil, nil, nil, nil} -- room for what a first issue writes, which saves growing
local wait, next, last = gcra(set, values, 8, 9, rates, 0, sends, now)

-- What stays of the challenge, moved up by one; the letters that are taken, the last slot that is, and the ids of what is
-- replaced.
local stay, letters, bottom, replaced = {}, '', 1, ''
if life ~= -2 then
  local used, _, _, _, undone = use(values[1])
  local exhausted = marked(values[2]) >= attempts
  local before = values[3] or ''
  if values[3] == '' or #before % 8 ~= 0 or #before > 8 * ENDED then damaged('ended ids') end
  for i = 1, #before, 8 do
    if sub(before, i, i + 7) == sub(id, 1, 8) then return {id, NOT_FOUND} end
  end

  local room = used and 0 or keep - 1
  local fields, seen, older = call('HLEN', KEYS[1]), 0, nil
  for i = 1, 7 + limits do
    if values[i] then seen = seen + 1 end
  end
  for i = 1, SLOTS do
    local slot = values[5]
    if i > 1 then
      if seen == fields then break end
      if not older then
        -- With the slots the other set, or its fields would be taken for something else in the record each time.
        local names = {}
        for k = 2, SLOTS do names[k - 1] = scope .. k end
        for name in string.gmatch(beside, '%S+') do names[#names + 1] = name end
        older = call('HMGET', KEYS[1], unpack(names))
        for k = SLOTS, #names do
          if older[k] then seen = seen + 1 end
        end
      end
      slot = older[i - 1]
      if slot then seen = seen + 1 end
    end
    if slot then
      local rest = ''
      for _, kind in ipairs({CODE, TOKEN}) do
        local at = find(slot, kind)
        if at and #stay < room and now < ends(slot, at, now) and not (kind == CODE and exhausted) then
          rest = rest .. sub(slot, at, at + SECRET - 1)
        end
      end
      local own = sub(slot, 1, ID) == id
      if own or i == 1 and group ~= '' and values[4] == group then
        local alive = lives(slot, now) and not used
        local coded = string.lower(sub(slot, 19, 19)) == 't' and 0 or 1
        if own then return alive and {id, OK, coded, wait} or {id, NOT_FOUND} end
        if alive then
          local left = {}
          for k, kind in ipairs({CODE, TOKEN}) do
            local at = find(slot, kind)
            left[k] = at and math.max(0, ends(slot, at, now) - now) or 0
          end
          return {id, OK, coded, wait, sub(slot, 1, ID), left[1], left[2]}
        end
      end
      seen = seen + byte(slot, 21) - 48
      letters, bottom = letters .. sub(slot, 20, 20), i
      if rest == '' then
        pieces(drop, scope, slot)
        replaced = replaced .. sub(slot, 1, 8)
      else
        stay[#stay + 1] = sub(slot, 1, HEAD) .. rest
      end
    end
  end
  replaced = sub(replaced .. before, 1, 8 * ENDED)

  -- Something else is in the record: of other challenges those go that are over, but not before a late copy of what was
  -- issued or used there can do no harm any more; of more than 16 those give way first that ended, then those issued to
  -- longest ago, and last of all those whose last issue a known browser asked for. Of limits that neither set has any more
  -- those go that are refilled.
  if seen < fields then
    local scopes, names, stored = survey()
    local others, asked = {}, {}
    for _, other in ipairs(scopes) do
      if other ~= scope then
        local newest, live, kept = 0, false, false
        for i, slot in ipairs(slots(other, 1)) do
          if slot then
            find(slot, CODE)
            kept = kept or i == 1 and byte(slot, 19) < 97
            live = live or lives(slot, now)
            newest = math.max(newest, six_at(slot, 13))
          end
        end
        local theirs, used_at = use(call('HGET', KEYS[1], other .. 'u'))
        local fresh = newest > now - REMEMBERED or theirs and used_at >= now - REPEATS
        if live or fresh then
          others[#others + 1] = {names = names[other], newest = newest, ended = theirs or not live, kept = kept}
        else
          forget(names[other])
        end
      end
    end
    table.sort(others, function(a, b)
      if a.kept ~= b.kept then return a.kept end
      if a.ended ~= b.ended then return b.ended end
      return a.newest > b.newest
    end)
    for i = CHALLENGES, #others do forget(others[i].names) end
    for i = 9, 8 + limits do asked[ARGV[i]] = true end
    for name in string.gmatch(beside, '%S+') do asked[name] = true end
    for _, name in ipairs(stored) do
      if not asked[name] and whole(call('HGET', KEYS[1], name)) <= now then drop[#drop + 1] = name end
    end
  end
  -- An undone call stays known: a late copy of it must find nothing, whatever was issued since.
  if used and undone ~= NONE then
    set[#set + 1], set[#set + 2] = scope .. 'u', 'x' .. six(0) .. NONE .. NONE .. undone
  elseif used then
    drop[#drop + 1] = scope .. 'u'
  end
  if values[2] then drop[#drop + 1] = scope .. 'w' end
  if values[4] and group == '' then drop[#drop + 1] = scope .. 'i' end
end

local disabled = failures >= (known and KNOWN_DISABLED_AT or DISABLED_AT)
if code ~= '' and life ~= -2 then
  local locked = gcra(nil, values, 8, 9, rates, sends, guesses, now)
  if token == '' and disabled then return {id, DISABLED} end
  if token == '' and locked > 0 then return {id, LOCKED, locked} end
  if disabled or locked > 0 then code = '' end
end
if wait > 0 then return {id, THROTTLED, wait} end

local secrets = token
if code ~= '' then secrets = sub(code, 1, 5) .. sub(sha1hex(id .. sub(code, 6)), 1, DIGEST) .. token end
local letter = 'a'
while letters ~= '' and string.find(letters, letter, 1, true) do letter = string.char(byte(letter) + 1) end
local as = code == '' and 't' or token == '' and 'c' or 'b'
if known then as = string.upper(as) end
local count = math.ceil(#sealed / PIECE)
if count > 5 then count = 1 end
local slot = id .. six(now) .. as .. letter .. sub('012345', count + 1, count + 1) .. secrets

local size = #set
set[size + 1], set[size + 2] = scope .. '1', slot
for i = 1, #stay do
  set[#set + 1], set[#set + 2] = scope .. (i + 1), stay[i]
end
for i = #stay + 2, bottom do drop[#drop + 1] = scope .. i end
if replaced ~= '' then set[#set + 1], set[#set + 2] = scope .. 'e', replaced end
if group ~= '' then set[#set + 1], set[#set + 2] = scope .. 'i', group end
local step = count == 1 and #sealed or PIECE
for i = 1, count do
  set[#set + 1], set[#set + 2] = scope .. letter .. i, sub(sealed, (i - 1) * step + 1, i * step)
end

last = math.max(last, now + REMEMBERED)
for at = 2, #secrets, SECRET do
  local a, b, c, d = byte(secrets, at, at + 3)
  local expires = now + ((a * 256 + b) * 256 + c) * 256 + d
  if expires > last then last = expires end
end
if disabled then last = math.max(last, now + DISABLED_FOR) end

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
