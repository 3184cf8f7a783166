-- Shared by all scripts. KEYS[1] is the board, KEYS[2] its state.

-- Epoch, offset, status, total and lineage, or nil when any part of the picture is lost.
local function picture()
  local state = redis.call('HMGET', KEYS[2], 'epoch', 'offset', 'status', 'total', 'lineage')
  state[5] = state[5] or ''
  if state[1] and redis.call('ZCARD', KEYS[1]) == tonumber(state[4]) then
    return state
  end
  return nil
end

-- Rank of a negated score, given as Redis prints it: a Lua number would lose digits on the way.
local function rank_of(score)
  return redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score) + 1
end
