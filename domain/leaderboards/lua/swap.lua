-- Put a rebuilt board into place, if the one that was found wanting is still there.
-- KEYS[3]: stream, KEYS[4]: the rebuilt set. ARGV: competition id, channel, epoch found or '',
-- new epoch, least new offset, status, number of people.
-- Answers the new offset, or false.
local state = redis.call('HMGET', KEYS[2], 'epoch', 'offset')
-- Part of the copy may have gone with whatever made the rebuild necessary.
local whole = redis.call('ZCARD', KEYS[4]) == tonumber(ARGV[7])
if not whole or (state[1] or '') ~= ARGV[3] then
  redis.call('UNLINK', KEYS[4])
  return false
end
local offset = math.max(tonumber(ARGV[5]), (tonumber(state[2]) or 0) + 1)
local shown = string.format('%.0f', offset)

redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
if ARGV[7] ~= '0' then
  redis.call('RENAME', KEYS[4], KEYS[1])
  redis.call('PERSIST', KEYS[1])
end
redis.call('HSET', KEYS[2],
  'epoch', ARGV[4], 'offset', shown, 'status', ARGV[6], 'total', ARGV[7])
redis.call('PUBLISH', ARGV[2], ARGV[1] .. ' ' .. ARGV[4] .. ' ' .. shown)
return shown
