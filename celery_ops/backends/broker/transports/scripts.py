"""What Redis does for us with messages: it looks into them, and hands over no more than is needed.

A message of kombu's is a JSON object whose body is by far its longest value, and says nothing that is looked for.
"""

from typing import Final

#: Bytes of a message that is handed over whole, and of all those that Redis goes through for one answer.
LONGEST_MESSAGE: Final = 256 * 1024
MOST_BYTES: Final = 32 * 1024 * 1024

#: ``shown(message, longest)`` is the message, a long one with an empty body, or ``''`` when that is too long as well.
SHOWN: Final = r"""
local function shown(message, longest)
  if #message <= longest then return message end
  local key = string.find(message, '"body"', 1, true)
  local _, open = string.find(message, '^"body"%s*:%s*"', key or 1)
  local close = open and string.find(message, '"', open + 1, true)
  if close and string.byte(message, close - 1) == 92 then  -- no base64: its own quotes have a backslash before them
    local before = string.find(message, '[^\\]"', close)
    close = before and before + 1
  end
  local bare = close and string.sub(message, 1, open) .. string.sub(message, close)
  return bare and #bare <= longest and bare or ''
end
"""

#: Of each list its next messages, ``{{length, message}, …}``.
HEADS: Final = (
    SHOWN
    + """
local count, longest, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local heads = {}
for number, key in ipairs(KEYS) do
  local head = {}
  for place = 1, count do
    local message = room > 0 and redis.pcall('LINDEX', key, -place)
    if type(message) ~= 'string' then break end
    room = room - #message
    head[place] = {#message, shown(message, longest)}
  end
  heads[number] = head
end
return heads
"""
)

#: Of a stretch of a list, from its end, the ``{length, message}`` of those that have one of these texts in them. How
#: many it went through comes first, and how many bytes these were: fewer than asked for are the list's end, or enough
#: bytes.
SEARCH: Final = (
    SHOWN
    + """
local first, count, longest, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local answer, bytes, gone = {0, 0}, 0, 0
for place = first + 1, first + count do
  local message = bytes < room and redis.call('LINDEX', KEYS[1], -place)
  if not message then break end
  bytes, gone = bytes + #message, gone + 1
  for wanted = 5, #ARGV do
    if string.find(message, ARGV[wanted], 1, true) then
      answer[#answer + 1] = {#message, shown(message, longest)}
      break
    end
  end
end
answer[1], answer[2] = gone, bytes
return answer
"""
)

#: The message, if it is still there, from the end of one list to the beginning of another, in its new form.
MOVE: Final = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
"""
