"""Looks along one index, each at a bounded number of rows, and what the last ones have found."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ... import states
from .states import OTHERS
from .table_places import Place

#: From so many rows of a status on, what they mean is kept for so many seconds.
MANY: Final = 500
SECONDS: Final = 30.0
#: So many looks are known: of some places, which may be many tenants'.
MOST_KNOWN: Final = 1000

STATES: Final = tuple(sorted(set(states.ALL) - {states.LOST}))

#: Operators and values of a range.
Bounds = tuple[tuple[str, Any], ...]
#: Whose table of which model is looked at.
Where = tuple[Place, type]


def at(value: str) -> Bounds:
    """Return one value as a range: of an equality, a planner knows that the order says nothing, and walks elsewhere."""
    return (">=", value), ("<=", value)


@cache
def gaps() -> tuple[Bounds, ...]:
    """Return the ranges between Celery's states, in which those of the site's own are."""
    between: list[Bounds] = [((">", low), ("<", high)) for low, high in pairwise(STATES)]
    return (*between, (("<", STATES[0]),), ((">", STATES[-1]),))


@dataclass(frozen=True, slots=True)
class Known:
    """What a look at the rows of a status has found: so many, the sum of their keys, and the last of these.

    ``others`` are how many of them mean each other state.
    """

    rows: int
    ids: Any
    last: int
    others: tuple[int, ...]


class Line(NamedTuple):
    """What a look has found, of one state where it groups by them; ``first`` and ``second`` are hits that mean others.

    ``ids`` and ``last`` are as in ``Known``.
    """

    look: int
    state: str | None
    hits: int
    rows: int
    first: int
    second: int
    ids: Any
    last: Any

    @property
    def others(self) -> tuple[int, int]:
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class RangeLook:
    """At most ``limit`` rows of a range, along the column's index; nothing of them is read where it ``only_counts``.

    What its rows mean is ``known`` since it was made before.
    """

    column: str
    bounds: Bounds
    limit: int
    only_counts: bool = False
    known: Known | None = None

    @classmethod
    def at(cls, column: str, value: str, limit: int) -> "RangeLook":
        return cls(column, at(value), limit)

    def is_the_same(self, line: Line) -> bool:
        """Return whether what is found now is what was known."""
        if self.known is None or line.rows != self.known.rows:
            return False
        return line.rows >= self.limit or line.ids in (None, self.known.ids)

    @property
    def status(self) -> str | None:
        """The one status that its rows have, None where they may have several."""
        ends = {value for operator, value in self.bounds if operator in (">=", "<=")}
        return next(iter(ends)) if self.column == "status" and len(ends) == 1 else None


@dataclass(slots=True)
class Seen:
    """How many rows of each state match, of how many that were looked at, and whether they are all."""

    hits: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True
    rows: int = 0

    @classmethod
    def together(cls, seen: Sequence["Seen"]) -> "Seen":
        """What looks that have no row in common have seen."""
        hits = Counter[str]()
        for look in seen:
            hits.update(look.hits)
        return cls(hits, all(look.is_whole for look in seen), sum(look.rows for look in seen))

    def add(self, look: RangeLook, line: Line) -> None:
        """Take in a line of a look's answer."""
        self.rows += line.rows
        self.is_whole = self.rows < look.limit
        if look.only_counts:
            return
        if look.status is None:
            self.hits[line.state or ""] += line.hits
            return
        others = look.known.others if look.known else line.others
        self.hits[look.status] += line.hits - sum(others)
        for other, number in zip(OTHERS.get(look.status, ()), others, strict=False):
            if number:
                self.hits[other] += number


class KnownLooks:
    """The last looks at whole statuses at which ``many`` rows were read, for some seconds: it is much to read again.

    A look that came to its end holds for as long as the index has the same rows, or as many where it does not say
    which; one that stopped for as long as the row is there at which it did.
    """

    def __init__(self, many: int = MANY, seconds: float = SECONDS) -> None:
        self.many, self.seconds = many, seconds
        self._known: dict[tuple[Where, RangeLook], tuple[float, Known]] = {}

    def with_known(self, where: Where, look: RangeLook) -> RangeLook:
        found_at, known = self._known.get((where, look), (0.0, None))
        return look if time.monotonic() - found_at > self.seconds else replace(look, known=known)

    def keep(self, where: Where, look: RangeLook, known: Known) -> None:
        is_read = look.status is not None and not look.only_counts and look.known is None
        if is_read and known.rows >= (self.many if look.status in OTHERS else look.limit):
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[where, look] = time.monotonic(), known

    def forget(self) -> None:
        self._known.clear()


known_looks: Final = KnownLooks()
