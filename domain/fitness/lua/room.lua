-- How many calls the project's bucket would give now. ARGV: now in ms, burst, tokens per second.
local now, burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(found[1]) or burst, tonumber(found[2]) or now
return math.floor(math.min(burst, tokens + math.max(0, now - at) * rate / 1000))
