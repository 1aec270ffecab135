"""The table of tasks: its columns, and its rows as one viewer may see them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.template.loader import get_template
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_tables2 import Column
from django_tables2.columns import BoundColumn

from .. import states
from ..backends.base import TaskBackend
from ..formatting import SHORT_ID, Moment, clean, duration
from ..info import TaskInfo
from ..links import task_url
from ..payload.payload import Searched, error_class
from ..redaction import Budget
from .base import Head, OpsTable
from .links import PageLink, queue_link, worker_link

#: Columns of which each needs something that not every backend has.
SUPPORTS: Final = {
    "worker": ("supports_worker",),
    "queue": ("supports_queue",),
    "created": ("supports_created",),
    "started": ("supports_started",),
    "finished": ("supports_finished",),
    "wait": ("supports_created", "supports_started"),
    "run": ("supports_started", "supports_finished"),
}


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task in a list: texts that a page can carry, and addresses, empty where there can be none."""

    id: str
    url: str
    name: str
    state: str
    tone: str
    worker: str
    worker_url: str
    queue: str
    queue_url: str
    created: datetime | None
    started: datetime | None
    finished: datetime | None
    wait: str
    run: str
    error: str
    waits: bool = False
    revoke: str = ""

    @property
    def is_to_be_revoked(self) -> bool:
        """Whether somebody asked for that and nothing has come of it yet."""
        return self.revoke == states.REQUESTED

    @property
    def short_id(self) -> str:
        return self.id[:SHORT_ID]


def task_rows(tasks: Iterable[TaskInfo], *, may_view_payload: Callable[[str], bool], query: str = "") -> list[TaskRow]:
    """Return the rows of a page; ``may_view_payload`` is asked once for each task name.

    ``query`` is a query string that goes with the addresses of the tasks' own pages.
    """
    ask, worker, queue = cache(may_view_payload), cache(worker_link), cache(queue_link)
    texts = Searched(Budget.of_page())
    return [
        _row(
            task,
            worker(task.worker or ""),
            queue(task.queue or ""),
            error=shown_error(task, texts, may_view_payload=ask(task.name)),
            query=query,
        )
        for task in tasks
    ]


def _row(task: TaskInfo, worker: PageLink, queue: PageLink, *, error: str, query: str) -> TaskRow:
    return TaskRow(
        id=clean(task.id),
        url=task_url(task.id, query),
        name=clean(task.name),
        state=clean(task.state),
        tone=states.tone(task.state),
        worker=worker.name,
        worker_url=worker.url,
        queue=queue.name,
        queue_url=queue.url,
        created=task.created_at,
        started=task.started_at,
        finished=task.finished_at,
        wait=duration(task.wait),
        run=duration(task.run_time),
        error=error,
        waits=task.state == states.PENDING and not (task.worker or task.started_at),
        revoke=states.revoke_outcome(task.state) if task.revoke_requested_at else "",
    )


def shown_error(task: TaskInfo, texts: Searched, *, may_view_payload: bool) -> str:
    """Return a task's error on one line: redacted, or its class alone. ``texts`` is for all tasks of a list."""
    if not task.error:
        return ""
    if not may_view_payload:
        return error_class(task.error)
    return " ".join(texts.error(task).split())


#: A row, its name, its badge, where it is and its queue as they are written, and its times under their labels.
Written = tuple[TaskRow, str, str, str, str, list[tuple[str, Moment | None]]]


def _cells(name: str) -> dict[str, dict[str, str]]:
    return {"cell": {"class": name}}


class TaskTable(OpsTable):
    """Rows are written by one template each, in a quarter of the time that a template for each cell takes.

    Heads lead to the orders that the backend has: nothing is sorted here.
    """

    id = Column(verbose_name=_("Id"), attrs=_cells("celery-ops-task-id"))
    name = Column(verbose_name=_("Task"), attrs=_cells("celery-ops-task-name"))
    state = Column(verbose_name=_("State"), attrs=_cells("celery-ops-task-state"))
    worker = Column(verbose_name=_("Worker"), attrs=_cells("celery-ops-task-worker"))
    queue = Column(verbose_name=_("Queue"), attrs=_cells("celery-ops-task-queue"))
    created = Column(verbose_name=_("Created"), attrs=_cells("celery-ops-when"))
    started = Column(verbose_name=_("Started"), attrs=_cells("celery-ops-when"))
    finished = Column(verbose_name=_("Finished"), attrs=_cells("celery-ops-when"))
    wait = Column(verbose_name=_("Wait"), attrs=_cells("celery-ops-number"))
    run = Column(verbose_name=_("Run time"), attrs=_cells("celery-ops-number"))
    error = Column(verbose_name=_("Error"), attrs=_cells("celery-ops-task-error"))

    caption = _("Tasks")

    class Meta(OpsTable.Meta):
        attrs = {"class": "table celery-ops-task-table"}
        template_name = "celery_ops/tasks/table.html"

    def __init__(
        self, rows: list[TaskRow], *, backend: TaskBackend, sort: str, link: Callable[..., str], **kwargs: Any
    ) -> None:
        """``sort`` is the order of the rows; ``link`` returns the address of this list with ``sort`` changed."""
        left_out = [name for name, needs in SUPPORTS.items() if not all(getattr(backend, need) for need in needs)]
        if sort.lstrip("-") != "started" and not {"created", "wait"} & set(left_out):
            left_out.append("started")  # the creation and the wait say it
        super().__init__(rows, exclude=left_out, orderable=False, **kwargs)
        self.link, self.sort, self.sorts = link, sort, backend.sorts
        self.shows = {column.name: True for column in self.columns}
        self.labels = {column.name: str(column.header) for column in self.columns}

    def tasks(self) -> Iterator[Written]:
        """Yield the rows; a name, a badge or a link that several have is written once."""
        now = timezone.now()
        name, badge, link, waits = map(cache, (_name, _badge, _link, _waits))
        times = [(time, self.labels[time]) for time in ("created", "started", "finished") if time in self.shows]
        for row in self.data:
            queue = link(row.queue, row.queue_url)
            yield (
                row,
                name(row.name),
                badge(row.state, row.tone),
                waits(queue) if row.waits else link(row.worker, row.worker_url),
                queue,
                [(label, Moment.of(getattr(row, time), now)) for time, label in times],
            )

    def _head(self, column: BoundColumn) -> Head:
        attrs = column.attrs["th"].as_html()
        down, up = f"-{column.name}", column.name
        offered = [order for order in (down, up) if order in self.sorts]
        if self.link is None or not offered:
            return Head(column.header, attrs)
        following = next((order for order in offered if order != self.sort), self.sort)
        order = {down: "descending", up: "ascending"}.get(self.sort, "")
        return Head(column.header, attrs, self.link(sort=following), order)


def _name(name: str) -> str:
    return _written("tasks/name", value=name)


def _badge(state: str, tone: str) -> str:
    return _written("panel/state", state=state, tone=tone)


def _link(name: str, url: str) -> str:
    return str(PageLink(name, url))


def _waits(queue: str) -> str:
    return _written("tasks/waits", queue=queue)


def _written(template: str, **context: str) -> str:
    return get_template(f"celery_ops/{template}.html").render(context)
