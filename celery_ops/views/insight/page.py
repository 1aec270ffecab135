"""The page of charts, and the same as JSON."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ... import timezones
from ...backends.insight import Insight, insight
from ...exceptions import BackendUnavailable
from ...filters.insight import InsightFilterSet
from ...filters.suggestions import MOST_SUGGESTED, Suggested
from ...filters.windows import window_of, window_tabs
from ...formatting import clean
from ...links import task_list_url
from ...metrics.cells import OTHER
from ...metrics.windows import Window
from ...tables.insight import queue_table, task_table
from ..ops import EitherPage, errors, part
from ..task_types import BY_RESULTS, COUNTED, limit_of
from .figures import SPANS, figures, headlines, insight_item, releases_of


class InsightView(EitherPage):
    """Numbers of a window: of the whole site, a task, a queue, or a task in a queue."""

    section = "celery_ops:insight"
    title = gettext_lazy("Insight")
    template_name = "celery_ops/insight/page.html"

    @cached_property
    def filter(self) -> InsightFilterSet:
        return InsightFilterSet(self.request.GET)

    @cached_property
    def window(self) -> Window:
        return window_of(self.filter.cleaned_data.get("window"))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.answer_json() if self.is_json else super().get(request, *args, **kwargs)

    def answer_json(self) -> HttpResponse:
        if self.filter.errors:
            return JsonResponse({"errors": self.filter.errors}, status=400)
        try:
            return JsonResponse(insight_item(self.ask(), self.window))
        except BackendUnavailable as error:
            return errors(str(error), status=503)

    def ask(self) -> Insight:
        """Return what is known. Raises BackendUnavailable."""
        return insight(self.window, self.filter.task_name, self.filter.queue_name)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        report = part(self.ask)
        context = super().get_context_data(
            filter=self.filter,
            scope=self._scope(),
            tabs=window_tabs(self.filter, self.window),
            report=report,
            backend=COUNTED if report.value is None or report.value.is_counted else BY_RESULTS,
            suggested=_suggested(report.value),
            **kwargs,
        )
        return context if report.value is None else {**context, **self._shown(report.value)}

    def _shown(self, report: Insight) -> dict[str, Any]:
        start = timezone.localtime(timezones.EPOCH + timedelta(seconds=report.numbers.start))
        queue = self.filter.queue_name
        return {
            "window": self.window.name,
            "limit": limit_of(report),
            "charts": figures(report, self.window),
            "headlines": headlines(report, lambda *state: self._list_url(start, *state)),
            "releases": releases_of(report),
            "notes": list(self._notes(report)),
            "skewed": report.skewed,
            "by_task": task_table(report.by_task, self.window.name, start) if not self.filter.task_name else None,
            "by_queue": queue_table(report.by_queue, self.window.name) if not queue and report.by_queue else None,
            "task_url": self._list_url(start) if self.filter.task_name else "",
        }

    def _scope(self) -> str:
        """Return of what and of which time the page is: on paper nothing else says so."""
        names = filter(None, map(clean, (self.filter.task_name, self.filter.queue_name)))
        return ", ".join((*names, str(SPANS[self.window.name])))

    def _list_url(self, start: datetime, *state: str) -> str:
        """Return the list of the tasks of some states; empty for a queue, which not every list knows, and for many."""
        if self.filter.queue_name or self.filter.task_name == OTHER:
            return ""
        return task_list_url(state=state, name=self.filter.task_name, since=timezones.minute_text(start))

    def _notes(self, report: Insight) -> Iterator[str]:
        task, queue = self.filter.task_name, self.filter.queue_name
        if report.left_out:
            yield _("The tables below are of the busiest tasks: %(number)s are left out.") % {
                "number": number_format(report.left_out, force_grouping=True)
            }
        if queue and not report.is_counted:
            yield _("Results do not say in which queue a task was.")
        elif report.is_empty and task and queue:
            yield _("Nothing is known of “%(task)s” in the queue “%(queue)s” in this window.") % {
                "task": clean(task),
                "queue": clean(queue),
            }
        elif report.is_empty and (task or queue):
            yield _("Nothing is known of “%(name)s” in this window.") % {"name": clean(task or queue)}


def _suggested(report: Insight | None) -> Suggested:
    if report is None:
        return Suggested(())
    names = [name for name in report.tasks if clean(name) == name]
    queues = [name for name in report.queues if clean(name) == name]
    return Suggested(tuple(names[:MOST_SUGGESTED]), (), tuple(queues[:MOST_SUGGESTED]))
