"""The tables below the charts: what the numbers are made of, by task and by queue."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_lazy as _

from ..backends.task_types import TaskType
from ..links import insight_url
from ..metrics.cells import Cell
from ..metrics.reading import Numbers
from .columns import LinkColumn
from .task_types import TaskTypeRow, TaskTypeTable

#: Rows of each table: those that ran most.
MOST_ROWS: Final = 10


class TaskPartTable(TaskTypeTable):
    """How long things took is left out: the charts of each row say that."""

    caption = _("By task")

    class Meta(TaskTypeTable.Meta):
        orderable = False
        exclude = ("wait_p50", "wait_p95", "run_p50", "run_p95", "last_failure_at")


class QueuePartTable(TaskPartTable):
    caption = _("By queue")
    name = LinkColumn(verbose_name=_("Queue"))

    class Meta(TaskPartTable.Meta):
        pass


class TaskPartRow(TaskTypeRow):
    """A task's numbers without how long each run took."""

    @property
    def run_total(self) -> float | None:
        numbers = self.type.numbers
        return numbers.run_total if numbers.count(Cell.RUN_TIME) or not numbers.run_count else None


class QueueRow(TaskPartRow):
    """A queue's numbers. Not every list of tasks knows their queues: its counts lead nowhere."""

    @property
    def charts_url(self) -> str:  # type: ignore[override]
        return insight_url(queue=self.type.name, window=self.window)

    def list_url(self, *state: str) -> str:
        return ""


def task_table(parts: Mapping[str, Numbers], window: str, start: datetime) -> TaskPartTable:
    """Return the tasks that ran most; ``start`` is when the window begins."""
    begins = start.strftime("%Y-%m-%dT%H:%M")
    return TaskPartTable([TaskPartRow(kind, window, begins) for kind in _most_run(parts)])


def queue_table(parts: Mapping[str, Numbers], window: str) -> QueuePartTable:
    """Return the queues in which most was run."""
    return QueuePartTable([QueueRow(kind, window, "") for kind in _most_run(parts)])


def _most_run(parts: Mapping[str, Numbers]) -> list[TaskType]:
    types = [TaskType(name, numbers) for name, numbers in parts.items()]
    active = [kind for kind in types if not kind.numbers.is_empty]
    return sorted(active, key=lambda kind: (-kind.runs, kind.name))[:MOST_ROWS]
