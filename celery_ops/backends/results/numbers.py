"""What tasks came to by their stored results, in the shape of what is counted, for sites where nothing is counted.

Only the newest rows are read. None says in which queue its task was, nor whether it was to wait for a time: SENT is 0
and how long tasks waited is unknown.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.apps import apps
from django.db.models.functions import Left

from ... import states, timezones
from ...databases import alias_of
from ...exceptions import BackendUnavailable
from ...metrics.cells import SERIES, Cell
from ...metrics.distribution import BUCKETS, Distribution, bucket_of
from ...metrics.reading import Numbers, added
from ...metrics.windows import Window
from ...sentences import Sentence as _
from ...tracking import row_times
from .backend import answered
from .checks import APP
from .states import STATE

#: Rows that are read, the newest first.
NEWEST: Final = 10_000

_COLUMNS: Final = ("task_name", "meant", "date_started", "noted", "date_done")
#: Name, state, when it began and when the row was last written.
_Ended = tuple[str, str, float | None, float]


@dataclass(frozen=True, slots=True)
class StoredNumbers:
    """What each task did in a window, by its name, and when it failed last.

    ``since`` is when the oldest row that was read was written, where there are older ones of the window; None where all
    of it was read.
    """

    by_task: Mapping[str, Numbers] = field(default_factory=dict)
    failed_at: Mapping[str, datetime] = field(default_factory=dict)
    since: datetime | None = None

    def of(self, task: str = "") -> Numbers | None:
        """Return what a task did, or all of them together; None when that is nothing."""
        chosen = [numbers for name, numbers in self.by_task.items() if task in ("", name)]
        return added(chosen) if chosen else None


def stored_numbers(window: Window, now: float | None = None, trouble: str = "") -> StoredNumbers:
    """Return the numbers of a window by the newest 10,000 results.

    Raises BackendUnavailable, with the ``trouble`` for which results are asked where there is one.
    """
    start, end = window.bounds(time.time() if now is None else now)
    try:
        rows = _rows()
    except BackendUnavailable:
        if trouble:
            raise BackendUnavailable(trouble) from None
        raise
    within = [row for row in rows if start <= row[3] < end]
    names: dict[str, list[_Ended]] = {}
    for row in within:
        names.setdefault(row[0], []).append(row)
    oldest = min((row[3] for row in rows), default=0.0)
    is_cut = len(rows) == NEWEST and oldest >= start
    return StoredNumbers(
        {name: _numbers(window, start, end, ended) for name, ended in names.items()},
        {name: failed for name, ended in names.items() if (failed := _failed_at(ended)) is not None},
        datetime.fromtimestamp(oldest, timezones.EPOCH.tzinfo) if is_cut else None,
    )


def _rows() -> list[_Ended]:
    """Return the newest rows. Raises BackendUnavailable."""
    if not apps.is_installed(APP):
        raise BackendUnavailable(_("django-celery-results is not installed."))
    model: Any = apps.get_model(APP, "TaskResult")
    rows = model._default_manager.using(alias_of(model)).annotate(meant=STATE, noted=Left("meta", row_times.LENGTH))
    with answered():
        newest = rows.order_by("-id").values_list(*_COLUMNS)[:NEWEST]
        return [_ended(*row) for row in newest]


def _ended(name: str | None, state: str, started: datetime | None, noted: str | None, done: datetime) -> _Ended:
    """``noted`` is when it began by its worker's clock, where that noted it."""
    done = timezones.aware(done)
    begun = timezones.of_milliseconds(row_times.noted(noted)[1])
    if begun is None and started is not None:
        begun = timezones.believed_start(timezones.aware(started), ended=done)
    return name or "", state, None if begun is None else begun.timestamp(), done.timestamp()


def _failed_at(ended: Iterable[_Ended]) -> datetime | None:
    latest = max((done for _name, state, _begun, done in ended if state == states.FAILURE), default=None)
    return None if latest is None else datetime.fromtimestamp(latest, timezones.EPOCH.tzinfo)


def _numbers(window: Window, start: int, end: int, ended: Iterable[_Ended]) -> Numbers:
    """Return the numbers of one task."""
    cells = {cell: [0] * ((end - start) // window.step) for cell in Cell}
    first = start // window.times.step * window.times.step
    times = range(first, end, window.times.step)
    runs = [Counter[int]() for _slot in times]
    spent = [0.0] * len(cells[Cell.RUN_TIME])
    for _name, state, begun, done in ended:
        if begun is not None and start <= begun < end:
            cells[Cell.STARTED][(int(begun) - start) // window.step] += 1
        if state not in SERIES:
            continue
        slot = (int(done) - start) // window.step
        cells[SERIES[state]][slot] += 1
        if begun is not None and state in (states.SUCCESS, states.FAILURE):
            took = max(0.0, done - begun)
            spent[slot] += took
            runs[(int(done) - first) // window.times.step][bucket_of(took)] += 1
    cells[Cell.RUN_TIME] = [round(seconds * 100) for seconds in spent]
    return Numbers(start, end, window.step, cells, times, [Distribution()] * len(times), [*map(_distribution, runs)])


def _distribution(buckets: Mapping[int, int]) -> Distribution:
    return Distribution(tuple(buckets.get(bucket, 0) for bucket in range(BUCKETS))) if buckets else Distribution()
