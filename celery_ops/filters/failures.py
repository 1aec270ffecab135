"""What a request asks of the list of failure groups."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..failures.group import RESOLVED, Group, ShowsPayload, shows_message
from .base import ChoiceFilter, SearchFilter, TextFilter
from .in_memory import PlainFilterSet, Values
from .tasks import TaskFilterSet, to_nobody
from .windows import WindowFilter

#: What ``resolved`` may be: those that are open or back after resolving, those that are resolved, or all.
OPEN, SETTLED, ALL = "0", "1", "all"
CHOICES = ((OPEN, _("Not resolved")), (SETTLED, _("Resolved")), (ALL, pgettext_lazy("failures", "All")))


class FailureFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Search"), placeholder=_("Class, message, function, task"))
    resolved = ChoiceFilter(label=_("State"), choices=CHOICES)
    window = WindowFilter()
    stays = ("window",)

    def __init__(
        self,
        data: Any,
        values: Iterable[Group],
        *,
        shows_payload: ShowsPayload = to_nobody,
        completed: Callable[[Sequence[Group]], Sequence[Group]] = list,
        **options: Any,
    ) -> None:
        """``shows_payload`` says of which tasks' failures messages may be searched, ``completed`` which tasks those
        of a group are."""
        super().__init__(data, values, **options)
        self._shows_payload, self._completed = shows_payload, completed

    def matches(self, value: Group, wanted: dict[str, Any]) -> bool:
        resolved = wanted.get("resolved") or OPEN
        if resolved != ALL and (value.state == RESOLVED) != (resolved == SETTLED):
            return False
        return _says(wanted.get("q", "").lower(), value.exception, value.frame, value.task, value.message)

    def filter_queryset(self, queryset: Values) -> list[Group]:
        """Return the groups that match; by its message one that this viewer reads, which goes by all of its tasks."""
        groups, text = super().filter_queryset(queryset), self.cleaned_data.get("q", "").lower()
        by_message = [one for one in groups if not _says(text, one.exception, one.frame, one.task)]
        read = [one for one in by_message if self._shows_payload(one.task)]
        kept = {one.key for one in self._completed(read) if shows_message(one, self._shows_payload)}
        left_out = {one.key for one in by_message} - kept
        return [one for one in groups if one.key not in left_out]


def _says(text: str, *parts: str) -> bool:
    return any(text in part.lower() for part in parts)


class GroupTaskFilterSet(TaskFilterSet):
    """The parameters of a list of tasks that is kept to one failure group."""

    failure = TextFilter(label=_("Failure group"), widget=forms.HiddenInput)
