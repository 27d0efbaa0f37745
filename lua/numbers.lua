--[[
  numbers: what once and onceundo share. They remember numbers that may be used once: time steps, counters, indexes of
  recovery codes. What a number belongs to is kept by the caller, in a row of its own; Redis decides races.

  The registry of their fields in the record, which other scripts leave alone:

  o                     call id of the last wrong code that was charged
  o<kind><16 hex>       what is used of one secret, kind 't' time steps, 'h' counters, 'r' recovery codes

  The use of a secret has 55 bytes, the first 43 as those of a challenge, see common.lua:

  bytes 1-43   letter, time, group and id of the call that used a number last, and the last undone call
  bytes 44-49  the least number that is free; of recovery codes a set of indexes, index n as 2^n
  bytes 50-55  the same before that use
]]
local OF_NUMBERS = '^o[thr][0-9a-f]+$'
local USE, AFTER, BEFORE, SIZE = 43, 44, 50, 55

-- What a use() says of the last use of a secret; it is not used where nothing is known.
local function last_use(text)
  if text and #text ~= SIZE then damaged('number') end
  return use(text and sub(text, 1, USE))
end
