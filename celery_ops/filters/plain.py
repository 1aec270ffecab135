"""Filters over values that are in memory already: workers and queues, of which there are not many."""

import re
from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django_filters import Filter, FilterSet

from ..conf import conf
from .task_fields import SizeField, TextField
from .tasks import query_string

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


class TextFilter(Filter):
    field_class = TextField


class ChoiceFilter(Filter):
    field_class = forms.ChoiceField


class ChoicesFilter(Filter):
    field_class = forms.MultipleChoiceField


class PageFilter(Filter):
    field_class = PageField


class SizeFilter(Filter):
    field_class = SizeField


class FilterForm(forms.Form):
    """The ids of its fields are not a host page's own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="celery-ops-%s", **kwargs)


class Values(list):
    """What filters begin with, in place of a queryset."""

    model = None

    def all(self) -> "Values":
        return self


def search(label: Any) -> TextFilter:
    """Return the filter that the key ``/`` leads to."""
    return TextFilter(label=label, widget=forms.TextInput(attrs={"type": "search", "data-search": ""}))


class PlainFilterSet(FilterSet):
    """The parameters of one request for a list. A subclass adds filters, and says in ``matches`` what they mean.

    A parameter that is not known is ignored, and one that cannot be read is left out and has its message in
    ``errors``.
    """

    sort = ChoiceFilter(label=_("Order"), widget=forms.HiddenInput)
    page = PageFilter(label=_("Page"))
    page_size = SizeFilter(label=_("Rows a page"))

    class Meta:
        form = FilterForm

    def __init__(self, data: Any, values: Iterable[Any], *, sorts: Iterable[str] = ()) -> None:
        """``data`` is a QueryDict; ``sorts`` are the orders that the list can be in."""
        super().__init__(data, queryset=Values(values))
        self.filters["sort"].extra["choices"] = [(sort, sort) for sort in sorts]

    def matches(self, value: Any, asked: dict[str, Any]) -> bool:
        """Return whether a value is wanted; ``asked`` has what could be read."""
        raise NotImplementedError

    def filter_queryset(self, queryset: Values) -> list[Any]:
        return [value for value in queryset if self.matches(value, self.asked)]

    @property
    def asked(self) -> dict[str, Any]:
        self.form.is_valid()
        return self.form.cleaned_data  # without what is not valid

    @property
    def size(self) -> int:
        """How many rows a page has: 1 to ``MAX_PAGE_SIZE``."""
        return self.asked.get("page_size") or max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))

    @property
    def number(self) -> int:
        """Which page is asked for, from 1."""
        return self.asked.get("page") or 1

    def page_within(self, total: int) -> int:
        """Return which page is asked for of so many rows: the last one for any that is too high."""
        return min(self.number, max(1, -(-total // self.size)))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out of the list."""
        return any(value for name, value in self.asked.items() if name not in PlainFilterSet.base_filters)

    @property
    def hidden_errors(self) -> list[tuple[str, str]]:
        """What could not be read of the parameters that the form does not show: the label and why."""
        fields = [field for field in self.form.hidden_fields() if field.errors]
        return [(str(field.label), str(error)) for field in fields for error in field.errors]

    def link(self, **changes: Any) -> str:
        """Return the query string of this list with other parameters, from its first page unless it says which."""
        return query_string({**self.asked, "page": None, **changes})
