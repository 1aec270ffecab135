"""How long the task that began last had waited in its worker, as Flower tells it: of each task, while that runs.

Counted where ``METRICS_NAMES`` asks for Flower's names, and of no task with an ETA, which a worker holds on purpose.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..tracking import prefix
from ..tracking.stamp import RECEIVED, now_ms
from ..tracking.store import IfLater
from ..tracking.tallies import Added, Row
from .flushing import flusher
from .rows import HOST_KEPT, LONGEST, host

#: Tasks of which one process remembers this between two flushes; a site has as many as it has names.
TASKS_KEPT: Final = 1000


def prefetched_row(host: str = "") -> str:
    """Return the row that says of each task when it began last, or ended since, and for how long it had waited then."""
    return f"prefetched@{host}" if host else "prefetched"


class Prefetching:
    """What this process has seen and the store has not: by prefix and task, the last of each."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._last)

    def note(self, whose: str, task: str, seconds: float) -> None:
        """Note for how long a task has waited that begins now, or 0 for one that ends."""
        place = whose, task[:LONGEST]
        if place in self._last or len(self._last) < TASKS_KEPT:
            self._last[place] = f"{now_ms()} {seconds:.3f}"

    def take(self) -> dict[str, list[Row]]:
        """Return what is to be set in the store, by prefix; it is not here any more."""
        last, self._last = self._last, {}
        by_prefix: dict[str, dict[str, str]] = {}
        for (whose, task), text in last.items():
            by_prefix.setdefault(whose or prefix.current(), {})[task] = IfLater(text)
        names = prefetched_row(), prefetched_row(host())
        return {whose: [Row(name, HOST_KEPT, texts=texts) for name in names] for whose, texts in by_prefix.items()}

    def learn(self, whose: str, row: Row, added: Added) -> None:
        """Nothing that the store says of these matters."""

    def tell(self) -> None:
        """Nobody is told of them."""


def note_received(details: dict[str, Any]) -> None:
    """Note on what the pool will get when its message was received, unless tracking has."""
    details.setdefault(RECEIVED, now_ms())


def note_begun(whose: str, task: str, details: Mapping[str, Any]) -> None:
    """Note for how long a task has waited in its worker that begins now; nothing where nobody knows."""
    if _is_known(details):
        waited = max(now_ms() - details[RECEIVED], 0) / 1000
        flusher().source(Prefetching).note(whose, task, waited)


def note_ended(whose: str, task: str, details: Mapping[str, Any]) -> None:
    """Note that a task has ended: no other of its name may run."""
    if _is_known(details):
        flusher().source(Prefetching).note(whose, task, 0.0)


def _is_known(details: Mapping[str, Any]) -> bool:
    return type(details.get(RECEIVED)) is int and not details.get("eta")


def seconds_in(rows: Iterable[Mapping[str, str]]) -> list[dict[str, float]]:
    """Return the seconds of each task by row; what is no number is left out."""
    return [{task: seconds for task, text in row.items() if (seconds := _seconds(text)) is not None} for row in rows]


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text.partition(" ")[2])
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None
