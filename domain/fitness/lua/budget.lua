-- Take calls out of token buckets: the project's, and one per person.
-- KEYS: the project's bucket, then one per person. A bucket is a hash of `tokens` and `at`.
-- ARGV: now in ms; burst and tokens per second of the project; burst and tokens per second of a
-- person; then per person how many calls, and what must remain for others in the project's bucket.
-- Answers per person 0, or the milliseconds until there would be enough.
local now = tonumber(ARGV[1])
local LIFE_MS = 120000

local function filled(key, burst, rate)
  local found = redis.call('HMGET', key, 'tokens', 'at')
  local tokens, at = tonumber(found[1]) or burst, tonumber(found[2]) or now
  -- Workers' clocks differ a little; time never goes back here.
  at = math.min(at, now + LIFE_MS)
  tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000)
  return tokens, math.max(at, now)
end

local function keep(key, tokens, at)
  redis.call('HSET', key, 'tokens', tostring(tokens), 'at', tostring(at))
  redis.call('PEXPIRE', key, LIFE_MS)
end

local whole_burst, whole_rate = tonumber(ARGV[2]), tonumber(ARGV[3])
local own_burst, own_rate = tonumber(ARGV[4]), tonumber(ARGV[5])
local left, left_at = filled(KEYS[1], whole_burst, whole_rate)
local waits, ahead = {}, 0

for i = 2, #KEYS do
  local cost, reserve = tonumber(ARGV[2 * i + 2]), tonumber(ARGV[2 * i + 3])
  local own, own_at = filled(KEYS[i], own_burst, own_rate)
  local missing = cost + reserve - left
  local own_missing = cost - own
  if missing <= 0 and own_missing <= 0 then
    left = left - cost
    keep(KEYS[i], own - cost, own_at)
    waits[i - 1] = 0
  else
    -- Those refused before come first when there is more.
    local whole_wait = missing > 0 and (missing + ahead) / whole_rate or 0
    local own_wait = own_missing > 0 and own_missing / own_rate or 0
    if missing > 0 then
      ahead = ahead + cost
    end
    waits[i - 1] = math.max(1, math.ceil(1000 * math.max(whole_wait, own_wait)))
  end
end

keep(KEYS[1], left, left_at)
return waits
