"""What a request asks of the journal of control actions."""

from functools import cached_property
from typing import Any, Final

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import FilterSet

from ..acting.labels import LABELS
from ..conf import conf
from ..listing import NEWEST_FIRST
from ..models import ControlRecord
from .plain import ChoiceFilter, FilterForm, SizeFilter, TextFilter
from .records import SORTS, _by
from .task_fields import MomentField
from .tasks import MomentFilter, query_string


class ControlRecordFilterSet(FilterSet):
    """The parameters of one request: ``qs`` are the rows, ``cursor`` and ``size`` say which page.

    A parameter that is not known is ignored, and one with a value that cannot be read is left out and has its
    message in ``errors``.
    """

    target = TextFilter(
        label=_("Target"),
        widget=forms.TextInput(
            attrs={"type": "search", "data-search": "", "placeholder": _("Worker, queue or task id")}
        ),
    )
    action = ChoiceFilter(label=_("Action"), choices=[("", _("any")), *LABELS.items()])
    user = TextFilter(label=_("Who"), widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false"}))
    since = MomentFilter(label=_("Since"))
    until = MomentFilter(label=_("Until"), ends_day=True)
    sort = ChoiceFilter(
        label=_("Order"),
        choices=[(sort, sort) for sort in SORTS],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This list has no such order.")},
    )
    page_size = SizeFilter(label=_("Rows a page"))

    class Meta:
        form = FilterForm

    def __init__(self, data: Any, rows: QuerySet[ControlRecord], *, sees_all: bool) -> None:
        """``data`` is a QueryDict, ``rows`` what this viewer may see; ``sees_all`` when that is not only their own."""
        super().__init__(data, queryset=rows)
        if not sees_all:
            del self.filters["user"]
        self.cursor: str = self.data.get("cursor", "")

    def filter_queryset(self, queryset: QuerySet[ControlRecord]) -> QuerySet[ControlRecord]:
        asked = self.asked.items()
        return queryset.filter(*(_CONDITIONS[name](value) for name, value in asked if name in _CONDITIONS and value))

    @cached_property
    def asked(self) -> dict[str, Any]:
        """What could be read."""
        self.form.is_valid()
        return self.form.cleaned_data

    @property
    def order(self) -> str:
        return self.asked.get("sort") or NEWEST_FIRST

    @property
    def size(self) -> int:
        """How many rows a page has: 1 to ``MAX_PAGE_SIZE``."""
        return self.asked.get("page_size") or max(1, min(conf.PAGE_SIZE, conf.MAX_PAGE_SIZE))

    @property
    def is_filtered(self) -> bool:
        """Whether something may be left out of the list."""
        return any(value for name, value in self.asked.items() if name in _CONDITIONS)

    @property
    def hidden_errors(self) -> list[tuple[str, str]]:
        """What could not be read of the parameters that the form does not show: the label and why."""
        fields = [field for field in self.form.hidden_fields() if field.errors]
        return [(str(field.label), str(error)) for field in fields for error in field.errors]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What was asked for and understood, as it goes into a URL."""
        asked = {name: value for name, value in self.asked.items() if value}
        return {name: self.data[name].strip() if self._is_moment(name) else value for name, value in asked.items()}

    def link(self, **changes: Any) -> str:
        """Return the query string of this list with other parameters, from its first page unless it says which."""
        return query_string({**self.parameters, **changes})

    def _is_moment(self, name: str) -> bool:
        return isinstance(self.filters[name].field, MomentField)


#: What each parameter asks of a row.
_CONDITIONS: Final = {
    "target": lambda text: Q(target__icontains=text),
    "action": lambda name: Q(action=name),
    "user": _by,
    "since": lambda time: Q(created_at__gte=time),
    "until": lambda time: Q(created_at__lte=time),
}
