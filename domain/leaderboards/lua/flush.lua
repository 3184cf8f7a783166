-- Move a board on from an expected position, or refuse and say where it stands.
-- KEYS[3]: stream. ARGV: competition id, channel, expected epoch, offset and lineage, new lineage,
-- status, seconds to live or 0, size of the top, length of the stream, trace or '', number of
-- scores n, n times (negated score, member), removed members...
-- Answers {1 or 0, epoch or false, offset, lineage}.
local PAIRS = 1000 -- Lua cannot unpack many thousands of values at once

local state = picture()
if not state then
  return {0, false, '0', ''}
end
if state[1] ~= ARGV[3] or state[2] ~= ARGV[4] or state[5] ~= ARGV[5] then
  return {0, state[1], state[2], state[5]}
end
local lineage, status, life = ARGV[6], ARGV[7], tonumber(ARGV[8])

local top = tonumber(ARGV[9])
local before = {}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, top - 1)) do
  before[member] = true
end

local first, last = 13, 12 + 2 * tonumber(ARGV[12])
local touched = {}
for i = first + 1, last, 2 do
  touched[ARGV[i]] = true
end
for from = first, last, 2 * PAIRS do
  redis.call('ZADD', KEYS[1], unpack(ARGV, from, math.min(from + 2 * PAIRS - 1, last)))
end
for from = last + 1, #ARGV, PAIRS do
  redis.call('ZREM', KEYS[1], unpack(ARGV, from, math.min(from + PAIRS - 1, #ARGV)))
end

-- Numbers go into the JSON as Redis printed them, without their sign.
local after = redis.call('ZRANGE', KEYS[1], 0, top - 1, 'WITHSCORES')
local rows = {}
for i = 1, #after, 2 do
  local member = after[i]
  if touched[member] or not before[member] then
    rows[#rows + 1] = '["' .. member .. '",' .. string.gsub(after[i + 1], '^-', '') .. ']'
  end
  before[member] = nil
end
local removed = {}
for member in pairs(before) do
  removed[#removed + 1] = '"' .. member .. '"'
end

local offset, total = tonumber(ARGV[4]), redis.call('ZCARD', KEYS[1])
local function step(changed, gone, count, ...)
  local more = {...}
  if ARGV[11] ~= '' then
    more[#more + 1] = 'trace'
    more[#more + 1] = ARGV[11]
  end
  offset = offset + 1
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[10], string.format('%.0f-0', offset),
    'rows', '[' .. table.concat(changed, ',') .. ']',
    'removed', '[' .. table.concat(gone, ',') .. ']',
    'total', count, 'lineage', lineage, unpack(more))
end

-- A status has a step of its own, since watchers are told of it in a message of its own.
local turned = state[3] ~= status
if turned then
  step({}, {}, state[4], 'status', status)
end
if not turned or #rows > 0 or #removed > 0 or total ~= tonumber(state[4]) then
  step(rows, removed, total)
end
local reached = string.format('%.0f', offset)
redis.call('HSET', KEYS[2],
  'offset', reached, 'status', status, 'total', total, 'lineage', lineage)
if life > 0 then
  for _, key in ipairs(KEYS) do
    redis.call('EXPIRE', key, life)
  end
end
redis.call('PUBLISH', ARGV[2], ARGV[1] .. ' ' .. ARGV[3] .. ' ' .. reached)
return {1, ARGV[3], reached, lineage}
