"""What a request asks of the journal of runs."""

import re
from functools import cached_property
from typing import Any, Final

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import Filter, FilterSet

from ..conf import conf
from ..listing import NEWEST_FIRST, OLDEST_FIRST
from ..models import TaskRunRecord
from .plain import ChoiceFilter, ChoicesFilter, FilterForm, SizeFilter, TextFilter
from .task_fields import MomentField, TextField
from .tasks import MomentFilter, query_string

SORTS: Final = (NEWEST_FIRST, OLDEST_FIRST)
_OBJECT: Final = re.compile(r"(\w+\.\w+):(.+)", re.DOTALL)


class ObjectField(TextField):
    """An object as ``app.model:key``."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> str:
        text = super().to_python(value)
        if text and not _OBJECT.fullmatch(text):
            raise ValidationError(_("Enter an object such as shop.order:42."), code="invalid")
        return text


class ObjectFilter(Filter):
    field_class = ObjectField


class RecordFilterSet(FilterSet):
    """The parameters of one request for the journal: ``qs`` are the rows, ``cursor`` and ``size`` say which page.

    A parameter that is not known is ignored, and one with a value that cannot be read is left out and has its
    message in ``errors``. ``q`` is a whole task id, which finds that task whatever else is asked, or part of a name.
    """

    q = TextFilter(
        label=_("Search"),
        widget=forms.TextInput(attrs={"type": "search", "data-search": "", "placeholder": _("Task id or name")}),
    )
    name = TextFilter(label=_("Task"), widget=forms.TextInput(attrs={"list": "celery-ops-names"}))
    user = TextFilter(label=_("Who"), widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false"}))
    since = MomentFilter(label=_("Since"))
    until = MomentFilter(label=_("Until"), ends_day=True)
    send_state = ChoicesFilter(
        label=_("Send state"), choices=TaskRunRecord.SendState.choices, widget=forms.MultipleHiddenInput
    )
    object = ObjectFilter(label=_("Object"))
    retry_of = TextFilter(label=_("Run again of"), widget=forms.HiddenInput)
    sort = ChoiceFilter(
        label=_("Order"),
        choices=[(sort, sort) for sort in SORTS],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This list has no such order.")},
    )
    page_size = SizeFilter(label=_("Rows a page"))

    class Meta:
        form = FilterForm

    def __init__(self, data: Any, rows: QuerySet[TaskRunRecord], *, sees_all: bool) -> None:
        """``data`` is a QueryDict, ``rows`` what this viewer may see; ``sees_all`` when that is not only their own."""
        super().__init__(data, queryset=rows)
        if not sees_all:
            del self.filters["user"]
        self.cursor: str = self.data.get("cursor", "")

    def filter_queryset(self, queryset: QuerySet[TaskRunRecord]) -> QuerySet[TaskRunRecord]:
        text = self.asked.get("q", "")
        if text and queryset.filter(task_id=text).exists():
            return queryset.filter(task_id=text)
        return queryset.filter(
            *(_CONDITIONS[name](value) for name, value in self.asked.items() if name in _CONDITIONS and value)
        )

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


def _by(name: str) -> Q:
    """Whose rows: of a user who is gone, those that keep the name."""
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: name})
    return Q(user_id__in=found.values("pk")) | Q(user_id__isnull=True, username=name)


def _of(text: str) -> Q:
    label, key = _OBJECT.fullmatch(text).groups()
    return Q(object_type=label.lower(), object_id=key)


#: What each parameter asks of a row.
_CONDITIONS: Final = {
    "q": lambda text: Q(task_name__icontains=text),
    "name": lambda text: Q(task_name__icontains=text),
    "user": _by,
    "since": lambda time: Q(created_at__gte=time),
    "until": lambda time: Q(created_at__lte=time),
    "send_state": lambda states: Q(send_state__in=states),
    "object": _of,
    "retry_of": lambda text: Q(retry_of=text),
}
