"""What lists given as a whole have in common: workers, queues, task types, failures, schedules and runs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar

from django_tables2 import SingleTableMixin

from ..conf import conf
from ..filters.in_memory import PlainFilterSet
from ..filters.windows import window_of, window_tabs
from ..metrics.windows import Window
from ..tables.base import LateRows, OpsTable, RowsInOrder
from .ops import OpsPage, part


@dataclass(frozen=True, slots=True)
class Pages:
    """Where a page of a list is: the numbers of its rows, and the addresses of its neighbours or nothing."""

    first: int
    last: int
    total: int
    previous: str
    next: str

    @property
    def is_alone(self) -> bool:
        return not (self.previous or self.next)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list's data comes from, in words: for lists that no backend of the settings gives."""

    label: Any
    description: Any
    data_source: Any


class ListPage(SingleTableMixin, OpsPage):
    """A list that a backend gives as a whole: it is asked once; filtering, sorting and paging are done in memory.

    ``backend_setting`` names the backend, ``row_class.of`` makes a row of one of the report's values.
    """

    glances = True
    backend_setting: ClassVar[str] = ""
    filterset_class: ClassVar[Callable[..., PlainFilterSet]]
    row_class: ClassVar[Any]

    def get_backend(self) -> Any:
        """Return what the page says of its source, and is asked."""
        return conf.load(self.backend_setting)()

    def get_report(self) -> Any:
        """Return the backend's report. Raises BackendUnavailable."""
        raise NotImplementedError

    def get_values(self, report: Any) -> Sequence[Any]:
        """Return what the report lists."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        self.backend = self.get_backend()
        self.report = part(self.get_report)
        values = self.get_values(self.report.value) if self.report.is_available else ()
        self.filter = self.filterset_class(self.request.GET, values, sorts=sorts_of(self.get_table_class()))
        context = super().get_context_data(
            backend=self.backend, report=self.report, filter=self.filter, total=len(values), **kwargs
        )
        return {**context, "pages": self.get_pages(context["table"])}

    def get_table_data(self) -> Sequence[Any] | LateRows:
        return RowsInOrder(self.in_order(self.filter.qs), self.row_class.of)

    def in_order(self, values: Iterable[Any]) -> list[Any]:
        """Return values in the order that is asked for, as ``in_order`` does."""
        return in_order(values, self.filter.cleaned_data.get("sort", ""), self.get_table_class())

    def get_table(self, **kwargs: Any) -> OpsTable:
        sort = self.filter.cleaned_data.get("sort") or None
        table = self.get_table_class()(self.get_table_data(), order_by=sort, **kwargs)
        table.paginate(page=self.filter.page_within(len(table.rows)), per_page=self.filter.size)
        table.link = self.filter.link
        table.before_render(self.request)
        return table

    def get_pages(self, table: OpsTable) -> Pages:
        page = table.page
        return Pages(
            first=page.start_index(),
            last=page.end_index(),
            total=page.paginator.count,
            previous=self.filter.link(page=page.previous_page_number()) if page.has_previous() else "",
            next=self.filter.link(page=page.next_page_number()) if page.has_next() else "",
        )


class WindowedListPage(ListPage):
    """A list of what was ``counted`` over a window; where nothing is counted, of what stored results come to."""

    counted: ClassVar[Source]
    by_results: ClassVar[Source]

    @property
    def window(self) -> Window:
        return window_of(self.request.GET.get("window"))

    def get_backend(self) -> Source:
        return self.counted

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        report = self.report.value
        is_counted = report is None or report.is_counted
        source = self.counted if is_counted else self.by_results
        return {**context, "backend": source, "tabs": window_tabs(self.filter, self.window)}


def sorts_of(table_class: type[OpsTable]) -> list[str]:
    """Return the orders that a list can be in."""
    sorts = []
    for name, column in table_class.base_columns.items():
        if column.orderable is not False:
            sorts += [name, f"-{name}"]
    return sorts


def in_order(values: Iterable[Any], sort: str, table_class: type[OpsTable]) -> list[Any]:
    """Return values as a column of their table sorts them: what is unknown comes last."""
    name = sort.removeprefix("-")
    if not name:
        return list(values)
    column = table_class.base_columns[name]
    of = attrgetter(*(accessor.replace("__", ".") for accessor in column.order_by or (name,)))
    known: list[Any] = []
    unknown: list[Any] = []
    for value in values:
        (unknown if of(value) is None else known).append(value)
    return sorted(known, key=of, reverse=sort.startswith("-")) + unknown
