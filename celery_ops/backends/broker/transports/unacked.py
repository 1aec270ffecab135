"""How many messages of each queue the workers hold, told from kombu's one hash of them all.

Its values end with the exchange and the routing key that a message came by, not with its queue: where several queues
may have had it, the number of each is unknown.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

#: A field's value is ``[message, exchange, routing key]``. What stands between two quotes holds none that is bare.
ROUTE: Final = re.compile(rb'\},\s*("(?:[^"\\]|\\.)*"),\s*("(?:[^"\\]|\\.)*")\]\Z')

#: Bytes of a value's end in which both are found.
END: Final = 2048

#: Hands over the ends, or nothing when there are too many or they would take Redis too long to go through.
SCRIPT: Final = """
local limit, length, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('HLEN', KEYS[1]) > limit then return false end
local ends = {}
for number, tag in ipairs(redis.call('HKEYS', KEYS[1])) do
  room = room - redis.call('HSTRLEN', KEYS[1], tag)
  if room < 0 then return false end
  ends[number] = string.sub(redis.call('HGET', KEYS[1], tag), -length)
end
return ends
"""

#: Of each exchange, the routing keys and queues bound to it.
Bindings = Mapping[str, Sequence[tuple[str, str]]]


class Unacked:
    """Counts by queue; None where it cannot be told."""

    def __init__(self, ends: Sequence[bytes] | None, bindings: Bindings) -> None:
        self._counts: Counter[str] = Counter()
        self._doubtful: set[str] = set()
        self._is_known = ends is not None
        for end in ends or ():
            self._add(end, bindings)

    def of(self, queue: str) -> int | None:
        return None if not self._is_known or queue in self._doubtful else self._counts[queue]

    def _add(self, end: bytes, bindings: Bindings) -> None:
        route = _route(end)
        if route is None:
            self._is_known = False
            return
        exchange, key = route
        queues = {key} if not exchange else _reached(bindings.get(exchange, ()), key)
        if len(queues) == 1:
            self._counts.update(queues)
        else:
            self._doubtful |= queues


def _reached(bound: Sequence[tuple[str, str]], key: str) -> set[str]:
    """Return the queues that the exchange may have put it into; all when none of them wants it any more."""
    exact = {queue for wanted, queue in bound if wanted == key or "*" in wanted or "#" in wanted}
    return exact or {queue for _, queue in bound}


def _route(end: bytes) -> tuple[str, str] | None:
    match = ROUTE.search(end)
    try:
        return (json.loads(match[1]), json.loads(match[2])) if match else None
    except ValueError:
        return None
