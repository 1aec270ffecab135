"""Whether beat's loop moves: seen from another thread, which neither asks it nor stops it."""

import sys
import time
from typing import Any, Final

#: Seconds between two looks.
LOOK_EVERY: Final = 3.0


class Loop:
    """The loop of one beat.

    A loop that sleeps between two ticks is well: it sleeps ``max_interval`` at most. One that is inside of a tick each
    time it is looked at moves if it has sent something meanwhile, or if its heap or its count of ticks is another.
    """

    def __init__(self, service: Any, ident: int) -> None:
        self._service = service
        self._scheduler = service.scheduler
        self._ident = ident
        self.code = getattr(type(service).start, "__code__", None)
        self._sending_code = getattr(getattr(type(self._scheduler), "apply_entry", None), "__code__", None)
        self.began = self.moved = time.monotonic()
        self._looked = 0.0
        self._last: Any = None
        #: How many messages the loop has sent.
        self.sent = 0

    @property
    def still(self) -> float:
        """Seconds since the loop was seen to move."""
        return time.monotonic() - self.moved

    @property
    def is_waiting_for_lock(self) -> bool:
        """Whether redbeat waits for the lock that another beat has."""
        scheduler = self._scheduler
        return bool(getattr(scheduler, "lock_key", None)) and getattr(scheduler, "lock", True) is None

    @property
    def is_sending(self) -> bool:
        """Whether beat's thread is sending an entry: until the broker has it, it is not in the heap."""
        frame = sys._current_frames().get(self._ident)
        while frame is not None and frame.f_code is not self.code:
            if frame.f_code is self._sending_code:
                return True
            frame = frame.f_back
        return False

    @property
    def entries(self) -> int | None:
        """How many entries beat has in hand, None where it has no heap: before its first tick, and in redbeat."""
        heap = getattr(self._scheduler, "_heap", None)
        return None if heap is None else len(heap) + self.is_sending

    def look(self) -> None:
        """Note it when the loop moves."""
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return
        self._looked = now
        progress = self._progress()
        if progress != self._last or self._is_resting():
            self.moved, self._last = now, progress

    def _is_resting(self) -> bool:
        """Whether the innermost function of beat's thread is its loop: it sleeps, or is about to tick."""
        frame = sys._current_frames().get(self._ident)
        return frame is not None and frame.f_code is self.code

    def _progress(self) -> Any:
        top = next(iter(list(getattr(self._scheduler, "_heap", None) or ())[:1]), None)
        return self.sent, top and top[0], getattr(self._service, "_last_tick", None)
