"""The lists as JSON: the same filters, the same policy, the same words as the pages."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ..acting import pausing
from ..backends.base import BackendUnavailable
from ..conf import conf
from ..filters.queues import QueueFilterSet
from ..filters.tasks import TaskFilterSet
from ..filters.workers import WorkerFilterSet
from ..listing import BadCursor
from .items import queue_item, task_item, worker_item
from .ops import OpsView, errors


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
    """``api-history``: the task list, newest first, with payload for those who may see it."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        backend = conf.load("TASK_BACKEND")()
        filters = TaskFilterSet(request.GET, backend=backend, searches_arguments=self.may_view_payload())
        if filters.errors:
            return JsonResponse({"errors": filters.errors}, status=400)
        try:
            page = backend.page(filters.query, cursor=filters.cursor, size=filters.size)
        except BadCursor:
            return errors(_("This is not a cursor of this list."), field="cursor", status=400)
        shows_payload = cache(self.may_view_payload)
        tasks = backend.complete(page.tasks) if any(shows_payload(task.name) for task in page.tasks) else page.tasks
        items = [task_item(task, shows_payload=shows_payload(task.name)) for task in tasks]
        following = f"{reverse('celery_ops:api-history')}{filters.link(cursor=page.next)}" if page.next else None
        return JsonResponse({"results": items, "next": following})


class WorkersApi(ListApi):
    """``api-workers``: every known worker."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        report = conf.load("WORKER_BACKEND")().workers()
        return _filtered(WorkerFilterSet(request.GET, report.workers), worker_item)


class QueuesApi(ListApi):
    """``api-queues``: every known queue."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        report = pausing.queues(conf.load("QUEUE_BACKEND")())
        return _filtered(QueueFilterSet(request.GET, report.queues), queue_item)


def _filtered(filters: Any, item: Callable[[Any], dict[str, Any]]) -> HttpResponse:
    if filters.errors:
        return JsonResponse({"errors": filters.errors}, status=400)
    found: Iterable[Any] = filters.qs
    return JsonResponse({"results": [item(each) for each in found], "next": None})
