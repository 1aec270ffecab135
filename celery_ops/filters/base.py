"""What the parameters of every list have in common."""

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any, ClassVar, Final

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext_lazy as _
from django_filters import Filter, FilterSet

from .. import links
from ..conf import conf
from ..formatting import reader
from ..timezones import stored
from .task_fields import MomentField, SizeField, StatesField, TextField

#: What says how a list is laid out, and leaves nothing out of it.
LAYOUT: Final = ("sort", "page", "page_size")


class OwnFilter(Filter):
    """Each request has its own filters, of which it changes nothing but what ``extra`` names: the rest is shared."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "OwnFilter":
        copied = copy(self)
        copied.extra = copy(self.extra)
        copied.method = self.method  # it knows whose it is
        return copied


class TextFilter(OwnFilter):
    field_class = TextField


class SearchFilter(TextFilter):
    """What is searched for: the key ``/`` leads to its field, ``placeholder`` says what that may be."""

    def __init__(self, *, placeholder: Any = None, **kwargs: Any) -> None:
        attrs = {"type": "search", "data-search": ""}
        if placeholder is not None:
            attrs["placeholder"] = placeholder
        super().__init__(widget=forms.TextInput(attrs=attrs), **kwargs)


class ChoiceFilter(OwnFilter):
    field_class = forms.ChoiceField


class ChoicesFilter(OwnFilter):
    field_class = forms.MultipleChoiceField


class MomentFilter(OwnFilter):
    field_class = MomentField

    def filter(self, qs: Any, value: Any) -> Any:
        return super().filter(qs, value and stored(value))


class ReadFilter(OwnFilter):
    """A parameter that leaves the rows as they are: whoever makes the list reads it."""

    def filter(self, qs: Any, value: Any) -> Any:
        return qs


class StatesFilter(ReadFilter):
    """A state is in no column of ours."""

    field_class = StatesField


class SizeFilter(ReadFilter):
    field_class = SizeField


class SortFilter(ReadFilter):
    """The order, of those that the list can be in."""

    field_class = forms.ChoiceField

    def __init__(self, **kwargs: Any) -> None:
        wrong = {"invalid_choice": _("This list has no such order.")}
        super().__init__(label=_("Order"), widget=forms.HiddenInput, **{"error_messages": wrong, **kwargs})


class FilterForm(forms.Form):
    """The ids of its fields are not a host page's own."""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, auto_id="celery-ops-%s", **kwargs)


class ListFilterSet(FilterSet):
    """The parameters of one request for a list.

    A parameter that is not known is ignored, and one that cannot be read is left out and has its message in ``errors``.
    """

    #: What the list is of, beside how it is laid out: it leaves nothing out, and stays where all is shown.
    stays: ClassVar[tuple[str, ...]] = ()

    class Meta:
        form = FilterForm

    @cached_property
    def cleaned_data(self) -> dict[str, Any]:
        """What could be read."""
        self.form.is_valid()
        return self.form.cleaned_data

    @property
    def key(self) -> tuple[Any, ...]:
        """All that the form shows: see ``Keepable``."""
        errors = str(self.form.errors) if self.form.errors else ""
        return type(self), reader(), *(_shown(field) for field in self.form), errors

    @property
    def is_whole(self) -> bool:
        return True

    @property
    def size(self) -> int:
        """How many rows a page has: 1 to ``MAX_PAGE_SIZE``."""
        return self.cleaned_data.get("page_size") or max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out of the list."""
        return any(value for name, value in self.cleaned_data.items() if name not in (*LAYOUT, *self.stays))

    @property
    def all_link(self) -> str:
        """The query string of the list with nothing left out."""
        return query_string({name: self.parameters.get(name) for name in self.stays})

    @property
    def hidden_errors(self) -> list[tuple[str, str]]:
        """What could not be read of the parameters that the form does not show: the label and why."""
        errors: list[tuple[str, str]] = []
        for field in self.form.hidden_fields():
            errors += [(str(field.label), str(error)) for error in field.errors]
        return errors

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What was asked for and understood, as it goes into a URL."""
        return {name: self._in_url(name, value) for name, value in self.cleaned_data.items() if value}

    @property
    def matching(self) -> str:
        """The query string of what is asked for alone, however it is laid out."""
        return self.link(page_size=None, sort=None)

    def link(self, **changes: Any) -> str:
        """Return the query string of this list with other parameters, from its first page unless it says which.

        A parameter is text, a list of texts, or None to leave it out.
        """
        parameters = {**self.parameters, "page": None, **changes}
        order = [*self.filters, *changes]  # one list has one address
        return query_string({name: parameters[name] for name in order if name in parameters})

    def _in_url(self, name: str, value: Any) -> Any:
        return self.data[name].strip() if isinstance(self.filters[name].field, MomentField) else value


def _shown(field: BoundField) -> tuple[Any, ...]:
    """What a page shows of a field: its name, whether it is hidden, its value, and what there is to choose from."""
    value = field.value()
    choices = [] if field.is_hidden else getattr(field.field, "choices", ())
    return (
        field.name,
        field.is_hidden,
        value if isinstance(value, str) else repr(value),
        *((name, str(label)) for name, label in choices),
    )


def query_string(parameters: Mapping[str, Any]) -> str:
    """Return ``?name=value…``, ``?`` alone when there is nothing to say."""
    return "?" + links.query_string({name: value for name, value in parameters.items() if value})
