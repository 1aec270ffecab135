"""The first page: what is wrong, then a little of everything. Each part is asked, and fails, on its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from ... import states
from ...backends.queue_flow import Flows, QueueFlow, flow_of, flows
from ...conf import conf
from ...control import paused_queues
from ...control.standing import Paused
from ...exceptions import StoreUnavailable
from ...failures.group import RESOLVED
from ...failures.listing import counted
from ...formatting import clean
from ...info import ENDED, GONE, NO_REPLY, ONLINE
from ...metrics.windows import DEFAULT, WINDOWS
from ...payload.url import address
from ...tables.failures import FailureRow, ShortFailureGroupTable
from ...tables.overview import FailureTable, ShortQueueTable, ShortWorkerTable, SiteNumbers
from ...tables.queues import QueueRow, absent_columns, is_held_up, is_stuck
from ...tables.task_rows import task_rows
from ...tables.workers import WorkerRow
from ...task_query import TaskPage, TaskQuery
from ...tracking.registry import registry
from ..ops import OpsPage, Part, part
from ..pending_parts import pending_parts
from ..queues import pause_of
from ..tasks.failures import with_arguments
from .objectives import breached_objectives
from .problems import problems
from .schedules import scheduled_problems, schedules_report

#: Rows of each short list.
MOST_ROWS: Final = 10
#: Workers of which state come first.
RANKS: Final = {GONE: 0, NO_REPLY: 1, ONLINE: 2, ENDED: 3}
FAILED: Final = TaskQuery(states=(states.FAILURE,))


@dataclass(frozen=True, slots=True)
class Short:
    """The beginning of a list that has a page of its own; ``number`` counts all of it."""

    part: Part[Any]
    table: Any = None
    number: int = 0

    @property
    def more(self) -> int:
        return max(0, self.number - MOST_ROWS)


@dataclass(frozen=True, slots=True)
class FailureGroups:
    """Those that nobody has resolved, the most frequent first; ``more`` are not shown."""

    table: Any
    number: int
    more: int


class OverviewView(OpsPage):
    section = "celery_ops:overview"
    title = _("Overview")
    template_name = "celery_ops/overview/page.html"
    glances = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        worker_backend, queue_backend = conf.load("WORKER_BACKEND")(), conf.load("QUEUE_BACKEND")()
        queue_backend.learn()
        paused = paused_queues.pauses()
        pending = pending_parts(
            worker_backend.workers,
            lambda: paused_queues.with_paused(queue_backend.queues(), paused),
            flows,
            schedules_report,
        )
        groups = self._groups()  # here, for these are queries of this request's own
        failures = Part(TaskPage(())) if groups else part(self._failures)
        registered = _registered()
        workers, queues, hour, schedules = [awaited.answer() for awaited in pending]
        lately = hour.value or Flows()
        return super().get_context_data(
            problems=problems(
                workers,
                queues,
                failures,
                registry.unimported(),
                lately.queues,
                (*scheduled_problems(schedules.value), *breached_objectives()),
            ),
            workers=_workers(workers),
            queues=_queues(
                queues, absent_columns(queue_backend, is_counted=bool(lately.queues)), paused, lately.queues
            ),
            site=SiteNumbers.of(lately),
            held_up=_held_up(queues, paused),
            groups=groups,
            failures=self._failure_list(failures),
            registered=registered,
            broker=address(conf.celery_app.conf.broker_url),
            result_backend=address(conf.celery_app.conf.result_backend),
            **kwargs,
        )

    def _groups(self) -> FailureGroups | None:
        """Return the groups of the last day, None where failures are not counted or none was."""
        try:
            listing = counted(WINDOWS[DEFAULT])
        except StoreUnavailable:
            return None
        if listing is None or not listing.groups.groups:
            return None
        shows_payload = cache(self.may_view_payload)
        unresolved = [group for group in listing.groups.groups if group.state != RESOLVED]
        unresolved.sort(key=lambda group: -group.count)
        rows = [FailureRow.of(group, shows_payload) for group in listing.completed(unresolved[:MOST_ROWS])]
        return FailureGroups(ShortFailureGroupTable(rows), len(rows), max(0, len(unresolved) - MOST_ROWS))

    def _failures(self) -> TaskPage:
        backend = conf.load("TASK_BACKEND")()
        page = backend.page(FAILED, size=MOST_ROWS)
        return replace(page, tasks=tuple(with_arguments(backend, page.tasks, self.may_view_payload)))

    def _failure_list(self, page: Part[TaskPage]) -> Short:
        if page.value is None:
            return Short(page)
        rows = task_rows(page.value.tasks, may_view_payload=self.may_view_payload)
        return Short(page, FailureTable(rows), len(rows))


def _workers(report: Part[Any]) -> Short:
    if report.value is None:
        return Short(report)
    workers = sorted(report.value.workers, key=lambda worker: RANKS.get(worker.state, 0))
    return Short(report, ShortWorkerTable(map(WorkerRow.of, workers[:MOST_ROWS])), len(workers))


def _queues(
    report: Part[Any], absent: list[str], paused: Mapping[str, Paused], counted: Mapping[str, QueueFlow]
) -> Short:
    if report.value is None:
        return Short(report)
    queues = sorted(report.value.queues, key=lambda queue: (not is_stuck(queue), -(queue.depth or 0)))
    shown = queues[:MOST_ROWS]
    rows = [QueueRow.of(queue, pause_of(paused.get(queue.name)), flow_of(queue, counted)) for queue in shown]
    if not any(queue.paused for queue in shown):
        absent = [*absent, "paused"]
    return Short(report, ShortQueueTable(rows, exclude=absent), len(queues))


def _held_up(report: Part[Any], paused: Mapping[str, Paused]) -> list[QueueRow]:
    """Return the paused queues in which messages wait, the fullest first."""
    queues = filter(is_held_up, report.value.queues if report.value else ())
    fullest = sorted(queues, key=lambda queue: -(queue.depth or 0))
    return [QueueRow.of(queue, pause_of(paused.get(queue.name))) for queue in fullest[:MOST_ROWS]]


def _registered() -> list[str]:
    """Return the names of the site's own tasks."""
    registry.bindings("")  # imports the modules that a worker would
    return sorted(clean(name) for name in conf.celery_app.tasks if not name.startswith("celery."))
