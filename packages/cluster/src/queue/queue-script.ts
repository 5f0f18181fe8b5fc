/**
 * All that is done to a shared queue, in one step on its server; what to do is ARGV[1]. Times are the server's, so that
 * machines whose clocks differ agree.
 *
 * KEYS of a queue: `waiting`, a sorted set of users by the feature time that they are served; `entries`, a hash, by user,
 * of what was offered; `taken`, a stream with one consumer group, named as the model; `dead`, a stream; `figures`, a hash.
 *
 * A user waits in `waiting`, once and in order of staleness. A take moves the first of them to the stream and reads them
 * for its consumer. There they stay pending until they are done, and another consumer claims them where that takes too
 * long. The milliseconds of an entry's id are the time of its first take, later than those of all takes before, whichever
 * server is master: as of it features are read, so that to do an entry twice gives the ring nothing twice.
 *
 * - `offer`, limit, then user, served time or nothing, entry each. {queued, coalesced, shed}.
 * - `take`, group, consumer, limit, claim time in ms or nothing, most attempts. {now, then id, user, entry, attempt each}:
 *   with a claim time, first those that were pending for as long; then those who wait. Who was taken too often is dead.
 * - `done`, group, ids. `bury`, group, reason, ids. How many were still pending.
 * - `extend`, group, consumer, ids: those that are pending with it are pending anew. Their number.
 * - `tidy`, group, consumer or nothing, time in ms: it leaves, if nothing is pending with it, and so do those who asked for
 *   nothing for longer: workers that were killed.
 * - `forget`, user. How many places held the user.
 * - `look`. {now, waiting, taken, dead, figures}.
 */
export const queueScript = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.17g', number) end
local task = ARGV[1]
local waiting, entries, taken, dead, figures = unpack(KEYS)

local function count(what, by)
  if by > 0 then redis.call('HINCRBY', figures, what, by) end
end
local function field(item, name)
  for i = 1, #item[2], 2 do
    if item[2][i] == name then return item[2][i + 1] end
  end
  return ''
end
local function drop(group, id)
  redis.call('XDEL', taken, id)
  return redis.call('XACK', taken, group, id)
end
local function bury(group, id, reason)
  local item = redis.call('XRANGE', taken, id, id)[1]
  if item then
    local user, entry = field(item, 'user'), field(item, 'entry')
    redis.call('XADD', dead, 'MAXLEN', '~', '10000', '*', 'user', user, 'entry', entry, 'reason', reason)
    count('dead:' .. reason, 1)
  end
  return drop(group, id)
end

if task == 'offer' then
  local limit, size = tonumber(ARGV[2]), redis.call('ZCARD', waiting)
  local queued, coalesced, shed = 0, 0, 0
  for i = 3, #ARGV, 3 do
    local user = ARGV[i]
    -- Strangers before all, in their order.
    local served = ARGV[i + 1] == '' and nowMs - 1e15 or tonumber(ARGV[i + 1])
    if redis.call('ZSCORE', waiting, user) then
      coalesced = coalesced + 1
    else
      local isIn = size < limit
      if not isIn then
        shed = shed + 1
        local freshest = redis.call('ZRANGE', waiting, 0, 0, 'REV', 'WITHSCORES')
        if freshest[1] and served < tonumber(freshest[2]) then
          redis.call('ZREM', waiting, freshest[1])
          redis.call('HDEL', entries, freshest[1])
          size = size - 1
          isIn = true
        end
      end
      if isIn then
        redis.call('ZADD', waiting, text(served), user)
        redis.call('HSET', entries, user, ARGV[i + 2])
        size = size + 1
        queued = queued + 1
      end
    end
  end
  count('queued', queued)
  count('coalesced', coalesced)
  count('shed', shed)
  return {queued, coalesced, shed}
end

if task == 'take' then
  local group, consumer, limit, most = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[6])
  if redis.call('EXISTS', taken) == 0 then
    if redis.call('ZCARD', waiting) == 0 then return {text(nowMs)} end
    redis.call('XGROUP', 'CREATE', taken, group, '0', 'MKSTREAM')
  else
    redis.pcall('XGROUP', 'CREATE', taken, group, '0')
  end
  nowMs = math.max(nowMs, tonumber(redis.call('HGET', figures, 'takenMs') or 0) + 1)
  local given = {text(nowMs)}
  local room = limit
  local function give(item, attempt)
    for _, value in ipairs({item[1], field(item, 'user'), field(item, 'entry'), attempt}) do
      given[#given + 1] = value
    end
    room = room - 1
  end
  local claimed = 0
  if ARGV[5] ~= '' then
    local cursor = '0-0'
    repeat
      local reply = redis.call('XAUTOCLAIM', taken, group, consumer, ARGV[5], cursor, 'COUNT', room)
      cursor = reply[1]
      for _, item in ipairs(reply[2]) do
        local attempt = redis.call('XPENDING', taken, group, item[1], item[1], 1)[1][4]
        if attempt > most then
          bury(group, item[1], 'failed')
        else
          give(item, attempt)
          claimed = claimed + 1
        end
      end
    until cursor == '0-0' or room <= 0
  end
  if room > 0 then
    local first = redis.call('ZPOPMIN', waiting, room)
    for i = 1, #first, 2 do
      local entry = redis.call('HGET', entries, first[i]) or ''
      redis.call('HDEL', entries, first[i])
      redis.call('XADD', taken, text(nowMs) .. '-*', 'user', first[i], 'entry', entry)
    end
    if #first > 0 then redis.call('HSET', figures, 'takenMs', text(nowMs)) end
    local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', room, 'STREAMS', taken, '>')
    local items = read and read[1] and read[1][2] or {}
    for _, item in ipairs(items) do give(item, 1) end
    count('taken', #items)
  end
  count('claimed', claimed)
  return given
end

if task == 'done' or task == 'bury' then
  local own = 0
  for i = task == 'done' and 3 or 4, #ARGV do
    own = own + (task == 'done' and drop(ARGV[2], ARGV[i]) or bury(ARGV[2], ARGV[i], ARGV[3]))
  end
  if task == 'done' then count('done', own) end
  return own
end

if task == 'extend' then
  local own = 0
  for i = 4, #ARGV do
    local pending = redis.call('EXISTS', taken) == 1 and redis.call('XPENDING', taken, ARGV[2], ARGV[i], ARGV[i], 1)[1]
    if pending and pending[2] == ARGV[3] then
      redis.call('XCLAIM', taken, ARGV[2], ARGV[3], 0, ARGV[i], 'JUSTID')
      own = own + 1
    end
  end
  return own
end

if task == 'tidy' then
  local left = 0
  local consumers = redis.pcall('XINFO', 'CONSUMERS', taken, ARGV[2])
  if consumers.err then return left end
  for _, about in ipairs(consumers) do
    local of = {}
    for i = 1, #about, 2 do of[about[i]] = about[i + 1] end
    if of.pending == 0 and (of.name == ARGV[3] or of.idle > tonumber(ARGV[4])) then
      redis.call('XGROUP', 'DELCONSUMER', taken, ARGV[2], of.name)
      left = left + 1
    end
  end
  return left
end

if task == 'forget' then
  local user = ARGV[2]
  local places = redis.call('ZREM', waiting, user)
  redis.call('HDEL', entries, user)
  for _, stream in ipairs({taken, dead}) do
    for _, item in ipairs(redis.call('XRANGE', stream, '-', '+')) do
      if field(item, 'user') == user then places = places + redis.call('XDEL', stream, item[1]) end
    end
  end
  return places
end

if task == 'look' then
  local counted = redis.call('HGETALL', figures)
  return {text(nowMs), redis.call('ZCARD', waiting), redis.call('XLEN', taken), redis.call('XLEN', dead), counted}
end
return redis.error_reply('ERR no such task')
`
