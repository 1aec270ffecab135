"""What a Redis goes through by itself for a reader, so that it need not send it: scripts in Lua."""

from typing import Final

from .scripts import Script

#: Answers what stands for a hash, and the hash unless that is ARGV[1]: most who ask have seen it. What is no hash is
#: refused before all of it would be copied.
READ_UNLESS: Final = Script(b"""
local kept = redis.call('HLEN', KEYS[1]) > 0 and redis.call('DUMP', KEYS[1])
local version = kept and redis.sha1hex(kept) or 'none'
if version == ARGV[1] then return {version} end
return {version, redis.call('HGETALL', KEYS[1])}
""")
#: Answers the fields that end in a number from ARGV[1] to ARGV[2], and those that end in none. Of a value in pieces the
#: last one says it, and all are answered.
READ_BETWEEN: Final = Script(b"""
local key, least, most, tails = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), {'\\254', '\\255'}
local find, sub, byte, kept, told = string.find, string.sub, string.byte, redis.call('HGETALL', KEYS[1]), {}
local function is_other(text)
  local comma = find(text, ',', -12, true)
  local number = comma and tonumber(sub(text, comma + 1), 16)
  if number and number > most and byte(text, comma + 1) == 45 then
    number = -(tonumber(sub(text, comma + 2), 16) or 0)
  end
  return number and (number < least or number > most)
end
for at = 2, #kept, 2 do
  local value = kept[at]
  local is_marked = byte(value) == 126
  if is_marked or not is_other(value) then
    local name, pieces = kept[at - 1], is_marked and math.min((tonumber(sub(value, 2, 2)) or 1) - 1, #tails) or 0
    local text, last = pieces > 0 and redis.call('HGET', key, name .. tails[pieces]) or value, byte(name, -1)
    if last ~= 254 and last ~= 255 and (pieces > 0 and text == value or not is_other(text)) then
      told[#told + 1], told[#told + 2] = name, value
      for piece = 1, pieces do
        told[#told + 1], told[#told + 2] = name .. tails[piece], redis.call('HGET', key, name .. tails[piece]) or ''
      end
    end
  end
end
return told
""")
