"""The list of tasks, and all that is known of one."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext_lazy

from ... import states
from ...conf import conf
from ...exceptions import BadCursor
from ...filters import suggestions
from ...filters.failures import GroupTaskFilterSet
from ...filters.suggestions import Suggested
from ...filters.task_links import state_tabs, time_ranges
from ...filters.task_lists import filterset_for
from ...filters.workflows import WorkflowTaskFilterSet
from ...formatting import clean
from ...info import TaskInfo
from ...links import query_string, task_url
from ...tables.task_rows import task_rows
from ...tables.tasks import TaskTable
from ...task_detail import TaskDetail, task_detail
from ...task_detail.state import is_over
from ...task_logs.reading import Seen, log_of
from ...task_query import TaskPage
from ..logs import PARAMETER, ShownLog, after_in, lines_response, log_part
from ..not_found import no_task
from ..ops import OpsPage, is_fragment, part
from ..workflows.tasks import narrowed_or_404
from .csv import csv_response
from .detail import viewed
from .failures import with_arguments
from .revoke import choice_of

#: Characters of a list's query string that its tasks' pages keep for the way back.
LONGEST_BACK: Final = 1500


class TaskListView(OpsPage):
    """The tasks that a backend lists, filtered; with ``format=csv`` all of them as a file."""

    section = "celery_ops:task-list"
    title = gettext_lazy("Tasks")
    template_name = "celery_ops/tasks/list.html"

    def get(  # type: ignore[override]  # the stubs of Django's view know no response that streams
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        self.backend = narrowed_or_404(conf.load("TASK_BACKEND")(), request.GET)
        kind = filterset_for(request.GET)
        self.filters = kind(request.GET, backend=self.backend, shows_payload=self.may_view_payload, user=self.user)
        self.has_bad_cursor = False
        if request.GET.get("format") == "csv" and not self.filters.errors:
            is_async = isinstance(request, ASGIRequest)
            return csv_response(
                self.backend, self.filters.query, self.may_view_payload, request.method, is_async=is_async
            )
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        filters, backend = self.filters, self.backend
        listed = part(self._page)
        page = listed.value or TaskPage(())
        counted = part(lambda: backend.counts(filters.query)).value if listed.is_available else None
        cursor = "" if self.has_bad_cursor else filters.cursor
        back = back_query(filters.link(cursor=cursor)[1:])
        rows = task_rows(page.tasks, may_view_payload=self.may_view_payload, query=back)
        choice = choice_of(filters, counted, self.user)
        return super().get_context_data(
            backend=backend,
            filter=filters,
            has_bad_cursor=self.has_bad_cursor,
            tabs=state_tabs(filters, counted),
            ranges=time_ranges(filters),
            suggested=self._suggested(page.tasks),
            table=TaskTable(rows, backend=backend, sort=filters.query.sort, link=filters.link, choice=choice),
            trouble=listed.trouble,
            notes=[clean(str(note)) for note in (*filters.notes, *page.notes)],
            first_url=filters.link() if cursor else "",
            previous_url=filters.link(cursor=page.previous) if page.previous else "",
            next_url=filters.link(cursor=page.next) if page.next else "",
            csv_url=filters.link(format="csv"),
            choice=choice,
            **kwargs,
        )

    def _suggested(self, tasks: Sequence[TaskInfo]) -> Suggested:
        names = suggestions.task_names(task.name for task in tasks)
        workers = suggestions.worker_names(task.worker for task in tasks) if self.backend.supports_worker else ()
        queues = suggestions.queue_names(task.queue for task in tasks) if self.backend.supports_queue else ()
        return Suggested(tuple(names), tuple(workers), tuple(queues))

    def _page(self) -> TaskPage:
        page = self._listed()
        return replace(page, tasks=tuple(with_arguments(self.backend, page.tasks, cache(self.may_view_payload))))

    def _listed(self) -> TaskPage:
        filters = self.filters
        try:
            return self.backend.page(filters.query, cursor=filters.cursor, size=filters.size)
        except BadCursor:
            self.has_bad_cursor = True
            return self.backend.page(filters.query, size=filters.size)


class TaskDetailView(OpsPage):
    """Everything known of one task, from whichever source."""

    section = "celery_ops:task-list"
    template_name = "celery_ops/tasks/detail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if (after := after_in(request)) is not None:
            return self.log_lines(kwargs["task_id"], after)
        detail = task_detail(kwargs["task_id"])
        if detail.is_unknown and not detail.troubles:
            raise no_task()
        context = self.get_context_data(detail=detail)
        return self.render_to_response(context, status=404 if detail.is_unknown else 200)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        detail: TaskDetail = kwargs.pop("detail")
        back = kept_list(self.request.GET.get("back", ""))
        self.task = viewed(detail, self.user, back_query(back))
        return super().get_context_data(
            task=self.task,
            log=self.log(detail),
            is_known=detail.is_known,
            next_url=self.request.get_full_path(),
            back_url=f"{reverse('celery_ops:task-list')}{back and '?'}{back}",
            **kwargs,
        )

    def log(self, detail: TaskDetail) -> ShownLog | None:
        """Return what the task has logged: the page's script asks for the rest of it apart."""
        if not (self.task.may_view_payload and detail.is_known) or is_fragment(self.request):
            return None
        is_over = states.is_final(detail.task.state)
        url = f"{task_url(detail.task.id)}?{PARAMETER}="
        return log_part(detail.task.id, url, is_over=is_over, is_tracked=bool(detail.refs))

    def log_lines(self, task_id: str, after: int | Seen) -> HttpResponse:
        log = log_of(task_id, after)
        if not self.may_view_payload(log.task_name or None):
            raise PermissionDenied
        has_ended = not log.lines and is_over(task_id)
        if has_ended:  # what it logged last has come since
            log = log_of(task_id, after)
        return lines_response(self.request, log, after, is_over=has_ended)

    def get_title(self) -> str:
        return self.task.label or self.task.id


def back_query(query: str) -> str:
    """Return what the address of a task's page says of the list in which it was found."""
    return "?" + query_string({"back": query}) if 0 < len(query) <= LONGEST_BACK else ""


def kept_list(text: str) -> str:
    """Return the query string of a task list that ``text`` is, without everything that such a list does not know."""
    names = {*GroupTaskFilterSet.base_filters, *WorkflowTaskFilterSet.base_filters, "cursor"}
    try:
        pairs = parse_qsl(text, max_num_fields=100) if len(text) <= LONGEST_BACK else []
    except ValueError:
        pairs = []
    return query_string([(name, value) for name, value in pairs if name in names])
