"""The tables of workers, of what one has in hand, and of what it can run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..formatting import clean, is_clean
from ..info import ENDED, GONE, RegisteredTask, TaskInfo, WorkerDetail, WorkerInfo
from ..links import task_url
from ..payload import payload
from ..redaction import Budget
from .base import Line, OpsTable
from .columns import (
    PLAIN,
    CodeColumn,
    IdColumn,
    LinkColumn,
    LinksColumn,
    NumberColumn,
    TextColumn,
    TimeColumn,
    WorkerStateColumn,
    with_choice,
)
from .links import PageLink, queue_links, worker_link


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker in a list: texts that a page can carry."""

    hostname: str
    url: str
    state: str
    last_seen: datetime | None
    pool: str
    concurrency: int | None
    active: int | None
    reserved: int | None
    scheduled: int | None
    processed: int | None
    queues: tuple[PageLink, ...] | None
    destination: str = ""
    note: str = ""

    @classmethod
    def of(
        cls, worker: WorkerInfo, *, may_control: bool = False, links_of: Callable[..., Any] = queue_links
    ) -> "WorkerRow":
        """``destination`` is what the worker is told by, empty for those who may not and where it would not hear."""
        link = worker_link(worker.hostname)
        may_control = may_control and worker.state not in (ENDED, GONE)
        return cls(
            hostname=link.name,
            url=link.url,
            state=worker.state,
            last_seen=worker.last_seen,
            pool=clean(worker.pool),
            concurrency=worker.concurrency,
            active=worker.active,
            reserved=worker.reserved,
            scheduled=worker.scheduled,
            processed=worker.processed,
            queues=links_of(worker.queues),
            destination=worker.hostname if may_control and is_clean(worker.hostname) else "",
            note=str(_note(worker)),
        )


def _note(worker: WorkerInfo) -> Any:
    """What there is to say of a worker beside its state."""
    if worker.is_twice:
        return _("two of this name")
    if worker.has_no_process:
        return _("no process")
    return _("takes nothing") if worker.has_no_queue else ""


class HostnameColumn(LinkColumn):
    """A worker's name, and the box that chooses it."""

    def render(self, value: str, record: WorkerRow) -> Any:
        link, name = super().render(value, record), record.destination
        if not name:
            return link
        label = gettext("Choose %(name)s") % {"name": name}
        return with_choice(link, form="celery-ops-control", name="destination", value=name, label=label)


class WorkerTable(OpsTable):
    caption = _("Workers")
    hostname = HostnameColumn(verbose_name=_("Worker"))
    state = WorkerStateColumn(verbose_name=_("State"))
    pool = TextColumn(verbose_name=_("Pool"))
    concurrency = NumberColumn(verbose_name=_("Concurrency"))
    active = NumberColumn(verbose_name=_("Active"))
    reserved = NumberColumn(verbose_name=_("Reserved"))
    scheduled = NumberColumn(verbose_name=_("Scheduled"))
    processed = NumberColumn(verbose_name=_("Processed"))
    queues = LinksColumn(of="queues", verbose_name=_("Queues"), orderable=False)
    last_seen = TimeColumn(verbose_name=_("Last seen"))

    class Meta(OpsTable.Meta):
        default = _("unknown")
        row_attrs = {"data-key": lambda record: record.hostname, "data-state": lambda record: record.state}


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A task that a worker has in hand. ``arguments`` is empty for those who may not see them."""

    id: str
    url: str
    name: str
    since: datetime | None
    eta: datetime | None
    arguments: str


class HeldTable(OpsTable):
    """Active, reserved or scheduled tasks: ``caption`` is which."""

    id = IdColumn(verbose_name=_("Id"))
    name = TextColumn(verbose_name=_("Task"), attrs=PLAIN)
    since = TimeColumn(verbose_name=_("Started"))
    eta = TimeColumn(verbose_name=_("ETA"))
    arguments = CodeColumn(verbose_name=_("Arguments"))

    class Meta(OpsTable.Meta):
        orderable = False
        attrs = {"class": "table celery-ops-held"}
        row_attrs = {"data-key": lambda record: record.id}


def held_table(tasks: Iterable[TaskInfo], may_view_payload: Callable[[str], bool], *, caption: str = "") -> HeldTable:
    """Return the table of ``tasks``, without the columns in which it has nothing to say."""
    rows, page = [], Budget.of_page()
    for task in tasks:
        arguments = payload.arguments_text(task, page) if may_view_payload(task.name) else ""
        rows.append(HeldRow(clean(task.id), task_url(task.id), clean(task.name), task.started_at, task.eta, arguments))
    empty = [name for name in ("since", "eta", "arguments") if not any(getattr(row, name) for row in rows)]
    table = HeldTable(rows, exclude=empty)
    table.caption = caption
    return table


@dataclass(frozen=True, slots=True)
class KnownTaskRow:
    """A task that a worker can run, and how often it has."""

    name: str
    processed: int | None
    rate_limit: str
    soft_time_limit: str
    time_limit: str
    soft: str = ""
    hard: str = ""
    is_registered: bool = False


class KnownTaskTable(OpsTable):
    caption = _("Tasks it knows")
    name = TextColumn(verbose_name=_("Task"))
    processed = NumberColumn(verbose_name=_("Processed"))
    rate_limit = TextColumn(verbose_name=_("Rate limit"))
    soft_time_limit = TextColumn(verbose_name=_("Soft time limit"))
    time_limit = TextColumn(verbose_name=_("Time limit"))

    class Meta(OpsTable.Meta):
        template_name = "celery_ops/workers/known_table.html"
        orderable = False
        row_attrs = {"data-key": lambda record: record.name}

    def tasks(self) -> Iterator[tuple[Line, KnownTaskRow]]:
        """Yield each line with what its form needs."""
        return zip(self.lines(), self.data, strict=True)


def known_task_table(detail: WorkerDetail) -> KnownTaskTable:
    """Return the tasks that a worker names, registered or done before, by name."""
    registered = {task.name: task for task in detail.registered}
    return KnownTaskTable([_known_task_row(name, registered, detail) for name in sorted({*registered, *detail.totals})])


def _known_task_row(name: str, registered: dict[str, RegisteredTask], detail: WorkerDetail) -> KnownTaskRow:
    task = registered.get(name, RegisteredTask(name))
    return KnownTaskRow(
        name=clean(name),
        processed=detail.totals.get(name),
        rate_limit=clean(task.rate_limit),
        soft_time_limit=_seconds(task.soft_time_limit),
        time_limit=_seconds(task.time_limit),
        soft=_plain(task.soft_time_limit),
        hard=_plain(task.time_limit),
        is_registered=name in registered,
    )


def _seconds(limit: float | None) -> str:
    return "" if limit is None else gettext("%(n)s s") % {"n": _plain(limit)}


def _plain(limit: float | None) -> str:
    """As it is typed, whatever the language."""
    return "" if limit is None else f"{limit:.15g}"
