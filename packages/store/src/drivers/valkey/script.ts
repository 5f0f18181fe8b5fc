import { createHash } from 'node:crypto'

/**
 * All that changes a user or an item, in one step: the hash is KEYS[1], what to do ARGV[1].
 *
 * - `write`, key, feature time as f64 or nothing, then field, expected version as u32 and record each. 2 where the
 *   tombstone is of that time or later, else 0 where a version has moved on, else 1.
 * - `forget`, tombstone. Numbers of rings, states and events. What it removes first makes room for what it sets where
 *   memory is full.
 * - `remove`, field, version. 1 where it was removed.
 *
 * A record's version is at byte 8, a tombstone's time at byte 16; Lua counts from 1.
 */
export const script = `
local hash, task = KEYS[1], ARGV[1]
local function version(field)
  local held = redis.call('HGET', hash, field)
  return held and string.sub(held, 9, 12) or '\\0\\0\\0\\0'
end
local function time(tombstone)
  return tombstone and (struct.unpack('<d', tombstone, 17)) or -math.huge
end
if task == 'write' then
  if ARGV[3] ~= '' and time(redis.call('HGET', hash, 't')) >= (struct.unpack('<d', ARGV[3])) then
    return 2
  end
  local values = {'k', ARGV[2]}
  for i = 4, #ARGV, 3 do
    if version(ARGV[i]) ~= ARGV[i + 1] then return 0 end
    values[#values + 1] = ARGV[i]
    values[#values + 1] = ARGV[i + 2]
  end
  redis.call('HSET', hash, unpack(values))
  return 1
end
if task == 'forget' then
  local rings, states, events = 0, 0, 0
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    if field == 's' then states = 1
    elseif field == 'e' then events = 1
    elseif string.sub(field, 1, 2) == 'r:' then rings = rings + 1 end
  end
  local held = redis.call('HGET', hash, 't')
  redis.call('DEL', hash)
  redis.call('HSET', hash, 't', time(held) > time(ARGV[2]) and held or ARGV[2])
  return {rings, states, events}
end
if task == 'remove' then
  if version(ARGV[2]) ~= ARGV[3] then return 0 end
  redis.call('HDEL', hash, ARGV[2])
  if redis.call('HLEN', hash) == redis.call('HEXISTS', hash, 'k') + redis.call('HEXISTS', hash, 't') then
    redis.call('HDEL', hash, 'k')
  end
  return 1
end
return redis.error_reply('ERR no such task')
`

export const scriptSha = createHash('sha1').update(script).digest('hex')
