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

-- People with equal scores share a place. Of a board on which nearly everyone is asked for, all
-- places are found in one walk, which is cheaper than three commands for each.
local SLICE, DENSE = 1000, 4
local place_at, rank_at = {}, {}
if total <= DENSE * (#ARGV - 3) then
  local all = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
  local better
  for i = 2, #all, 2 do
    local score = all[i]
    if not better or better[1] ~= score then
      better = better and {score, i / 2, better[1], better[2]} or {score, 1}
      place_at[score] = better
    end
  end
end

local function known_rank_of(score)
  rank_at[score] = rank_at[score] or rank_of(score)
  return rank_at[score]
end

local function place_of(score)
  local place = place_at[score]
  if not place then
    place = {score, known_rank_of(score)}
    local better = redis.call(
      'ZREVRANGEBYSCORE', KEYS[1], '(' .. score, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if better[2] then
      place[3], place[4] = better[2], known_rank_of(better[2])
    end
    place_at[score] = place
  end
  return place
end

local places = {}
for from = 4, #ARGV, SLICE do
  local last = math.min(from + SLICE - 1, #ARGV)
  for _, score in ipairs(redis.call('ZMSCORE', KEYS[1], unpack(ARGV, from, last))) do
    places[#places + 1] = score and place_of(score)
  end
end
return {state[1], state[2], state[3], total, start, first_rank, rows, places, state[5]}
