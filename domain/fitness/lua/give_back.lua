-- Give calls back that were paid and are not made.
-- KEYS: the project's bucket, then one per person. ARGV: how many calls, in all and per person.
-- A bucket that is gone by now is full, and what flows over is cut off by whoever looks next.
for i, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    redis.call('HINCRBYFLOAT', key, 'tokens', ARGV[i])
  end
end
