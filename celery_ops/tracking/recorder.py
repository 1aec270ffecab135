"""Between the host and the store: nobody waits for it, nothing lost silently, nothing raised.

An event is handed over in memory, and a thread writes those of a few milliseconds at once. They are written as well
before anything is read here, before the process forks, and before it ends.

A store that fails once is not asked again by the host. A timer asks in its place after a cool-down (1 s, doubling to
30 s), and what could not be written meanwhile waits in a bounded deque: it is written when the store is back, and at
the latest when the process ends.

Where only some servers of a store are away, nothing of this holds up what belongs to the others.
"""

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded

from ..conf import conf
from ..exceptions import StorePartlyUnavailable, StoreUnavailable
from ..logs import get_logger
from . import counters, prefix
from .refs import ObjectRef
from .store import Batch, NoStore, Store, add_fields
from .writer import Writer

logger = get_logger("celery_ops.tracking")

SPILL: Final = 1000  # events
EVENTS_A_WRITE: Final = 100
#: Events that wait for the thread before who has another one lets it run, and the seconds that takes.
CROWD: Final = 500
LET_RUN: Final = 0.001
#: Events that are told before the other threads, which wait for Python's lock, have so many seconds.
TOLD_AT_ONCE: Final = 8
BREATH: Final = 1e-6
COOL_DOWN: Final = 1.0  # seconds
COOL_DOWN_MAX: Final = 30.0
#: Seconds after which the host tries itself: some servers let no thread of ours run.
TIMER_LATE: Final = 1.0
#: Seconds that an ending process gives the store to come back, and between two tries.
EXIT_PATIENCE: Final = 1.0
EXIT_PAUSE: Final = 0.05

#: What a later try may get over.
OUTAGES: Final = (StoreUnavailable, SoftTimeLimitExceeded, OSError)

T = TypeVar("T")
#: What one event knows, or what tells it when it is about to be written: the method of what knows more with each event,
#: and tells all of it, is called once for those that are written together.
Event = Batch | Callable[[], Batch]
#: A batch that waits, behind the prefix of the moment when it happened.
Kept = tuple[str, Batch]


class Recorder:
    """Writes to and reads from one store, for one process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._trying = threading.Lock()
        self._writing = threading.RLock()
        self._handed: deque[tuple[str, Event]] = deque()
        self._writer = Writer(self._handed, self.flush)
        self._spill: deque[Kept] = deque()
        self._cool_down = 0.0  # 0 while the store is well
        self._retry_at = 0.0  # time.monotonic()
        self._lacks_part = False  # whether some of its servers did not take what is theirs

    @property
    def kept(self) -> int:
        """How many events wait for the store."""
        return len(self._handed) + len(self._spill)

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
        if self.store.is_at_hand or _is_ending:
            self.flush()
        elif not self._writer.wake():
            self.flush(0)  # it may be that it writes just now
        elif len(self._handed) > CROWD:
            self._bound()

    def ask(self, question: Callable[[Store], T]) -> T:
        """Return what the store answers. Raises StoreUnavailable, and at once during an outage."""
        whose = prefix.current()
        self.flush()
        return self._ask(question, whose)

    def flush(self, patience: float | None = None) -> int:
        """Write here and now what was handed over, and return how many events that was; they may have to be kept.

        ``patience`` is for how many seconds to wait for another thread that is writing, ``EXIT_PATIENCE`` without one.
        """
        if not self._writing.acquire(timeout=EXIT_PATIENCE if patience is None else patience):
            return 0
        try:
            left = count = len(self._handed)  # what comes meanwhile is the next write's
            while left > 0 and (handed := _taken(self._handed)):
                left -= len(handed)
                self._write(handed)
            return count
        finally:
            self._writing.release()

    def pause(self) -> None:
        """Write what was handed over, and let no thread run until the next event."""
        self._writer.stop(EXIT_PATIENCE)
        self.flush()

    def _bound(self) -> None:
        """So many wait since others keep the thread from running, or since the store hangs."""
        time.sleep(LET_RUN)
        lost = 0
        while len(self._handed) > SPILL:
            self._handed.popleft()
            lost += 1
        if lost:
            counters.add("lost", lost)

    def _write(self, handed: Sequence[tuple[str, Event]]) -> None:
        """Write them in one round trip for each prefix; what could not be written is kept."""
        try:
            left = _by_prefix(list(_all_told(handed)))
        except BaseException:  # a time limit of the host's: the events must outlive it
            self._handed.extendleft(reversed(handed))
            raise
        try:
            for whose, batches in list(left.items()):
                try:
                    self._write_batches(batches, whose)
                except StorePartlyUnavailable as error:
                    self._keep_part(whose, batches, error)
                except StoreUnavailable:
                    self._keep([(whose, batch) for batch in batches])
                del left[whose]
        except BaseException:
            self._keep([(whose, batch) for whose, batches in left.items() for batch in batches])
            raise

    def _write_batches(self, batches: Sequence[Batch], whose: str) -> None:
        refused = self._ask(lambda store: store.write(merged(batches)), whose)
        if refused and len(batches) > 1:  # which of them, each tells
            refused = sum(self._ask(lambda store: store.write(batch), whose) for batch in batches if batch)  # noqa: B023
        _written(len(batches), refused)

    def _ask(self, question: Callable[[Store], T], whose: str) -> T:
        if (self._cool_down or self._lacks_part) and time.monotonic() > self._retry_at + TIMER_LATE:
            self.try_again()
        if self._cool_down:
            raise StoreUnavailable("the store did not answer a moment ago")
        try:
            with prefix.using(whose):
                return question(self.store)
        except (SoftTimeLimitExceeded, StorePartlyUnavailable):
            raise
        except Exception as error:
            self._away(error)
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def try_again(self) -> None:
        """Ask the store for a sign of life, write what is kept, and end the outage when that works."""
        if not self._trying.acquire(blocking=False):
            return
        try:
            self.store.ping()  # not with events: a frozen store would take them in after all, once they are given up
            missing = self._write_all_kept()
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            self._away(error, again=True)
        else:
            self._back(missing)
        finally:
            self._trying.release()
        if self._spill and not (self._cool_down or self._lacks_part):  # kept by another thread just before it was back
            self.try_again()

    def _write_all_kept(self) -> StorePartlyUnavailable | None:
        """Try everything once. Return why some of it still waits, if it does."""
        missing = None
        for _ in range(0, len(self._spill), EVENTS_A_WRITE):
            try:
                self._write_kept(self._take())
            except StorePartlyUnavailable as error:
                missing = error
        return missing

    def end(self) -> None:
        """Write what waits before the process ends; what the store does not take in time is lost, and counted."""
        until = time.monotonic() + EXIT_PATIENCE
        self.pause()
        if stuck := _taken(self._handed, len(self._handed)):  # behind a thread whose write does not come back
            counters.add("lost", len(stuck))
        if not self._trying.acquire(timeout=EXIT_PATIENCE):  # by the timer, whose try may have taken events along
            counters.add("lost", self.kept)
            return
        try:
            while events := self._take():
                try:
                    self._write_kept(events)
                except Exception as error:
                    if time.monotonic() < until:
                        time.sleep(EXIT_PAUSE)
                        continue
                    counters.add("lost", len(self._spill))
                    logger.warning("%d events are lost: the store is away at the end (%s).", len(self._spill), error)
                    self._spill.clear()
        finally:
            self._trying.release()

    def _write_kept(self, events: Sequence[Kept]) -> None:
        """Write them in one round trip for each prefix; what could not be written waits on.

        Raises StorePartlyUnavailable when that is only what belongs to some servers: it waits behind all others.
        """
        left, missing = _by_prefix(events), None
        try:
            for whose, batches in list(left.items()):
                try:
                    with prefix.using(whose):
                        refused = self._write_together(batches)
                except StorePartlyUnavailable as error:
                    missing = error
                    waiting = _part_of(batches, error)
                    with self._lock:
                        self._spill.extend((whose, batch) for batch in waiting)
                    _written(len(batches) - len(waiting), 0)
                else:
                    _written(len(batches), refused)
                del left[whose]
        except BaseException:
            with self._lock:
                self._spill.extendleft(event for event in reversed(events) if event[0] in left)
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

    def _take(self) -> list[Kept]:
        with self._lock:
            return _taken(self._spill)

    def _keep(self, events: Sequence[Kept]) -> None:
        self._spill_over(events)
        if not self._cool_down:  # it came back since, and took what was kept before this
            self.try_again()

    def _keep_part(self, whose: str, batches: Sequence[Batch], error: StorePartlyUnavailable) -> None:
        """Keep what belongs to the servers that are away: the others have theirs."""
        waiting = _part_of(batches, error)
        _written(len(batches) - len(waiting), 0)
        self._spill_over([(whose, batch) for batch in waiting])
        self._lack(error)

    def _spill_over(self, events: Sequence[Kept]) -> None:
        counters.add("kept", len(events))
        with self._lock:
            self._spill.extend(events)
            lost = max(0, len(self._spill) - SPILL)
            for _ in range(lost):
                self._spill.popleft()
        if lost:
            counters.add("lost", lost)

    def _away(self, error: Exception, *, again: bool = False) -> None:
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

    def _lack(self, error: StorePartlyUnavailable, *, again: bool = False) -> None:
        with self._lock:
            fresh, self._lacks_part = not self._lacks_part, True
            if not (fresh or again):
                return
            self._retry_at = time.monotonic() + COOL_DOWN
        if fresh:
            counters.add("outages")
            logger.warning("A part of the tracking store is away (%s). Tasks are not affected; events are kept.", error)
        self._try_again_after(COOL_DOWN)  # what is away is asked less often by the store itself

    def _try_again_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self.try_again)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:  # the interpreter is ending: flush_at_exit comes
            logger.debug("No thread for the store's next try")

    def _back(self, missing: StorePartlyUnavailable | None) -> None:
        """The store answers; ``missing`` says why a part of it does not, if one does not."""
        with self._lock:
            outage, self._cool_down = self._cool_down or self._lacks_part, 0.0
            self._lacks_part = self._lacks_part and missing is not None
        if missing is not None:
            self._lack(missing, again=True)
        elif outage:
            counts = counters.counts()
            logger.warning("The tracking store is back. So far %(kept)d events were kept, %(lost)d lost.", counts)


def _taken(events: deque[Any], number: int = EVENTS_A_WRITE) -> list[Any]:
    """Take the first of them, as many as are written at once."""
    taken: list[Any] = []
    try:
        while len(taken) < number:
            taken.append(events.popleft())
    except IndexError:  # others may take as well: length and pop are two steps
        pass
    return taken


def _all_told(handed: Sequence[tuple[str, Event]]) -> Iterator[Kept]:
    told: dict[tuple[str, int], object] = {}  # what knew of earlier ones of these events, and so of all
    for number, (whose, event) in enumerate(handed, 1):
        teller = getattr(event, "__self__", event)
        if (whose, id(teller)) in told:
            yield whose, ()
            continue
        if batch := _told(event):
            told[whose, id(teller)] = teller
            yield whose, batch
        if not number % TOLD_AT_ONCE:
            time.sleep(BREATH)


def _told(event: Event) -> Batch:
    if not callable(event):
        return event
    try:
        return event()
    except SoftTimeLimitExceeded:
        raise
    except Exception:
        counters.add("errors")
        logger.warning("An event could not be told; the task is not affected.", exc_info=True)
        return ()


def _written(events: int, refused: int) -> None:
    counters.add("written", events)
    if refused:
        counters.add("refused", refused)


def _nobodys(error: StoreUnavailable) -> None:
    """An event of which the site does not say whose it is: it is lost, for nobody else's is it either."""
    counters.add("lost")
    if "prefix" not in _warned:
        _warned.add("prefix")
        logger.warning("Events are lost: it is not known whose they are (%s). Said once.", error)


_warned: set[str] = set()


def _by_prefix(events: Sequence[Kept]) -> dict[str, list[Batch]]:
    batches: dict[str, list[Batch]] = {}
    for whose, batch in events:
        batches.setdefault(whose, []).append(batch)
    return batches


def _part_of(batches: Sequence[Batch], error: StorePartlyUnavailable) -> list[Batch]:
    """Return what of these could not be written."""
    left = {ref for ref, _fields in error.left}
    parts = ([(ref, fields) for ref, fields in batch if ref in left] for batch in batches)
    return [part for part in parts if part]


def merged(batches: Sequence[Batch]) -> Batch:
    """Return one batch that says what all of them say, oldest first."""
    if len(batches) == 1:
        return batches[0]
    fields: dict[ObjectRef, dict[str, str]] = {}
    for batch in batches:
        for ref, facts in batch:
            add_fields(fields.setdefault(ref, {}), facts)
    return list(fields.items())


_recorder: Recorder | None = None
_process = os.getpid()  # whose it is: not every server tells Python that it forks
_ends_with = 0  # the process with whose end ours is tied
_is_ending = False
_built_for: tuple[Any, ...] = ()
_source: Any = None
_lock = threading.Lock()


def recorder() -> Recorder:
    """Return this process's recorder, made anew when the settings that it depends on change."""
    global _recorder, _built_for, _source, _ends_with
    current, source, process = _recorder, conf.source, os.getpid()
    if current is not None and source is _source and process == _process:
        return current
    if process != _process:
        forget()
    with _lock:
        wanted = (conf.STORE, conf.STORE_URL, conf.STORE_TIMEOUT, conf.STORE_PREFIX)
        if _recorder is not None and wanted != _built_for:
            _recorder.pause()
            if _recorder.kept:
                _recorder.try_again()
            _recorder.store.close()
            _recorder = None
        if _recorder is None:
            _recorder, _built_for = Recorder(_store()), wanted
        _source = source
        if process != _ends_with:
            _ends_with = process
            _end_with_the_process()
        return _recorder


def new_store() -> Store:
    """Return a store as the settings say. Raises ImportError or ValueError when they are wrong."""
    return conf.load("STORE")()


def _store() -> Store:
    try:
        return new_store()
    except Exception as error:
        logger.warning("There is no tracking store: %s. Tasks are not affected and not tracked.", error)
        return NoStore(error)


def flush_at_exit() -> None:
    """Write what waits before the process ends."""
    if _recorder is not None and _process == os.getpid():
        _recorder.end()


def _at_exit() -> None:
    global _is_ending
    _is_ending = True  # what is published from now on is written at once
    flush_at_exit()


def _end_with_the_process() -> None:
    """A child of multiprocessing or billiard ends without Python's own exit."""
    for name in ("multiprocessing.util", "billiard.util"):
        if (module := sys.modules.get(name)) is not None:
            module.Finalize(None, flush_at_exit, exitpriority=0)


def before_fork() -> None:
    """Write what waits: the child must not, and the parent may end at once, as daemons do."""
    if _recorder is not None and _process == os.getpid():
        _recorder.pause()


def forget() -> None:
    """Start anew, as a forked child must: connections, locks and events are its parent's."""
    global _recorder, _lock, _process
    _recorder, _lock, _process = None, threading.Lock(), os.getpid()
    counters.reset()


atexit.register(_at_exit)
os.register_at_fork(before=before_fork, after_in_child=forget)
