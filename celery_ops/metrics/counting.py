"""Counting in this process: an event costs the host an append, and is added up by whoever has the time."""

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from ..exceptions import StoreUnavailable
from ..tracking import counters, prefix
from ..tracking.costs import Cost
from ..tracking.recorder import recorder
from ..tracking.tallies import Added, Row, Wanted
from .cells import Total
from .queues import queue_named
from .rows import Names, rows_of
from .tally import Event, Place, Subject, Tally

#: Events that wait to be added up before the one who brings another does it.
FOLDED_AT: Final = 200
#: Minutes of tasks and queues that are kept while the store is away; what comes after is lost, and counted.
SUBJECTS_KEPT: Final = 20_000


class Counting:
    """What this process has seen and the store has not."""

    def __init__(self) -> None:
        self._sent: deque[Place] = deque()
        self._events: deque[Event] = deque()
        self._costs: deque[tuple[Place, Cost]] = deque()
        self._folding = threading.Lock()
        self._tallies: dict[Place, Tally] = {}
        self._names: dict[str, Names] = {}  # by prefix

    def __len__(self) -> int:
        return len(self._sent) + len(self._events) + len(self._costs) + len(self._tallies)

    def sent(self, place: Place) -> None:
        """Count a publish."""
        self._sent.append(place)
        if len(self._sent) > FOLDED_AT:
            self.fold()

    def add(self, event: Event) -> None:
        """Count what a worker has seen."""
        self._events.append(event)
        if len(self._events) > FOLDED_AT:
            self.fold()

    def spend(self, place: Place, cost: Cost) -> None:
        """Count what an attempt cost; its end is added, too."""
        self._costs.append((place, cost))

    def fold(self, patience: float = 0.0) -> None:
        """Add up what waits, unless somebody else does. A signal's handler may come here while its thread does."""
        if not (self._folding.acquire(timeout=patience) if patience else self._folding.acquire(blocking=False)):
            return
        try:
            for place, number in Counter(_taken(self._sent)).items():
                if (tally := self._of(place)) is not None:
                    tally.counts[Total.SENT] += number
            for place, kind, seconds, exception, is_skewed in _taken(self._events):
                if (tally := self._of(place)) is not None:
                    tally.add(kind, seconds, exception, is_skewed)
            for place, cost in _taken(self._costs):
                if (tally := self._of(place)) is not None:
                    tally.spend(cost)
        finally:
            self._folding.release()

    def _of(self, place: Place) -> Tally | None:
        try:
            tally = self._tallies.get(place)
        except TypeError:  # a message may call its exchange or its key what is no name
            counters.add("uncounted")
            return None
        if tally is None:
            if len(self._tallies) >= SUBJECTS_KEPT:
                counters.add("uncounted")
                return None
            tally = self._tallies[place] = Tally()
        return tally

    def take(self) -> dict[str, list[Row]]:
        """Return what is to be added to the store, by prefix; it is not here any more."""
        self.fold(1.0)
        tallies, self._tallies = self._tallies, {}
        by_prefix: dict[str, list[tuple[Subject, Tally]]] = {}
        for (minute, whose, task, exchange, routing_key), tally in tallies.items():
            subject = Subject(minute, whose or prefix.current(), task, queue_named(exchange, routing_key))
            by_prefix.setdefault(subject.whose, []).append((subject, tally))
        return {whose: rows_of(pairs, self._names_of(whose)) for whose, pairs in by_prefix.items()}

    def learn(self, whose: str, row: Row, added: Added) -> None:
        """Note how many names a row has in the store since it was added to, and which when it takes no more."""
        names = self._names_of(whose)
        names.learn(row.name, added.names)
        if not names.is_to_be_known(row.name):
            return
        with suppress(StoreUnavailable), prefix.using(whose):  # what others have begun is counted on from here, too
            (kept,) = recorder().ask(lambda store: store.tallies(Wanted(names=[row.name]))).names
            names.know(row.name, kept)

    def tell(self) -> None:
        """Nobody is told of numbers."""

    def _names_of(self, whose: str) -> Names:
        return self._names.setdefault(whose, Names())


def _taken(events: "deque[Any]") -> Iterator[Any]:
    """Take those that are there now: what comes meanwhile is the next one's."""
    try:
        for _ in range(len(events)):
            yield events.popleft()
    except IndexError:
        return
