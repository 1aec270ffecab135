"""Queues: all that anybody knows of, and everything that is known of one."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..backends.base import QueueBackend
from ..backends.queue_flow import CountedQueue, Flows, flow_of, flows
from ..conf import conf
from ..control import paused_queues
from ..control.standing import Paused
from ..filters.queues import QueueFilterSet, searched
from ..formatting import clean
from ..info import QueueDetail, QueueReport
from ..links import insight_url
from ..payload.mapping import Facts, entries
from ..tables.base import RowsInOrder
from ..tables.links import worker_link
from ..tables.messages import binding_table, message_table
from ..tables.queues import (
    PausedBy,
    QueueRow,
    QueueTable,
    absent_columns,
    stuck_first,
    yes_or_no,
)
from .control.offers import queue_control
from .lists import ListPage
from .not_found import no_queue
from .ops import OpsPage, part


class QueueListView(ListPage):
    section = "celery_ops:queue-list"
    title = gettext_lazy("Queues")
    template_name = "celery_ops/queues/list.html"
    backend_setting = "QUEUE_BACKEND"
    filterset_class = QueueFilterSet
    table_class = QueueTable
    row_class = QueueRow
    counted = Flows()

    def get_report(self) -> QueueReport:
        self.backend.learn()
        self.paused = paused_queues.pauses()
        self.counted = flows()
        report = paused_queues.with_named(self.backend.queues(), self.backend, searched(self.request))
        return paused_queues.with_paused(report, self.paused)

    def get_values(self, report: QueueReport) -> Sequence[CountedQueue]:
        return [CountedQueue(queue, flow_of(queue, self.counted.queues)) for queue in stuck_first(report.queues)]

    def get_table_kwargs(self) -> dict[str, Any]:
        return {"exclude": absent_columns(self.backend, is_counted=bool(self.counted.queues))}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {**context, "uncounted": self.counted.note}

    def get_table_data(self) -> RowsInOrder:
        return RowsInOrder(self.in_order(self.filter.qs), self._row)

    def _row(self, queue: CountedQueue) -> QueueRow:
        return QueueRow.of(queue.info, pause_of(self.paused.get(queue.info.name)), queue.flow)


class QueueDetailView(OpsPage):
    section = "celery_ops:queue-list"
    template_name = "celery_ops/queues/detail.html"

    def get_title(self) -> str:
        return clean(self.kwargs["name"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        name: str = kwargs.pop("name")
        backend = conf.load("QUEUE_BACKEND")()
        answer = part(lambda: paused_queues.queue(backend, name))
        detail, paused = answer.value or (None, None)
        if answer.is_available and detail is None:
            raise no_queue()
        context = super().get_context_data(backend=backend, trouble=answer.trouble, **kwargs)
        return {**context, **self._detail_context(detail, paused, backend)} if detail else context

    def _detail_context(self, detail: QueueDetail, paused: Paused | None, backend: QueueBackend) -> dict[str, Any]:
        looked = detail.messages is not None
        control = queue_control(detail.info.name, self.request, can_change=looked and backend.supports_changes)
        can_choose = bool(control and looked and backend.supports_changes)
        counted = flows()
        return {
            "detail": detail,
            "queue": QueueRow.of(detail.info, pause_of(paused), flow_of(detail.info, counted.queues)),
            "uncounted": "" if detail.info.name in counted.queues else counted.note,
            "charts_url": insight_url(queue=detail.info.name),
            "control": control,
            "can_choose": can_choose,
            "workers": None if detail.workers is None else [worker_link(hostname) for hostname in detail.workers],
            "priorities": sorted((priority, number) for priority, number in detail.priorities.items() if number),
            "bindings": binding_table(detail.bindings),
            "durable": yes_or_no(detail.durable),
            "arguments": Facts("arguments", _("Arguments"), entries(detail.arguments)),
            "messages_table": message_table(detail.messages or (), self.may_view_payload, can_choose=can_choose)
            if looked
            else None,
        }


def pause_of(paused: Paused | None) -> PausedBy | None:
    return PausedBy(clean(paused.username), paused.since) if paused else None
