"""The tables below the charts: what the numbers are made of, by task and by queue."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from django.utils.translation import gettext_lazy as _

from ..backends.task_types import TaskType
from ..links import insight_url
from ..metrics.cells import Cell
from ..metrics.reading import Numbers
from ..timezones import minute_text
from .columns import LinkColumn
from .task_types import TaskTypeRow, TaskTypeTable

#: Rows of each table: those that ran most.
MOST_ROWS: Final = 10


class TaskPartTable(TaskTypeTable):
    """How long things took and what they cost is left out: the charts of each row and the list of types say that."""

    caption = _("By task")
    #: How many did something, too, and have no row.
    more: int = 0

    class Meta(TaskTypeTable.Meta):
        orderable = False
        exclude = ("wait_p50", "wait_p95", "run_p50", "run_p95", "cpu_total", "peak_memory", "last_failure_at")


class QueuePartTable(TaskPartTable):
    caption = _("By queue")
    name = LinkColumn(verbose_name=_("Queue"))

    class Meta(TaskPartTable.Meta):
        pass


T = TypeVar("T", bound=TaskPartTable)


class TaskPartRow(TaskTypeRow):
    """A task's numbers without how long each run took."""

    @property
    def run_total(self) -> float | None:
        numbers = self.type.numbers
        return numbers.run_total if numbers.count(Cell.RUN_TIME) or not numbers.run_count else None


class QueueRow(TaskPartRow):
    """A queue's numbers. Not every list of tasks knows their queues: its counts lead nowhere."""

    @property
    def charts_url(self) -> str:
        return insight_url(queue=self.type.name, window=self.window)

    def list_url(self, *state: str) -> str:
        return ""


def task_table(parts: Mapping[str, Numbers], window: str, start: datetime) -> TaskPartTable:
    """Return the tasks that ran most; ``start`` is when the window begins."""
    begins = minute_text(start)
    return _table(TaskPartTable, parts, lambda kind: TaskPartRow(kind, window, begins))


def queue_table(parts: Mapping[str, Numbers], window: str) -> QueuePartTable:
    """Return the queues in which most was run."""
    return _table(QueuePartTable, parts, lambda kind: QueueRow(kind, window, ""))


def _table(of: type[T], parts: Mapping[str, Numbers], row_of: Callable[[TaskType], TaskPartRow]) -> T:
    types = [TaskType(name, numbers) for name, numbers in parts.items() if not numbers.is_empty]
    most = sorted(types, key=lambda kind: (-kind.runs, kind.name))[:MOST_ROWS]
    table = of([*map(row_of, most)])
    table.more = len(types) - len(most)
    return table
