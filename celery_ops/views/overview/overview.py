"""The first page: what is wrong, then a little of everything. Each part is asked, and fails, on its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from ... import states
from ...backends.queue_flow import QueueFlow, flow_of, queue_flows
from ...conf import conf
from ...control import paused_queues
from ...control.standing import Paused
from ...formatting import clean
from ...info import ENDED, GONE, NO_REPLY, ONLINE
from ...payload.url import address
from ...tables.overview import FailureTable, ShortQueueTable, ShortWorkerTable
from ...tables.queues import QueueRow, absent_columns, is_held_up, needs_somebody
from ...tables.tasks import task_rows
from ...tables.workers import WorkerRow
from ...task_query import TaskPage, TaskQuery
from ...tracking.registry import registry
from ..ops import OpsPage, Part, part
from ..queues import pause_of
from ..tasks.failures import with_arguments
from ..together import together
from .objectives import breached_objectives
from .problems import problems

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


class OverviewView(OpsPage):
    section = "celery_ops:overview"
    title = _("Overview")
    template_name = "celery_ops/overview/page.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        worker_backend, queue_backend = conf.load("WORKER_BACKEND")(), conf.load("QUEUE_BACKEND")()
        queue_backend.learn()
        paused = paused_queues.known()
        pending = together(
            worker_backend.workers, lambda: paused_queues.marked(queue_backend.queues(), paused), queue_flows
        )
        failures = part(self._failures)  # here, for it is a query of this request's own
        registered = _registered()
        workers, queues, counted = [awaited.answer() for awaited in pending]
        flows = counted.value or {}
        return super().get_context_data(
            problems=problems(workers, queues, failures, registry.unimported(), flows, breached_objectives()),
            workers=_workers(workers),
            queues=_queues(queues, absent_columns(queue_backend, is_counted=bool(flows)), paused, flows),
            held_up=_held_up(queues, paused),
            failures=self._failure_list(failures),
            registered=registered,
            broker=address(conf.celery_app.conf.broker_url),
            result_backend=address(conf.celery_app.conf.result_backend),
            **kwargs,
        )

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
    report: Part[Any], absent: list[str], paused: Mapping[str, Paused], flows: Mapping[str, QueueFlow]
) -> Short:
    if report.value is None:
        return Short(report)
    queues = sorted(report.value.queues, key=lambda queue: (not needs_somebody(queue), -(queue.depth or 0)))
    shown = queues[:MOST_ROWS]
    rows = [QueueRow.of(queue, pause_of(paused.get(queue.name)), flow_of(queue, flows)) for queue in shown]
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
