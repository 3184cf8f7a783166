-- Note how a batch's calls ended. KEYS: the circuit. ARGV: now in ms, whether the vendor answered
-- anyone (1 or 0), failures, how many in a row open it, within how many ms, how long it stays open.
-- Answers 1 when this opened it.
local now, answered, failures = tonumber(ARGV[1]), ARGV[2] == '1', tonumber(ARGV[3])
local most, window, stays = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if answered then
  redis.call('DEL', KEYS[1])
  return 0
end
if failures == 0 then
  return 0
end
local found = redis.call('HMGET', KEYS[1], 'failures', 'since', 'until')
local before, since = tonumber(found[1]) or 0, tonumber(found[2]) or now
if now - since > window then
  before, since = 0, now
end
redis.call('HSET', KEYS[1], 'failures', before + failures, 'since', since)
redis.call('PEXPIRE', KEYS[1], 10 * (window + stays))
local open_until = tonumber(found[3])
local probed = open_until and now >= open_until
if probed or (not open_until and before + failures >= most) then
  redis.call('HSET', KEYS[1], 'until', now + stays)
  redis.call('HDEL', KEYS[1], 'probe')
  return 1
end
return 0
