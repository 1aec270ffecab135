"""Between the host and the store: nobody waits for it, nothing lost silently, nothing raised.

An event is handed over in memory, and a thread writes those of a few milliseconds at once. They are written as well
before anything is read here, before the process forks, and before it ends.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from ...exceptions import StoreUnavailable
from ...logs import get_logger, is_new
from .. import counters, prefix
from ..store import Store
from .events import Event, Handed, all_told, by_prefix, taken
from .guarded_store import GuardedStore
from .spill import SPILL
from .writer import Writer

logger = get_logger("celery_ops.tracking")

#: Events that wait for the thread before who has another one lets it run, and the seconds that takes.
YIELD_ABOVE: Final = 500
YIELD_SECONDS: Final = 0.001

T = TypeVar("T")


class Recorder:
    """Writes to and reads from one store, for one process."""

    def __init__(self, store: Store, patience: float = 1.0, *, at_once: bool = False) -> None:
        """``patience`` is how many seconds are waited for a write under way, and at the end for the store itself.

        ``at_once`` has each event written where it happens.
        """
        self.guarded = GuardedStore(store)
        self.patience = patience
        self.at_once = at_once
        self._writing = threading.RLock()
        self._handed: deque[Handed] = deque()
        self._writer = Writer(self._handed, self.flush)

    @property
    def store(self) -> Store:
        return self.guarded.store

    @store.setter
    def store(self, store: Store) -> None:
        self.guarded.store = store

    @property
    def kept(self) -> int:
        """How many events wait for the store."""
        return len(self._handed) + len(self.guarded.spill)

    @property
    def is_well(self) -> bool:
        """Whether all of the store answered when it was asked last."""
        return self.guarded.breaker.is_well

    def record(self, event: Event, whose: str = "") -> None:
        """Have what one event knows written soon. Never raises StoreUnavailable, and never waits for the store.

        ``whose`` is the prefix that it belongs under; without one it is the one of this moment.
        """
        if not event:
            return
        try:
            whose = whose or prefix.current()
        except StoreUnavailable as error:
            _nobodys(error)
            return
        self._handed.append((whose, event))
        if self.at_once or self.store.is_at_hand:
            self.flush()
        elif not self._writer.wake():
            self.flush(0)  # it may be that it writes just now
        if len(self._handed) > YIELD_ABOVE:
            self._bound()

    def ask(self, question: Callable[[Store], T]) -> T:
        """Return what the store answers. Raises StoreUnavailable, and at once during an outage."""
        whose = prefix.current()
        self.flush()
        return self.guarded.ask(question, whose)

    def flush(self, patience: float | None = None) -> int:
        """Write here and now what was handed over, and return how many events that was; they may have to be kept.

        ``patience`` is for how many seconds to wait for another thread that is writing, its own without one.
        """
        if not self._writing.acquire(timeout=self.patience if patience is None else patience):
            return 0
        try:
            left = count = len(self._handed)  # what comes meanwhile is the next write's
            while left > 0 and (handed := taken(self._handed)):
                left -= len(handed)
                self._write(handed)
            return count
        finally:
            self._writing.release()

    def pause(self) -> None:
        """Write what was handed over, and let no thread run until the next event."""
        self._writer.stop(self.patience)
        self.flush()

    def hold(self) -> None:
        """Write what was handed over, and let no thread run before ``go_on``: the process is about to fork."""
        self._writer.hold(self.patience)
        self.flush()

    def go_on(self) -> None:
        """Write by a thread again."""
        self._writer.go_on()

    def try_again(self) -> None:
        """Ask a store that is away for a sign of life, and write what is kept when it gives one."""
        self.guarded.try_again()

    def end(self) -> None:
        """Write what waits before the process ends; what the store does not take in time is lost, and counted."""
        until = time.monotonic() + self.patience
        self.pause()
        if stuck := taken(self._handed, len(self._handed)):  # behind a thread whose write does not come back
            counters.add("lost", len(stuck))
        self.guarded.end(until, self.patience)

    def _bound(self) -> None:
        """So many wait since others keep the thread from running, or since the store hangs."""
        time.sleep(YIELD_SECONDS)
        lost = 0
        while len(self._handed) > SPILL:
            self._handed.popleft()
            lost += 1
        if lost:
            counters.add("lost", lost)

    def _write(self, handed: list[Handed]) -> None:
        """Write them in one round trip for each prefix; what could not be written is kept."""
        try:
            left = by_prefix(list(all_told(handed)))
            handed.clear()  # they have told what they know, and are of no use any more
        except BaseException:  # a time limit of the host's: the events must outlive it
            self._handed.extendleft(reversed(handed))
            raise
        try:
            for whose, batches in list(left.items()):
                self.guarded.write(batches, whose)
                del left[whose]
        except BaseException:
            self.guarded.keep([(whose, batch) for whose, batches in left.items() for batch in batches])
            raise


def _nobodys(error: StoreUnavailable) -> None:
    """An event of which the site does not say whose it is: it is lost, for nobody else's is it either."""
    counters.add("lost")
    if is_new("an event without a prefix"):
        logger.warning("Events are lost: it is not known whose they are (%s). Said once.", error)
