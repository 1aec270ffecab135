"""The first page: what is wrong, then a little of everything. Each part is asked, and fails, on its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from ... import states
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
        asked = together(worker_backend.workers, lambda: paused_queues.marked(queue_backend.queues(), paused))
        failures = part(self._failures)  # here, for it is a query of this request's own
        registered = _registered()
        workers, queues = [each.answer() for each in asked]
        return super().get_context_data(
            problems=problems(workers, queues, failures, registry.unimported()),
            workers=_workers(workers),
            queues=_queues(queues, absent_columns(queue_backend), paused),
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

    def _failure_list(self, found: Part[TaskPage]) -> Short:
        if found.value is None:
            return Short(found)
        rows = task_rows(found.value.tasks, may_view_payload=self.may_view_payload)
        return Short(found, FailureTable(rows), len(rows))


def _workers(found: Part[Any]) -> Short:
    if found.value is None:
        return Short(found)
    workers = sorted(found.value.workers, key=lambda worker: RANKS.get(worker.state, 0))
    return Short(found, ShortWorkerTable(map(WorkerRow.of, workers[:MOST_ROWS])), len(workers))


def _queues(found: Part[Any], absent: list[str], paused: Mapping[str, Paused]) -> Short:
    if found.value is None:
        return Short(found)
    queues = sorted(found.value.queues, key=lambda queue: (not needs_somebody(queue), -(queue.depth or 0)))
    rows = [QueueRow.of(queue, pause_of(paused.get(queue.name))) for queue in queues[:MOST_ROWS]]
    if not any(queue.paused for queue in queues[:MOST_ROWS]):
        absent = [*absent, "paused"]
    return Short(found, ShortQueueTable(rows, exclude=absent), len(queues))


def _held_up(found: Part[Any], paused: Mapping[str, Paused]) -> list[QueueRow]:
    """Return the paused queues in which messages wait, the fullest first."""
    queues = filter(is_held_up, found.value.queues if found.value else ())
    fullest = sorted(queues, key=lambda queue: -(queue.depth or 0))
    return [QueueRow.of(queue, pause_of(paused.get(queue.name))) for queue in fullest[:MOST_ROWS]]


def _registered() -> list[str]:
    """Return the names of the site's own tasks."""
    registry.bindings("")  # imports the modules that a worker would
    return sorted(clean(name) for name in conf.celery_app.tasks if not name.startswith("celery."))
