"""A store that is asked as long as it answers. What it does not take is kept, and written when it is back.

Where only some of its servers are away, nothing of this holds up what belongs to the others.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded

from ...exceptions import StorePartlyUnavailable, StoreUnavailable
from ...logs import get_logger
from .. import counters, prefix
from ..store import Batch, Store
from .breaker import Breaker
from .events import EVENTS_A_WRITE, Kept, by_prefix, count_written, merged, part_of
from .spill import Spill

logger = get_logger("celery_ops.tracking")

#: Seconds between two tries of an ending process.
EXIT_PAUSE: Final = 0.05

#: What a later try may get over.
OUTAGES: Final = (StoreUnavailable, SoftTimeLimitExceeded, OSError)

T = TypeVar("T")


class GuardedStore:
    """Asks ``store``, whoever asks, at most once in an outage; several threads may share it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.breaker = Breaker(self.try_again)
        self.spill = Spill()
        self.trying = threading.Lock()

    def ask(self, question: Callable[[Store], T], whose: str) -> T:
        """Return what the store answers under the prefix ``whose``. Raises StoreUnavailable, at once in an outage."""
        if self.breaker.is_late:
            self.try_again()
        if self.breaker.is_open:
            raise StoreUnavailable("the store did not answer a moment ago")
        try:
            with prefix.using(whose):
                return question(self.store)
        except (SoftTimeLimitExceeded, StorePartlyUnavailable):
            raise
        except Exception as error:
            self.breaker.away(error)
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def write(self, batches: Sequence[Batch], whose: str) -> None:
        """Write them in one round trip; what could not be written is kept."""
        try:
            refused = self.ask(lambda store: store.write(merged(batches)), whose)
            if refused and len(batches) > 1:  # which of them, each tells
                refused = sum(self.ask(lambda store: store.write(batch), whose) for batch in batches if batch)  # noqa: B023 - called at once
            count_written(len(batches), refused)
        except StorePartlyUnavailable as error:
            waiting = part_of(batches, error)  # the other servers have theirs
            count_written(len(batches) - len(waiting))
            self.spill.keep([(whose, batch) for batch in waiting])
            self.breaker.lack(error)
        except StoreUnavailable:
            self.keep([(whose, batch) for batch in batches])

    def keep(self, events: Sequence[Kept]) -> None:
        """Keep what could not be written."""
        self.spill.keep(events)
        if not self.breaker.is_open:  # it came back since, and took what was kept before this
            self.try_again()

    def try_again(self) -> None:
        """Ask the store for a sign of life, write what is kept, and end the outage when that works."""
        if not self.trying.acquire(blocking=False):
            return
        try:
            self.store.ping()  # not with events: a frozen store would take them in after all, once they are given up
            missing = self._write_all_kept()
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            self.breaker.away(error, again=True)
        else:
            self.breaker.back(missing)
        finally:
            self.trying.release()
        if self.spill and self.breaker.is_well:  # kept by another thread just before it was back
            self.try_again()

    def _write_all_kept(self) -> StorePartlyUnavailable | None:
        """Try everything once. Return why some of it still waits, if it does."""
        missing = None
        for _ in range(0, len(self.spill), EVENTS_A_WRITE):
            try:
                self._write_kept(self.spill.take())
            except StorePartlyUnavailable as error:
                missing = error
        return missing

    def end(self, until: float, patience: float) -> None:
        """Write what is kept before the process ends; what the store does not take in time is lost, and counted.

        ``until`` is by ``time.monotonic()``, and ``patience`` for how many seconds to wait for a try under way.
        """
        if not self.trying.acquire(timeout=patience):  # by the timer, whose try may have taken events along
            counters.add("lost", len(self.spill))
            return
        try:
            while events := self.spill.take():
                try:
                    self._write_kept(events)
                except Exception as error:
                    if time.monotonic() < until:
                        time.sleep(EXIT_PAUSE)
                        continue
                    lost = self.spill.lose()
                    logger.warning("%d events are lost: the store is away at the end (%s).", lost, error)
        finally:
            self.trying.release()

    def _write_kept(self, events: Sequence[Kept]) -> None:
        """Write them in one round trip for each prefix; what could not be written waits on.

        Raises StorePartlyUnavailable when that is only what belongs to some servers: it waits behind all others.
        """
        left, missing = by_prefix(events), None
        try:
            for whose, batches in list(left.items()):
                try:
                    with prefix.using(whose):
                        refused = self._write_together(batches)
                except StorePartlyUnavailable as error:
                    missing = error
                    waiting = part_of(batches, error)
                    self.spill.put_behind([(whose, batch) for batch in waiting])
                    count_written(len(batches) - len(waiting))
                else:
                    count_written(len(batches), refused)
                del left[whose]
        except BaseException:
            self.spill.put_back([event for event in events if event[0] in left])
            raise
        if missing is not None:
            raise missing

    def _write_together(self, batches: Sequence[Batch]) -> int:
        """Write them to a store that has just given a sign of life, and return how much it refuses.

        What it cannot even say to its server is refused as well: no later try would change that, and the rest waits.
        """
        try:
            return self.store.write(merged(batches))
        except OUTAGES:
            raise
        except Exception as error:
            if len(batches) > 1:
                return sum(self._write_together([batch]) for batch in batches)
            logger.warning("An event cannot be written and is lost: %s: %s", type(error).__name__, error)
            return 1
