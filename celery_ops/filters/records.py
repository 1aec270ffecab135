"""What a request asks of the journal of runs."""

import re
from functools import cached_property
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import Filter

from ..backends.results.conditions import names_like
from ..backends.results.names import task_names
from ..models import TaskRunRecord
from .base import ChoicesFilter, SearchFilter, StatesFilter, TextFilter
from .journal import JournalFilterSet
from .task_fields import TextField

_OBJECT: Final = re.compile(r"(\w+\.\w+):(.+)", re.DOTALL)


class ObjectField(TextField):
    """An object as ``app.model:key``."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        if text and not _OBJECT.fullmatch(text):
            raise ValidationError(_("Enter an object such as shop.order:42."), code="invalid")
        return text


class ObjectFilter(Filter):
    field_class = ObjectField

    def filter(self, qs: QuerySet[TaskRunRecord], value: str) -> QuerySet[TaskRunRecord]:
        named = _OBJECT.fullmatch(value or "")
        if named is None:
            return qs
        label, key = named.groups()
        return qs.filter(object_type=label.lower(), object_id=key)


class RecordFilterSet(JournalFilterSet):
    """The parameters of one request for the journal of runs.

    ``q`` is a whole task id, which finds that task whatever else is asked, or part of a name. ``state`` is what became
    of the task: no row says that, so ``states`` are for whoever reads the rows.
    """

    q = SearchFilter(label=_("Search"), method="named", placeholder=_("Task id or name"))
    name = TextFilter(label=_("Task"), method="named", widget=forms.TextInput(attrs={"list": "celery-ops-names"}))
    send_state = ChoicesFilter(
        label=_("Send state"),
        lookup_expr="in",
        choices=TaskRunRecord.SendState.choices,
        widget=forms.MultipleHiddenInput,
    )
    state = StatesFilter(label=_("State"))
    object = ObjectFilter(label=_("Object"))
    retry_of = TextFilter(label=_("Run again of"), widget=forms.HiddenInput)

    def filter_queryset(self, queryset: QuerySet[TaskRunRecord]) -> QuerySet[TaskRunRecord]:
        if self._is_id:
            return queryset.filter(task_id=self.cleaned_data["q"])
        return super().filter_queryset(queryset)

    def named(self, rows: QuerySet[TaskRunRecord], _field: str, part: str) -> QuerySet[TaskRunRecord]:
        """The runs of tasks whose names have a part; an index knows the names, and has the rows of each."""
        column, lookup, value = names_like(part, task_names(TaskRunRecord, rows.db))
        return rows.filter(**{f"{column}__{lookup}": value})

    @cached_property
    def _is_id(self) -> bool:
        text = self.cleaned_data.get("q", "")
        return bool(text) and self.queryset.filter(task_id=text).exists()

    @property
    def states(self) -> tuple[str, ...]:
        """The states that the tasks of the rows are to have, none for any."""
        states = self.cleaned_data.get("state") or ()
        return () if states and self._is_id else states
