"""What this process has counted goes to the store every five seconds, and when the process ends: one round trip.

A flush that fails is sent again as it was, under the name that it had: a store that took it and could not say so does
not count it twice. What is seen meanwhile waits, by its own minutes.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Final, Protocol, TypeVar
from uuid import uuid4

from billiard import common

from ..exceptions import StoreUnavailable
from ..logs import get_logger
from ..tracking import prefix
from ..tracking.recorder import recorder
from ..tracking.recording.per_process import PerProcess
from ..tracking.recording.writer import Writer
from ..tracking.tallies import Added, Row
from .counting import Counting

logger = get_logger("celery_ops.metrics")

#: Seconds between two flushes. A process that is killed may lose its last five: a flush, and a busy thread, take time.
FLUSH_EVERY: Final = 4.0
#: Seconds that an ending process gives the store to come back, and between two tries.
EXIT_PATIENCE: Final = 1.0
EXIT_PAUSE: Final = 0.05
#: Seconds that a process of a pool waits before a flush once it was told to end: Celery kills it after 0.1, where a
#: time limit is over. It counts that itself, so what the process made of its end meanwhile is not to be counted, too.
KILLED_WITHIN: Final = 0.5


class Source(Protocol):
    """Something that a process counts. ``len`` is how much waits to be flushed."""

    def __len__(self) -> int: ...

    def take(self) -> Mapping[str, list[Row]]:
        """Return what is to be added, by prefix, and forget it."""

    def learn(self, whose: str, row: Row, added: Added) -> None:
        """Take note of what the store says of a row that it has added to."""

    def tell(self) -> None:
        """Tell the site of what was learnt: it may take its time, and nobody waits for it with numbers in hand."""


S = TypeVar("S", bound=Source)


@dataclass(frozen=True, slots=True)
class Flush:
    """What is added to the store once, whatever becomes of the answer."""

    whose: str
    once: str
    rows: list[tuple[Source, Row]]


class Flusher:
    """Brings what the sources of this process have to the store."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = tuple(sources)
        self._by_kind = {type(source): source for source in self.sources}
        self.counting = self.source(Counting)
        self.is_awake = False
        self._writing = threading.Lock()
        self._waiting: list[Flush] = []  # what the store has not said that it took
        self._names = map(f"{uuid4().hex[:16]}-{{}}".format, count())
        self._writer = Writer(self, self._flush_unless_killed, FLUSH_EVERY, FLUSH_EVERY)
        self._flushed = time.monotonic()

    def source(self, kind: type[S]) -> S:
        """Return this process's source of a kind, which counts from now on if it was not registered in time."""
        if kind not in self._by_kind:
            self._by_kind.setdefault(kind, kind())
            self.sources = tuple(self._by_kind.values())
        return self._by_kind[kind]  # type: ignore[return-value]  # by its type

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self.sources))

    def wake(self) -> None:
        """See to it that what was counted is flushed soon. Costs nothing but for the first event of a flush."""
        if self.is_awake:
            return
        self.is_awake = True
        if not self._writer.wake():  # no thread of ours may run here
            self.is_awake = False
            if time.monotonic() - self._flushed > FLUSH_EVERY:
                self.flush()

    def flush(self) -> int:
        """Write what waits, now. Return how many flushes that was; what could not be written waits on."""
        if not self._writing.acquire(timeout=EXIT_PATIENCE):
            return 0
        try:
            self.is_awake, self._flushed = False, time.monotonic()
            number = self._write(self._waiting)
            if not self._waiting:
                self._waiting = self._sealed()
                number += self._write(self._waiting)
        finally:
            self._writing.release()
        for source in self.sources:
            source.tell()
        return number

    def _flush_unless_killed(self) -> int:
        if getattr(common, "_should_have_exited", [False])[0]:  # billiard's own mark; a task may outlive it
            time.sleep(KILLED_WITHIN)
        return self.flush()

    def _sealed(self) -> list[Flush]:
        rows: dict[str, list[tuple[Source, Row]]] = {}
        for source in self.sources:
            for whose, taken in source.take().items():
                rows.setdefault(whose, []).extend((source, row) for row in taken)
        return [Flush(whose, next(self._names), taken) for whose, taken in rows.items() if taken]

    def _write(self, flushes: list[Flush]) -> int:
        """Write these in turn, and take those that the store has from the list."""
        number = 0
        while flushes:
            flush = flushes[0]
            add = partial(_added, rows=[row for _source, row in flush.rows], once=flush.once)
            try:
                with prefix.using(flush.whose):
                    answers = recorder().ask(add)
            except StoreUnavailable as error:
                logger.debug("Numbers wait for the store: %s", error)
                break
            flushes.pop(0)
            number += 1
            for (source, row), answer in zip(flush.rows, answers or (), strict=False):
                if answer.names or answer.before is not None:
                    source.learn(flush.whose, row, answer)
        return number

    def pause(self) -> None:
        """Let no thread run until the next event."""
        self._writer.stop(EXIT_PATIENCE)
        self.is_awake = False

    def hold(self) -> None:
        """Let no thread run before ``go_on``, whatever is counted: the process is about to fork."""
        self._writer.hold(EXIT_PATIENCE)
        self.is_awake = False

    def go_on(self) -> None:
        """Have what was counted flushed: it may be all there is for a while."""
        self._writer.go_on()

    def end(self) -> None:
        """Write what waits before the process ends."""
        until = time.monotonic() + EXIT_PATIENCE
        self.pause()
        while len(self):
            self.flush()
            if not len(self):
                break
            if time.monotonic() > until:
                logger.warning("What was counted since the last flush is lost: the store is away at the end.")
                self._lose()  # a process has several ends, and waits for the store at one of them
                break
            time.sleep(EXIT_PAUSE)

    def _lose(self) -> None:
        self._waiting = []
        for source in self.sources:
            source.take()


def _added(store: Any, rows: list[Row], once: str) -> list[Added] | None:
    return store.add(rows, once)


#: What is counted: each process has a source of each kind.
_kinds: list[type[Source]] = [Counting]


def register(kind: type[Source]) -> None:
    """Have something else flushed along with the numbers: ``kind`` makes a process's source of it."""
    if kind not in _kinds:
        _kinds.append(kind)


#: Brings this process's numbers to the store.
flusher: Final = PerProcess(lambda: Flusher([kind() for kind in _kinds]))
