-- May a batch call the vendor? KEYS: the circuit, a hash of `failures`, `since`, `until`, `probe`.
-- ARGV: now in ms, how long a probe may take in ms.
-- Answers -1 for yes, 0 for yes as the one probe, else the milliseconds to wait.
local now = tonumber(ARGV[1])
local found = redis.call('HMGET', KEYS[1], 'until', 'probe')
local open_until, probe_until = tonumber(found[1]), tonumber(found[2]) or 0
if not open_until then
  return -1
end
if now < open_until then
  return open_until - now
end
if now < probe_until then
  return probe_until - now
end
redis.call('HSET', KEYS[1], 'probe', now + tonumber(ARGV[2]))
return 0
