--[[
  challenges: what all scripts need but verify, which looks at one challenge.

  The registry of fields: a script writes none that is not here. Fields of the record, of its limits, of a challenge (behind
  its scope), and the pieces of what a challenge has sealed; and which fields of the record unlock forgets with the limits.
  A field that is not here is left alone: it is another version's. It costs issue one look at the names.
]]
local UNLOCKED = '^[fF]$'

-- Whether an issue has a secret that lives.
local function lives(slot, now)
  for at = HEAD + 1, #slot, SECRET do
    if now < ends(slot, at, now) then return true end
  end
end

-- All of the record: the scopes of its challenges, the fields of each scope, the fields of limits and those of the record.
local function survey()
  local OF_RECORD, OF_LIMITS, OF_CHALLENGE, OF_PIECES = '^[fFr]$', '^[sgSG]%d+$', '^[eiuw1-5]$', '^[a-f][1-5]$'
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
