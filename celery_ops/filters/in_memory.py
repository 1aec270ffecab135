"""Filters over values that are in memory already: workers and queues, of which there are not many."""

import re
from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from .base import ListFilterSet, SizeFilter, SortFilter

#: More digits than any page has.
LONGEST_PAGE: Final = 9


class PageField(forms.Field):
    """The number of a page, from 1; the list takes its last one for any that is too high."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip()
        if not text:
            return None
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise ValidationError(_("Enter a whole number."), code="invalid")
        if text.startswith("-"):
            return 1
        return max(1, int(text)) if len(text) <= LONGEST_PAGE else 10**LONGEST_PAGE


class PageFilter(Filter):
    field_class = PageField


class Values(list[Any]):
    """What filters begin with, in place of a queryset."""

    model = None

    def all(self) -> "Values":
        return self


class PlainFilterSet(ListFilterSet):
    """The parameters of one request for a list. A subclass adds filters, and says in ``matches`` what they mean."""

    sort = SortFilter(error_messages=None)  # Django's own words name the order
    page = PageFilter(label=_("Page"))
    page_size = SizeFilter(label=_("Rows a page"))

    def __init__(self, data: Any, values: Iterable[Any], *, sorts: Iterable[str] = ()) -> None:
        """``data`` is a QueryDict; ``sorts`` are the orders that the list can be in."""
        super().__init__(data, queryset=Values(values))
        self.filters["sort"].extra["choices"] = [(sort, sort) for sort in sorts]

    def matches(self, value: Any, wanted: dict[str, Any]) -> bool:
        """Return whether a value is wanted; ``wanted`` has what could be read."""
        raise NotImplementedError

    def filter_queryset(self, queryset: Values) -> list[Any]:
        return [value for value in queryset if self.matches(value, self.cleaned_data)]

    @property
    def number(self) -> int:
        """Which page is asked for, from 1."""
        return self.cleaned_data.get("page") or 1

    def page_within(self, total: int) -> int:
        """Return which page is asked for of so many rows: the last one for any that is too high."""
        return min(self.number, max(1, -(-total // self.size)))
