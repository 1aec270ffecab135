"""A store that fails once is not asked again by the host: a timer asks in its place, after a cool-down."""

import threading
import time
from collections.abc import Callable
from typing import Final

from ...exceptions import StorePartlyUnavailable
from ...logs import get_logger
from .. import counters

logger = get_logger("celery_ops.tracking")

#: Seconds until the store is asked again, doubled each time up to the most.
COOL_DOWN: Final = 1.0
COOL_DOWN_MAX: Final = 30.0
#: Seconds after which the host tries itself: some servers let no thread of ours run.
TIMER_LATE: Final = 1.0


class Breaker:
    """Knows whether a store is away, all of it or a part, and has ``try_again`` called until it is back."""

    def __init__(self, try_again: Callable[[], None]) -> None:
        self._try_again = try_again
        self._lock = threading.Lock()
        self._cool_down = 0.0  # 0 while the store is well
        self._retry_at = 0.0  # time.monotonic()
        self._lacks_part = False  # whether some of its servers did not take what is theirs

    @property
    def is_open(self) -> bool:
        """Whether the store is not to be asked."""
        return self._cool_down > 0

    @property
    def is_well(self) -> bool:
        """Whether all of the store answered when it was asked last."""
        return not (self._cool_down or self._lacks_part)

    @property
    def is_late(self) -> bool:
        """Whether the timer should have tried by now."""
        return not self.is_well and time.monotonic() > self._retry_at + TIMER_LATE

    def away(self, error: Exception, *, again: bool = False) -> None:
        """The store did not answer; ``again`` when that was a try to end the outage."""
        with self._lock:
            fresh = not self._cool_down
            if not (fresh or again):
                return  # another thread's question met the same silence
            self._cool_down = min(COOL_DOWN_MAX, self._cool_down * 2) or COOL_DOWN
            self._retry_at = time.monotonic() + self._cool_down
        if fresh:
            counters.add("outages")
            logger.warning("The tracking store is away (%s). Tasks are not affected; events are kept.", error)
        self._try_again_after(self._cool_down)

    def lack(self, error: StorePartlyUnavailable, *, again: bool = False) -> None:
        """Some of the store's servers did not take what is theirs; ``again`` as above."""
        with self._lock:
            fresh, self._lacks_part = not self._lacks_part, True
            if not (fresh or again):
                return
            self._retry_at = time.monotonic() + COOL_DOWN
        if fresh:
            counters.add("outages")
            logger.warning("A part of the tracking store is away (%s). Tasks are not affected; events are kept.", error)
        self._try_again_after(COOL_DOWN)  # what is away is asked less often by the store itself

    def back(self, missing: StorePartlyUnavailable | None) -> None:
        """The store answers; ``missing`` says why a part of it does not, if one does not."""
        with self._lock:
            outage, self._cool_down = self._cool_down or self._lacks_part, 0.0
            self._lacks_part = self._lacks_part and missing is not None
        if missing is not None:
            self.lack(missing, again=True)
        elif outage:
            counts = counters.counts()
            logger.warning("The tracking store is back. So far %(kept)d events were kept, %(lost)d lost.", counts)

    def _try_again_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self._try_again)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # the interpreter is ending: flush_at_exit comes
            logger.debug("No thread for the store's next try")
