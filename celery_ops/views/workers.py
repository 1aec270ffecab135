"""Workers: all that are known, and everything that one says of itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import conf
from ..filters.workers import WorkerFilterSet
from ..formatting import clean
from ..info import TaskInfo, WorkerDetail, WorkerInfo, WorkerReport
from ..payload.mapping import Facts, celery_settings, entries
from ..payload.url import broker_address
from ..permissions import CONTROL_WORKERS, allows
from ..tables.base import RowsInOrder
from ..tables.links import queue_links
from ..tables.workers import HeldTable, WorkerRow, WorkerTable, held_table, known_task_table
from .control.offers import list_control, worker_control
from .lists import ListPage
from .not_found import no_worker
from .ops import OpsPage, part


class WorkerListView(ListPage):
    section = "celery_ops:worker-list"
    title = gettext_lazy("Workers")
    template_name = "celery_ops/workers/list.html"
    backend_setting = "WORKER_BACKEND"
    filterset_class = WorkerFilterSet
    table_class = WorkerTable
    row_class = WorkerRow

    def get_report(self) -> WorkerReport:
        return self.backend.workers()

    def get_values(self, report: WorkerReport) -> Sequence[WorkerInfo]:
        return report.workers

    def get_table_data(self) -> RowsInOrder:
        links_of = cache(queue_links)  # most workers consume the same queues

        def row_of(worker: WorkerInfo) -> WorkerRow:
            may_control = allows(self.user, CONTROL_WORKERS, worker.hostname)
            return WorkerRow.of(worker, may_control=may_control, links_of=links_of)

        return RowsInOrder(self.in_order(self.filter.qs), row_of)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        controls = any(row.record.destination for row in context["table"].paginated_rows)
        return {**context, "control": list_control(self.request) if controls else None}


@dataclass(frozen=True, slots=True)
class HeldTasks:
    """Tasks that a worker has in hand; ``table`` is None when it did not say."""

    label: Any
    empty: Any
    number: int
    table: HeldTable | None


class WorkerDetailView(OpsPage):
    section = "celery_ops:worker-list"
    template_name = "celery_ops/workers/detail.html"

    def get_title(self) -> str:
        return clean(self.kwargs["hostname"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        hostname: str = kwargs.pop("hostname")
        backend = conf.load("WORKER_BACKEND")()
        answer = part(lambda: backend.worker(hostname))
        if answer.is_available and answer.value is None:
            raise no_worker()
        context = super().get_context_data(backend=backend, trouble=answer.trouble, **kwargs)
        return {**context, **self._detail_context(answer.value)} if answer.value else context

    def _detail_context(self, detail: WorkerDetail) -> dict[str, Any]:
        return {
            "detail": detail,
            "worker": WorkerRow.of(detail.info),
            "control": worker_control(detail, self.request),
            "broker": broker_address(detail.broker),
            "held": self._held(detail) if detail.info.is_online else [],
            "known": known_task_table(detail),
            "facts": [facts for facts in self._facts(detail) if facts.entries],
            "missing": [clean(method) for method in detail.missing] if detail.info.is_online else [],
        }

    def _held(self, detail: WorkerDetail) -> list[HeldTasks]:
        parts = (
            ("active", _("Active"), _("It runs nothing just now."), detail.active),
            ("reserved", _("Reserved"), _("Nothing waits in it."), detail.reserved),
            ("scheduled", _("Scheduled"), _("Nothing waits for its time."), detail.scheduled),
        )
        return [
            HeldTasks(label, empty, len(tasks), None if method in detail.missing else self._held_table(tasks, label))
            for method, label, empty, tasks in parts
        ]

    def _held_table(self, tasks: Sequence[TaskInfo], label: str) -> HeldTable:
        return held_table(tasks, self.may_view_payload, caption=label)

    def _facts(self, detail: WorkerDetail) -> Iterator[Facts]:
        yield Facts("resources", _("Resource use"), entries(detail.resources))
        yield Facts("pool", _("Pool"), entries(detail.pool))
        yield Facts("broker", _("Broker connection"), entries(detail.broker))
        settings = celery_settings(detail.conf, cache(self.may_view_payload))
        yield Facts("conf", _("Celery's configuration"), entries(settings))
