"""What tasks did, by their names."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import timezones
from ..backends.insight import Insight
from ..backends.results.numbers import NEWEST
from ..backends.task_types import TaskType, TaskTypes, task_types
from ..filters.task_types import TaskTypeFilterSet
from ..formatting import Moment
from ..tables.base import CompletedRows
from ..tables.task_types import TaskTypeTable, row_maker
from .lists import Source, WindowedListPage, in_order

COUNTED: Final = Source(
    gettext_lazy("Numbers"), gettext_lazy("What publishers and workers have counted."), gettext_lazy("store")
)
BY_RESULTS: Final = Source(
    gettext_lazy("Task results"),
    gettext_lazy("What has ended, by its stored result: how long tasks waited is unknown."),
    gettext_lazy("database (django-celery-results)"),
)


class TaskTypeListView(WindowedListPage):
    section = "celery_ops:task-type-list"
    title = gettext_lazy("Task types")
    template_name = "celery_ops/task_types/list.html"
    filterset_class = TaskTypeFilterSet
    table_class = TaskTypeTable
    counted, by_results = COUNTED, BY_RESULTS

    def get_report(self) -> TaskTypes:
        return task_types(self.window)

    def get_values(self, report: TaskTypes) -> Sequence[TaskType]:
        return report.types

    def get_table_data(self) -> CompletedRows | list[Any]:
        report, sort = self.report.value, self.filter.cleaned_data.get("sort", "")
        if report is None:
            return []
        report.complete_for(sort)
        values = in_order(self.filter.qs, sort, self.table_class)
        start = timezone.localtime(timezones.EPOCH + timedelta(seconds=report.start))
        return CompletedRows(values, report.completed, row_maker(self.window.name, start))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        report = self.report.value
        return {**context, "all_url": self.filter.link(q=None), "limit": limit_of(report) if report else ""}


def limit_of(report: TaskTypes | Insight) -> str:
    """Return what numbers by results leave out."""
    if report.is_counted:
        return ""
    number = number_format(NEWEST, force_grouping=True)
    if report.since is None:
        return _("By the newest %(number)s results at most: they reach as far as this window.") % {"number": number}
    since = Moment.of(report.since, timezones.now())
    return _("By the newest %(number)s results: they reach back to %(time)s only.") % {
        "number": number,
        "time": since.exact if since else "",
    }
