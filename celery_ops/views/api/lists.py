"""The lists as JSON: the same filters, the same policy, the same words as the pages."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ...backends.queue_flow import CountedQueue, flow_of, queue_flows
from ...conf import conf
from ...control import paused_queues
from ...exceptions import BackendUnavailable, BadCursor
from ...filters.in_memory import PlainFilterSet
from ...filters.queues import QueueFilterSet, searched
from ...filters.task_lists import filterset_for
from ...filters.workers import WorkerFilterSet
from ...info import TaskInfo, WorkerInfo
from ...payload.kept import all_with_kept
from ...redaction import Budget
from ...tables.base import OpsTable
from ...tables.queues import QueueTable, stuck_first
from ...tables.workers import WorkerTable
from ..lists import in_order, sorts_of
from ..ops import OpsView, errors
from ..workflows.tasks import narrowed_or_404
from .serializers import queue_item, task_item, worker_item


class ListApi(OpsView):
    """Answers ``{"results": [...], "next": url or null}``, bad values with 400 and a dead source with 503."""

    is_json = True

    def get(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.answer(request)
        except BackendUnavailable as error:
            return errors(str(error), status=503)

    def answer(self, request: HttpRequest) -> HttpResponse:
        raise NotImplementedError


class HistoryApi(ListApi):
    """``api-history``: the task list, newest first, with payload for those who may see it.

    As on the page ``failure`` and ``workflow`` keep it to one group's or one workflow's tasks.
    """

    def answer(self, request: HttpRequest) -> HttpResponse:
        backend = narrowed_or_404(conf.load("TASK_BACKEND")(), request.GET)
        kind = filterset_for(request.GET)
        filters = kind(request.GET, backend=backend, shows_payload=self.may_view_payload, user=self.user)
        if filters.errors:
            return JsonResponse({"errors": filters.errors}, status=400)
        try:
            page = backend.page(filters.query, cursor=filters.cursor, size=filters.size)
        except BadCursor:
            return errors(_("This is not a cursor of this list."), field="cursor", status=400)
        shows_payload = cache(self.may_view_payload)
        tasks: Sequence[TaskInfo] = page.tasks
        if any(shows_payload(task.name) for task in tasks):
            tasks = all_with_kept(backend.complete(tasks))
        budget = Budget.of_page()
        items = [task_item(task, shows_payload=shows_payload(task.name), page=budget) for task in tasks]
        following = f"{reverse('celery_ops:api-history')}{filters.link(cursor=page.next)}" if page.next else None
        return JsonResponse({"results": items, "next": following})


class PlainListApi(ListApi):
    """A list that a backend gives as a whole: filtered, sorted and paged in memory, as on its page."""

    url_name: ClassVar[str]
    filterset_class: ClassVar[Callable[..., PlainFilterSet]]
    table_class: ClassVar[type[OpsTable]]

    def get_values(self) -> Sequence[Any]:
        """Return what the backend lists. Raises BackendUnavailable."""
        raise NotImplementedError

    def item(self, value: Any) -> dict[str, Any]:
        raise NotImplementedError

    def answer(self, request: HttpRequest) -> HttpResponse:
        filters = self.filterset_class(request.GET, self.get_values(), sorts=sorts_of(self.table_class))
        if filters.errors:
            return JsonResponse({"errors": filters.errors}, status=400)
        values = in_order(filters.qs, filters.cleaned_data.get("sort", ""), self.table_class)
        number = filters.page_within(len(values))
        end = number * filters.size
        link = f"{reverse(self.url_name)}{filters.link(page=number + 1)}" if end < len(values) else None
        return JsonResponse({"results": self.items(values[end - filters.size : end]), "next": link})

    def items(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the items of one page."""
        return [self.item(value) for value in values]


class WorkersApi(PlainListApi):
    """``api-workers``: every known worker."""

    url_name = "celery_ops:api-workers"
    filterset_class = WorkerFilterSet
    table_class = WorkerTable

    def get_values(self) -> Sequence[WorkerInfo]:
        return conf.load("WORKER_BACKEND")().workers().workers

    def item(self, value: WorkerInfo) -> dict[str, Any]:
        return worker_item(value)


class QueuesApi(PlainListApi):
    """``api-queues``: every known queue."""

    url_name = "celery_ops:api-queues"
    filterset_class = QueueFilterSet
    table_class = QueueTable

    def get_values(self) -> Sequence[CountedQueue]:
        report = paused_queues.queues(conf.load("QUEUE_BACKEND")(), named=searched(self.request))
        queues, flows = report.queues, queue_flows()
        return [CountedQueue(queue, flow_of(queue, flows)) for queue in stuck_first(queues)]

    def item(self, value: CountedQueue) -> dict[str, Any]:
        return queue_item(value.info, value.flow)
