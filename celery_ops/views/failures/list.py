"""The list of failure groups."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...failures.group import Group
from ...failures.listing import Listing, listed
from ...filters.failures import ALL, FailureFilterSet
from ...metrics.windows import DEFAULT
from ...tables.base import CompletedRows
from ...tables.failures import FailureGroupTable, FailureRow
from ..lists import Source, WindowedListPage

COUNTED: Final = Source(
    gettext_lazy("Failures"),
    gettext_lazy("What workers have counted, by what it has in common."),
    gettext_lazy("store"),
)
BY_RESULTS: Final = Source(
    gettext_lazy("Task results"),
    gettext_lazy("What has failed, by its stored result."),
    gettext_lazy("database (django-celery-results)"),
)


class FailureListView(WindowedListPage):
    section = "celery_ops:failure-list"
    title = gettext_lazy("Failures")
    template_name = "celery_ops/failures/list.html"
    table_class = FailureGroupTable
    counted, by_results = COUNTED, BY_RESULTS

    def get_report(self) -> Listing:
        return listed(self.window)

    def get_values(self, report: Listing) -> Sequence[Group]:
        return report.groups.groups

    def filterset_class(self, data: Any, values: Sequence[Group], **options: Any) -> FailureFilterSet:
        listing: Listing | None = self.report.value
        completed = listing.completed if listing else list
        return FailureFilterSet(data, values, shows_payload=self.shows_payload, completed=completed, **options)

    def get_table_data(self) -> CompletedRows | list[Any]:
        listing = self.report.value
        if listing is None:
            return []
        values = self.in_order(self.filter.qs)
        query = "" if self.window.name == DEFAULT else f"?window={self.window.name}"
        return CompletedRows(values, listing.completed, lambda group: FailureRow.of(group, self.shows_payload, query))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        self.shows_payload = cache(self.may_view_payload)
        context = super().get_context_data(**kwargs)
        listing: Listing | None = self.report.value
        return {
            **context,
            "all_url": self.filter.link(q=None, resolved=ALL),
            "limit": limit(listing.groups.limit) if listing else "",
            "other": listing.groups.other if listing else 0,
        }


def limit(number: int) -> str:
    """Return that only so many results were read, nothing for 0."""
    if not number:
        return ""
    text = _("Of the newest %(number)s failures that the task list has: failures are not counted, or cannot be read.")
    return text % {"number": number_format(number, force_grouping=True)}
