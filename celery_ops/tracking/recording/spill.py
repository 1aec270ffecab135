"""Events that wait for a store that is away: as many as the newest ``SPILL``, and what is lost is counted."""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from .. import counters
from .events import Kept, taken

SPILL: Final = 1000  # events


class Spill:
    """Told events, oldest first. Several threads may share it."""

    def __init__(self) -> None:
        self._events: deque[Kept] = deque()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._events)

    def keep(self, events: Sequence[Kept]) -> None:
        """Keep these as well. The oldest of all are lost first."""
        counters.add("kept", len(events))
        with self._lock:
            self._events.extend(events)
            lost = max(0, len(self._events) - SPILL)
            for _ in range(lost):
                self._events.popleft()
        if lost:
            counters.add("lost", lost)

    def take(self) -> list[Kept]:
        """Take the oldest, as many as are written at once."""
        with self._lock:
            return taken(self._events)

    def put_back(self, events: Sequence[Kept]) -> None:
        """Have these first again, in their order."""
        with self._lock:
            self._events.extendleft(reversed(events))

    def put_behind(self, events: Sequence[Kept]) -> None:
        """Have these wait behind all others."""
        with self._lock:
            self._events.extend(events)

    def lose(self) -> int:
        """Give up all of them, and return how many that is."""
        with self._lock:
            lost = len(self._events)
            self._events.clear()
        counters.add("lost", lost)
        return lost
