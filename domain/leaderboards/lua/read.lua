-- Read a page and the places of some people at one moment.
-- ARGV: user id to centre the page on or '', start, limit, user ids...
-- Answers {epoch, offset, status, total, start, rank of the first row, {member, score, ...},
-- {place or false, ...}, lineage} with place = {score, rank[, next better score, its rank]}, scores negated,
-- or false without a board.
local state = picture()
if not state then
  return false
end
local total = tonumber(state[4])
local start, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[1] ~= '' then
  local index = redis.call('ZRANK', KEYS[1], ARGV[1])
  if index then
    start = math.max(0, math.min(index - math.floor(limit / 2), total - limit))
  else
    limit = 0
  end
end

local rows, first_rank = {}, start + 1
if limit > 0 then
  rows = redis.call('ZRANGE', KEYS[1], start, start + limit - 1, 'WITHSCORES')
  if start > 0 and #rows > 0 then
    first_rank = rank_of(rows[2])
  end
end

local places = {}
for i = 4, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    local better = redis.call(
      'ZREVRANGEBYSCORE', KEYS[1], '(' .. score, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    local place = {score, rank_of(score)}
    if better[2] then
      place[3], place[4] = better[2], rank_of(better[2])
    end
    places[#places + 1] = place
  else
    places[#places + 1] = false
  end
end
return {state[1], state[2], state[3], total, start, first_rank, rows, places, state[5]}
