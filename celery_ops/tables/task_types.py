"""The table of the types of tasks: each number leads to the tasks that it counts, times to their charts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_tables2 import Column

from .. import states, timezones
from ..backends.task_types import TaskType
from ..charts.sparkline import Sparkline
from ..charts.words import share
from ..formatting import Moment, breakable, clean, duration
from ..links import insight_url, task_list_url
from ..metrics.cells import OTHER, Cell
from .base import OpsTable
from .columns import PLAIN, FigureColumn, LinkColumn, SizeColumn, TextColumn, cells
from .links import PageLink

#: Columns of a small picture, at most: what it shows is summed up.
MOST_POINTS: Final = 48


@dataclass(frozen=True)
class TaskTypeRow:
    """What one page shows of a type: ``start`` is when its window begins, in words for the list of tasks."""

    type: TaskType
    window: str
    start: str

    @property
    def name(self) -> str:
        return clean(self.type.name) or gettext("unknown")

    @cached_property
    def charts_url(self) -> str:
        return insight_url(task=self.type.name, window=self.window)

    @cached_property
    def url(self) -> str:
        return self.charts_url or self.list_url()

    def list_url(self, *state: str) -> str:
        """Return the list of its tasks of some states in the window, empty for a name that no list can ask for.

        What many tasks are counted as together is none of theirs.
        """
        if state not in self._urls:  # several cells lead to the same one
            self._urls[state] = self._list_url(state)
        return self._urls[state]

    @cached_property
    def _urls(self) -> dict[tuple[str, ...], str]:
        return {}

    def _list_url(self, state: Sequence[str]) -> str:
        if self.type.name in ("", OTHER) or clean(self.type.name) != self.type.name:
            return ""
        return task_list_url(state=state, name=self.type.name, since=self.start)

    @property
    def trend(self) -> Sparkline:
        cells = self.type.numbers.cells
        points = added_up([sum(ends) for ends in zip(cells[Cell.SUCCESS], cells[Cell.FAILURE], strict=True)])
        label = gettext("Runs over time: %(runs)s in all, %(most)s at most at once")
        return Sparkline(points, label % {"runs": self.type.runs, "most": max(points, default=0)})

    @property
    def last_failure_at(self) -> datetime | None:
        return self.type.last_failure_at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.type, name)


def added_up(points: list[int]) -> list[int]:
    """Return neighbours added up, so that there are at most ``MOST_POINTS``."""
    together = -(-len(points) // MOST_POINTS) or 1
    return [sum(points[at : at + together]) for at in range(0, len(points), together)]


class NameColumn(LinkColumn):
    """A task's name, which may be broken where it has a dot."""

    def render(self, value: str, record: TaskTypeRow) -> PageLink:
        return PageLink(format_html_join("", "{}<wbr>", zip(breakable(value))), record.url)


class CountColumn(FigureColumn):
    """A count that leads to those that it counts."""

    def __init__(self, *state: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = state

    def render(self, value: int, record: TaskTypeRow) -> PageLink:
        return PageLink(self.words(value), record.list_url(*self.state) if value else "")

    def words(self, value: Any) -> str:
        return number_format(value, force_grouping=True)


class RateColumn(CountColumn):
    """A part of all, in per cent."""

    def words(self, value: float) -> str:
        return share(value)


class SecondsColumn(FigureColumn):
    """A length of time that leads to how it changed."""

    def render(self, value: float, record: TaskTypeRow) -> PageLink:
        return PageLink(duration(timedelta(seconds=value)), record.charts_url)


class FailedColumn(Column):
    """When it failed last, leading to the failures."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(attrs=cells("celery-ops-when"), initial_sort_descending=True, **kwargs)

    def render(self, value: datetime, record: TaskTypeRow) -> Any:
        moment, url = Moment.of(value, timezones.now()), record.list_url(states.FAILURE)
        return format_html('<a href="{}">{}</a>', url, moment) if url else moment


class TaskTypeTable(OpsTable):
    caption = _("Task types")
    name = NameColumn(verbose_name=_("Task"))
    trend = TextColumn(verbose_name=_("Trend"), orderable=False, attrs=PLAIN)
    runs = CountColumn(states.SUCCESS, states.FAILURE, verbose_name=_("Runs"))
    failures = CountColumn(states.FAILURE, verbose_name=_("Failures"))
    failure_rate = RateColumn(states.FAILURE, verbose_name=_("Failure rate"))
    wait_p50 = SecondsColumn(verbose_name=_("Wait p50"))
    wait_p95 = SecondsColumn(verbose_name=_("Wait p95"))
    run_p50 = SecondsColumn(verbose_name=_("Run p50"))
    run_p95 = SecondsColumn(verbose_name=_("Run p95"))
    run_total = SecondsColumn(verbose_name=_("Run total"))
    cpu_total = SecondsColumn(verbose_name=_("CPU"))
    peak_memory = SizeColumn(verbose_name=_("Memory"))
    last_failure_at = FailedColumn(verbose_name=_("Last failure"), default="")

    class Meta(OpsTable.Meta):
        attrs = {"class": "table celery-ops-types-table"}
        default = pgettext_lazy("a figure", "unknown")
        row_attrs = {"data-key": lambda record: record.name}


def row_maker(window: str, start: datetime) -> Callable[[TaskType], TaskTypeRow]:
    """Return what makes a row of a type; ``start`` is when the window begins."""
    begins = timezones.minute_text(start)
    return lambda kind: TaskTypeRow(kind, window, begins)
