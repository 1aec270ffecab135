"""Redis: single messages found, deleted, and moved.

A message that a worker takes meanwhile is gone: it is deleted or moved by its exact bytes, and only once.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .keyspace import Keyspace

#: Messages of a queue that are gone through, from the next one on.
MOST: Final = 10_000
#: Messages that Redis goes through for one answer, and bytes of those that it hands over.
AT_ONCE: Final = 500
LONGEST: Final = 256 * 1024

#: Of a stretch of a list, from its end, the messages that have one of these texts in them, as ``{count, message, …}``.
SEARCH: Final = """
local first, count, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local messages = redis.call('LRANGE', KEYS[1], -(first + count), -(first + 1))
local found = {#messages}
for place = #messages, 1, -1 do
  if #messages[place] <= longest then
    for wanted = 4, #ARGV do
      if string.find(messages[place], ARGV[wanted], 1, true) then
        found[#found + 1] = messages[place]
        break
      end
    end
  end
end
return found
"""

#: The message, if it is still there, from the end of one list to the beginning of another, in its new form.
MOVE: Final = """
if redis.call('LREM', KEYS[1], -1, ARGV[1]) == 0 then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
return 1
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A message that waits: ``place`` is the number of its sub-queue."""

    task_id: str
    place: int
    key: bytes
    raw: bytes


def find(keys: Keyspace, queue: str, task_ids: Sequence[str]) -> list[Found]:
    """Return the next message of each id that one waits for."""
    wanted, found = dict.fromkeys(task_ids), []
    for message in _messages(keys, queue, wanted):
        if message.task_id in wanted:
            del wanted[message.task_id]
            found.append(message)
        if not wanted:
            break
    return found


def delete(keys: Keyspace, queue: str, task_ids: Sequence[str]) -> list[str]:
    """Delete one message of each id, and return the ids of those that were still there."""
    return [each.task_id for each in find(keys, queue, task_ids) if keys.client.lrem(each.key, -1, each.raw)]


def move(keys: Keyspace, queue: str, task_ids: Sequence[str], to: str) -> list[str]:
    """Put one message of each id at the end of the queue ``to``; return the ids of those that were still there."""
    targets = keys.sub_queues(to)
    return [
        each.task_id
        for each in find(keys, queue, task_ids)
        if keys.client.eval(MOVE, 2, each.key, targets[each.place].key, each.raw, _addressed(each.raw, to))
    ]


def _messages(keys: Keyspace, queue: str, wanted: Iterable[str]) -> Iterator[Found]:
    """Yield the messages that may be meant, those that are taken next first."""
    texts = [json.dumps(task_id)[1:-1] for task_id in wanted]
    for place, sub_queue in enumerate(keys.sub_queues(queue)):
        for first in range(0, MOST, AT_ONCE):
            count, *raws = keys.client.eval(SEARCH, 1, sub_queue.key, first, AT_ONCE, LONGEST, *texts)
            for raw in raws:
                yield Found(_task_id(raw), place, sub_queue.key, raw)
            if count < AT_ONCE:
                break


def _task_id(raw: bytes) -> str:
    headers = _read(raw).get("headers")
    task_id = headers.get("id") if isinstance(headers, dict) else None
    return task_id if isinstance(task_id, str) else ""


def _addressed(raw: bytes, queue: str) -> bytes:
    """The message as if it had been sent to this queue: whoever puts it back goes by what it says."""
    message = _read(raw)
    properties = message.get("properties")
    if isinstance(properties, dict):
        properties["delivery_info"] = {"exchange": "", "routing_key": queue}
    return json.dumps(message).encode()


def _read(raw: bytes) -> dict[str, Any]:
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
