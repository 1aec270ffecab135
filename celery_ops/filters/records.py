"""What a request asks of the journal of runs."""

import re
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from ..models import TaskRunRecord
from .journal import SHARED, SORTS, JournalFilterSet
from .plain import ChoiceFilter, ChoicesFilter, SizeFilter, TextFilter
from .task_fields import TextField
from .tasks import MomentFilter, StatesFilter

_OBJECT: Final = re.compile(r"(\w+\.\w+):(.+)", re.DOTALL)


def _of(text: str) -> Q:
    label, key = _OBJECT.fullmatch(text).groups()
    return Q(object_type=label.lower(), object_id=key)


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


class RecordFilterSet(JournalFilterSet):
    """The parameters of one request for the journal of runs.

    ``q`` is a whole task id, which finds that task whatever else is asked, or part of a name. ``state`` is what became
    of the task: no row says that, so ``states`` are for whoever reads the rows.
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
    state = StatesFilter(label=_("State"))
    object = ObjectFilter(label=_("Object"))
    retry_of = TextFilter(label=_("Run again of"), widget=forms.HiddenInput)
    sort = ChoiceFilter(
        label=_("Order"),
        choices=[(sort, sort) for sort in SORTS],
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": _("This list has no such order.")},
    )
    page_size = SizeFilter(label=_("Rows a page"))

    conditions: ClassVar = {
        **SHARED,
        "q": lambda text: Q(task_name__icontains=text),
        "name": lambda text: Q(task_name__icontains=text),
        "send_state": lambda states: Q(send_state__in=states),
        "object": _of,
        "retry_of": lambda text: Q(retry_of=text),
    }

    def filter_queryset(self, queryset: QuerySet[TaskRunRecord]) -> QuerySet[TaskRunRecord]:
        if self._is_id(queryset):
            return queryset.filter(task_id=self.asked["q"])
        return super().filter_queryset(queryset)

    def _is_id(self, queryset: QuerySet[TaskRunRecord]) -> bool:
        text = self.asked.get("q", "")
        return bool(text) and queryset.filter(task_id=text).exists()

    @property
    def states(self) -> tuple[str, ...]:
        """The states that the tasks of the rows are to have, none for any."""
        asked = self.asked.get("state") or ()
        return () if asked and self._is_id(self.queryset.all()) else asked

    @property
    def is_filtered(self) -> bool:
        return super().is_filtered or bool(self.asked.get("state"))
