--[[
  status: what is outstanding, and what is locked. Reads only.

  KEYS[1]  record  hash, see common.lua

  ARGV[1]  id      of this call
  ARGV[2]  counts  of each set, that of strangers first, the 5 bytes of terms in issue.lua
  ARGV[3]  rates   of the limits, set by set, those of sends first; see gcra
  ARGV[4+] the fields of the limits

  Reply {id, status, ...}
    OK  of each set: consecutive wrong codes, 1 if disabled, ms until the next send passes, ms until the next guess is
        evaluated; then for each issue that has a live secret: id, 1 if a code is live, 1 if a token is live, 1 if bound,
        1 if used, attempts left, time of issue, ms until its last secret expires

  Invariant: writes nothing.
]]
local id, counts, rates = ARGV[1], ARGV[2], ARGV[3]
local keep, attempts = byte(counts, 1, 2)

local now = clock()
local values = call('HMGET', KEYS[1], 'f', 'F', unpack(ARGV, 4))
local reply, first = {id, OK}, 0
for set, disabled_at in ipairs({DISABLED_AT, KNOWN_DISABLED_AT}) do
  local failures, sends, guesses = whole(values[set]), byte(counts, 5 * set - 2, 5 * set - 1)
  reply[#reply + 1] = failures
  reply[#reply + 1] = failures >= disabled_at and 1 or 0
  reply[#reply + 1] = gcra(nil, values, 3, 4, rates, first, sends, now)
  reply[#reply + 1] = gcra(nil, values, 3, 4, rates, first + sends, guesses, now)
  first = first + sends + guesses
end

for _, scope in ipairs((survey())) do
  local challenge = call('HMGET', KEYS[1], scope .. 'u', scope .. 'w')
  local used = use(challenge[1]) and 1 or 0
  local left = math.max(0, attempts - marked(challenge[2]))
  for i, slot in ipairs(slots(scope, 1)) do
    if slot and i <= keep then
      local last, live = 0, {}
      for k, kind in ipairs({CODE, TOKEN}) do
        local at = find(slot, kind)
        local expires = at and ends(slot, at, now) or 0
        live[k] = expires > now and 1 or 0
        last = math.max(last, expires)
      end
      if last > now then
        for _, value in ipairs({sub(slot, 1, ID), live[1], live[2], scope == '' and 0 or 1, used, left,
            six_at(slot, 13), last - now}) do
          reply[#reply + 1] = value
        end
      end
    end
  end
end
return reply
