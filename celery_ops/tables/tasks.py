"""The table of tasks: its columns, and its rows as they are written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Protocol

from django.template.loader import get_template
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tables2.columns import BoundColumn

from ..backends.base import TaskBackend
from ..formatting import Moment, age, reader
from ..links import schedule_url, task_url
from .base import Head, OpsTable
from .columns import TextColumn, cells
from .links import PageLink
from .task_rows import TaskRow

#: Columns of which each needs something that not every backend has.
SUPPORTS: Final = {
    "worker": ("supports_worker",),
    "queue": ("supports_queue",),
    "created": ("supports_created",),
    "started": ("supports_started",),
    "finished": ("supports_finished",),
    "wait": ("supports_created", "supports_started"),
    "run": ("supports_started", "supports_finished"),
    "cpu": ("supports_cost",),
    "memory": ("supports_cost",),
}


class Choice(Protocol):
    """The states in which a row can be chosen."""

    def __contains__(self, state: str, /) -> bool: ...


class TaskTable(OpsTable):
    """Rows are written out in one template, and what was written for a row before is written again.

    Heads lead to the orders that the backend has: nothing is sorted here.
    """

    id = TextColumn(verbose_name=_("Id"), attrs=cells("celery-ops-task-id"))
    name = TextColumn(verbose_name=_("Task"), attrs=cells("celery-ops-task-name"))
    state = TextColumn(verbose_name=_("State"), attrs=cells("celery-ops-task-state"))
    worker = TextColumn(verbose_name=_("Worker"), attrs=cells("celery-ops-task-worker"))
    queue = TextColumn(verbose_name=_("Queue"), attrs=cells("celery-ops-task-queue"))
    created = TextColumn(verbose_name=_("Created"), attrs=cells("celery-ops-when"))
    started = TextColumn(verbose_name=_("Started"), attrs=cells("celery-ops-when"))
    finished = TextColumn(verbose_name=_("Finished"), attrs=cells("celery-ops-when"))
    wait = TextColumn(verbose_name=_("Wait"), attrs=cells("celery-ops-number"))
    run = TextColumn(verbose_name=_("Run time"), attrs=cells("celery-ops-number"))
    cpu = TextColumn(verbose_name=_("CPU"), attrs=cells("celery-ops-number"))
    memory = TextColumn(verbose_name=_("Memory"), attrs=cells("celery-ops-number"))
    error = TextColumn(verbose_name=_("Error"), attrs=cells("celery-ops-task-error"))

    caption = _("Tasks")

    class Meta(OpsTable.Meta):
        attrs = {"class": "table celery-ops-task-table"}
        template_name = "celery_ops/tasks/table.html"

    def __init__(
        self,
        rows: list[TaskRow],
        *,
        backend: TaskBackend,
        sort: str,
        link: Callable[..., str],
        choice: Choice | None = None,
        **kwargs: Any,
    ) -> None:
        """``sort`` is the order of the rows; ``link`` returns the address of this list with ``sort`` changed.

        ``choice`` has the states in which a row can be chosen; it is None where none can.
        """
        left_out = [name for name, needs in SUPPORTS.items() if not all(getattr(backend, need) for need in needs)]
        if sort.lstrip("-") != "started" and not {"created", "wait"} & set(left_out):
            left_out.append("started")  # the creation and the wait say it
        super().__init__(rows, exclude=left_out, orderable=False, **kwargs)
        self.link, self.sort, self.sorts, self.choice = link, sort, backend.sorts, choice
        self.shows = {column.name: True for column in self.columns}

    @cached_property
    def labels(self) -> dict[str, str]:
        """What stands above each column, which rows that were written before have in them."""
        return {column.name: str(column.header) for column in self.columns}

    def tasks(self) -> Iterator["WrittenRow"]:
        """Yield the rows; a name, a badge or a link that several have is written once."""
        writing = _Writing(self)
        for row in self.data:
            yield WrittenRow(row, writing)

    @property
    def head(self) -> "WrittenHead":
        return WrittenHead((type(self), reader(), *self.shows, self.sort, *self.sorts, self.link and self.link()))

    def _head(self, column: BoundColumn) -> Head:
        attrs = column.attrs["th"].as_html()
        down, up = f"-{column.name}", column.name
        offered = [order for order in (down, up) if order in self.sorts]
        if self.link is None or not offered:
            return Head(column.header, attrs)
        following = next((order for order in offered if order != self.sort), self.sort)
        order = {down: "descending", up: "ascending"}.get(self.sort, "")
        return Head(column.header, attrs, self.link(sort=following), order)


@dataclass(frozen=True, slots=True)
class WrittenHead:
    """The heads of a table's columns: ``key`` is all that they show."""

    key: tuple[Any, ...]
    is_whole: bool = True


class _Writing:
    """What the rows of one table are written with."""

    def __init__(self, table: TaskTable) -> None:
        self.now = timezone.now()
        self.name, self.badge, self.link, self.waits = cache(_name), cache(_badge), cache(_link), cache(_waits)
        self.schedule = cache(_schedule)
        self.table = table
        self.times = [time for time in ("created", "started", "finished") if time in table.shows]
        self.choice = table.choice
        self.look = (reader(), *table.shows, task_url("0"))


class WrittenRow:
    """A row and its parts as they are written, each when it is asked for. ``key`` is all that it shows."""

    def __init__(self, task: TaskRow, writing: _Writing) -> None:
        self.task, self._writing = task, writing
        choice = writing.choice
        self.choice = None if choice is None else task.state in choice

    @property
    def key(self) -> tuple[Any, ...] | None:
        task, writing = self.task, self._writing
        if task.key is None:
            return None
        ages = [age(getattr(task, time), writing.now) for time in writing.times]
        return writing.look, task.key, self.choice, *ages

    @property
    def is_whole(self) -> bool:
        """Whether it says all that its key does."""
        return not self.task.is_cut

    @property
    def name(self) -> str:
        return self._writing.name(self.task.name)

    @property
    def schedule(self) -> str:
        return self._writing.schedule(self.task.schedule)

    @property
    def badge(self) -> str:
        return self._writing.badge(self.task.state, self.task.tone)

    @property
    def place(self) -> str:
        task, writing = self.task, self._writing
        return writing.waits(self.queue) if task.waits else writing.link(task.worker, task.worker_url)

    @property
    def queue(self) -> str:
        return self._writing.link(self.task.queue, self.task.queue_url)

    @property
    def times(self) -> list[tuple[str, Moment | None]]:
        """The times under their labels."""
        now, labels = self._writing.now, self._writing.table.labels
        return [(labels[time], Moment.of(getattr(self.task, time), now)) for time in self._writing.times]


def _name(name: str) -> str:
    return _written("tasks/name", value=name)


def _badge(state: str, tone: str) -> str:
    return _written("panel/state", state=state, tone=tone)


def _link(name: str, url: str) -> str:
    return str(PageLink(name, url))


def _schedule(name: str) -> str:
    return _link(name, schedule_url(name)) if name else ""


def _waits(queue: str) -> str:
    return _written("tasks/waits", queue=queue)


def _written(template: str, **context: str) -> str:
    return get_template(f"celery_ops/{template}.html").render(context)
