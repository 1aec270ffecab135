"""What the tables of the operations pages have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import django_tables2 as tables
from django.utils.html import conditional_escape, format_html
from django_tables2.columns import BoundColumn
from django_tables2.data import TableListData
from django_tables2.utils import Accessor, AttributeDict, signature

from ..task_query import NEWEST_FIRST, OLDEST_FIRST


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: ``url`` is the list in its order, ``order`` the word for the order it has now."""

    label: Any
    attrs: str
    url: str = ""
    order: str = ""


#: A cell's attributes and what it says; a row's attributes and its cells. Templates read tuples faster than attributes.
Cell = tuple[str, Any]
Line = tuple[str, list[Cell]]


class LateRows(TableListData):
    """Values of which rows are made for the page that is shown, and no others. They are sorted as they are."""

    def __init__(self, values: Iterable[Any], row_of: Callable[[Any], Any]) -> None:
        super().__init__(list(values))
        self._row_of = row_of

    def __iter__(self) -> Iterator[Any]:
        return map(self._row_of, self.data)

    def __getitem__(self, key: int | slice) -> Any:
        values = self.data[key]
        return list(map(self._row_of, values)) if isinstance(key, slice) else self._row_of(values)


class RowsInOrder(LateRows):
    """``LateRows`` of values that are in the order of the table already."""

    def order_by(self, aliases: Any) -> None:
        return


class CompletedRows(RowsInOrder):
    """``RowsInOrder`` of values of which those of the page that is shown are completed, together."""

    def __init__(
        self, values: Iterable[Any], complete: Callable[[Sequence[Any]], Sequence[Any]], row_of: Callable[[Any], Any]
    ) -> None:
        super().__init__(values, row_of)
        self._complete = complete

    def __getitem__(self, key: int | slice) -> Any:
        if isinstance(key, slice):
            return list(map(self._row_of, self._complete(self.data[key])))
        return self._row_of(self._complete([self.data[key]])[0])


class OpsTable(tables.Table):
    """A table whose template writes ``lines``: less than half the time that django-tables2 takes.

    Column attributes that depend on the row are for django-tables2's own templates, which work as well: set
    ``template_name``.
    """

    class Meta:
        template_name = "celery_ops/parts/table.html"
        attrs = {"class": "table"}
        order_by_field = "sort"
        per_page_field = "page_size"
        default: Any = ""

    #: What the table lists, for those who hear it; who sees it reads the heading above.
    caption: Any = ""
    #: Returns the address of this list with ``sort`` changed; without it the heads lead nowhere.
    link: Callable[..., str] | None = None

    def heads(self) -> list[Head]:
        return [self._head(column) for column in self.columns]

    def _head(self, column: BoundColumn) -> Head:
        attrs = column.attrs["th"].as_html()
        if self.link is None or not column.orderable:
            return Head(column.header, attrs)
        order = ""
        if column.is_ordered:
            order = "descending" if column.order_by_alias.is_descending else "ascending"
        return Head(column.header, attrs, self.link(sort=column.order_by_alias.next), order)

    def lines(self) -> Iterator[Line]:
        """Yield the rows of this page."""
        columns = [_CellMaker(self, column) for column in self.columns]
        for row in self.paginated_rows:
            yield row.attrs.as_html(), [make(row) for make in columns]


class JournalTable(OpsTable):
    """Nothing is sorted here: the head of the times leads to the other order."""

    class Meta(OpsTable.Meta):
        row_attrs = {"data-key": lambda record: record.pk}

    def __init__(self, rows: Sequence[Any], *, sort: str, link: Callable[..., str], **kwargs: Any) -> None:
        """``sort`` is the order of the rows; ``link`` returns the address of this list with ``sort`` changed."""
        super().__init__(rows, orderable=False, **kwargs)
        self.link, self.sort = link, sort

    def _head(self, column: BoundColumn) -> Head:
        head = super()._head(column)
        if column.name != "created":
            return head
        other, order = (OLDEST_FIRST, "descending") if self.sort == NEWEST_FIRST else (NEWEST_FIRST, "ascending")
        return replace(head, url=self.link(sort=other) if self.link else "", order=order)


class _CellMaker:
    """What is the same for all cells of a column, found out once: what it says of a value, too, if it asks no more."""

    def __init__(self, table: tables.Table, bound: BoundColumn) -> None:
        self.table, self.bound, self.column = table, bound, bound.column
        self.accessor = Accessor(bound.accessor)
        self.is_plain = len(self.accessor.bits) == 1
        self.wanted, self.takes_all = signature(bound.render)
        self.is_of_value = [*self.wanted] == ["value"] and not self.takes_all and not bound.link
        self.known: dict[tuple[type, Any], Cell] = {}
        self.attrs = AttributeDict({**bound.attrs["td"], "data-label": bound.header}).as_html()
        word = bound.default
        self.unknown: Cell = (self.attrs, format_html('<span class="celery-ops-muted">{}</span>', word) if word else "")

    def __call__(self, row: tables.rows.BoundRow) -> Cell:
        record = row.record
        value = self._value(record)
        if value in self.column.empty_values:
            return self.unknown
        if self.is_of_value:
            return self._of_value(value)
        arguments = {
            "value": value,
            "record": record,
            "column": self.column,
            "bound_column": self.bound,
            "bound_row": row,
            "table": self.table,
        }
        wanted = arguments if self.takes_all else {name: arguments[name] for name in self.wanted}
        content = self.bound.render(**wanted)
        return self.attrs, self.bound.link(content, **arguments) if self.bound.link else content

    def _of_value(self, value: Any) -> Cell:
        key = type(value), value
        try:
            known = self.known.get(key)
        except TypeError:  # no key
            return self.attrs, self.bound.render(value=value)
        if known is None:
            content = self.bound.render(value=value)
            is_text = isinstance(content, str) or hasattr(content, "__html__")
            known = self.known[key] = self.attrs, conditional_escape(content) if is_text else content
        return known

    def _value(self, record: Any) -> Any:
        """Return what the accessor finds. Most of them name an attribute, and nothing that has to be called."""
        if self.is_plain and not isinstance(record, Mapping):
            value = getattr(record, self.accessor, None)
            if value is not None and not callable(value):
                return value
        return self.accessor.resolve(record, quiet=True)
