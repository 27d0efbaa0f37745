--[[
  cap: charge the caps of a key for one event, all or none, or look how full they are. Each is a GCRA.

  KEYS[1]   caps       hash. c<name>: theoretical arrival time of a cap; i<id>: when an event was charged; n<number>: ids
                       in the order in which they were charged, from number h up to t

  ARGV[1]   call       id of this call
  ARGV[2]   event      id of the event; '' for none: nothing is charged, and nothing written
  ARGV[3]   remember   how long an event is known, in ms
  ARGV[4+]  for each cap: field · interval of one unit in ms · capacity in ms · units that the event takes

  Reply {call, status, ...}
    OK       of each cap, the ms that are left of its capacity. A known event is answered so, and charged no more
    REFUSED  ms until the event passes; which of the caps, counted from 1, makes it wait longest

  Invariant: all caps are checked before any is charged. The key lives as long as anything in it.
  A stored time beyond what its cap can produce comes from another setting or clock: it is cut so that this event passes.
]]
local OK, REFUSED = 1, 2
local id, event, remember = ARGV[1], ARGV[2], tonumber(ARGV[3])
local floor, call = math.floor, redis.call

local function whole(text)
  if not text then return 0 end
  if #text > 15 or not string.find(text, '^%d+$') then error('onetime: damaged caps: number') end
  return text + 0
end

local time = call('TIME')
local now = time[1] * 1000 + floor(time[2] / 1000)
local life = call('PTTL', KEYS[1])

local names = {'h', 't', 'i' .. event}
for i = 4, #ARGV, 4 do names[#names + 1] = ARGV[i] end
local values = call('HMGET', KEYS[1], unpack(names))
local known = event == '' or values[3] and now < whole(values[3]) + remember

local set, reply = {'HSET', KEYS[1]}, {id, OK}
local wait, which, last = 0, nil, now + remember
for i = 4, #ARGV, 4 do
  local step, capacity, units = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local stored = whole(values[3 + i / 4])
  if known then units = 0 end
  if stored < now then stored = now end
  if stored > now + capacity then stored = now + capacity - step * units end
  local next = stored + step * units
  local over = next - now - capacity
  if over > wait then wait, which = over, i / 4 end
  if next > last then last = next end
  set[#set + 1], set[#set + 2] = ARGV[i], next
  reply[#reply + 1] = -over
end
if wait > 0 then return {id, REFUSED, wait, which} end
if known then return reply end

-- Of the events that are no longer known two go for each that comes.
local first, behind, drop = whole(values[1]), whole(values[2]), {}
for _ = 1, 2 do
  if first == behind then break end
  local old = call('HGET', KEYS[1], 'n' .. first)
  local charged = old and call('HGET', KEYS[1], 'i' .. old)
  if charged and now < whole(charged) + remember then break end
  drop[#drop + 1] = 'n' .. first
  if charged and old ~= event then drop[#drop + 1] = 'i' .. old end
  first = first + 1
end
for _, pair in ipairs({{'h', first}, {'t', behind + 1}, {'n' .. behind, event}, {'i' .. event, now}}) do
  set[#set + 1], set[#set + 2] = pair[1], pair[2]
end

-- HSET comes first: out of memory, Redis refuses it only as a script's first write. A key without a TTL must not stay.
call(unpack(set))
if life == -2 then
  local answer = redis.pcall('PEXPIREAT', KEYS[1], last)
  if type(answer) == 'table' then
    local written = {}
    for i = 3, #set, 2 do written[#written + 1] = set[i] end
    call('HDEL', KEYS[1], unpack(written))
    error(answer.err)
  end
elseif now + life < last then
  call('PEXPIREAT', KEYS[1], last)
end
if #drop > 0 then call('HDEL', KEYS[1], unpack(drop)) end
return reply
