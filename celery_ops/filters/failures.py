"""What a request asks of the list of failure groups."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..failures.group import RESOLVED, Group
from .base import ChoiceFilter, SearchFilter, TextFilter
from .in_memory import PlainFilterSet
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
        shows_payload: Callable[[str | None], bool] = to_nobody,
        **options: Any,
    ) -> None:
        """``shows_payload`` says of which tasks' failures messages may be searched."""
        super().__init__(data, values, **options)
        self._shows_payload = shows_payload

    def matches(self, value: Group, wanted: dict[str, Any]) -> bool:
        resolved = wanted.get("resolved") or OPEN
        if resolved != ALL and (value.state == RESOLVED) != (resolved == SETTLED):
            return False
        text = wanted.get("q", "").lower()
        return not text or any(text in part.lower() for part in self._searched(value))

    def _searched(self, group: Group) -> Iterable[str]:
        yield from (group.exception, group.frame, group.task)
        if self._shows_payload(None) and self._shows_payload(group.task):
            yield group.message


class GroupTaskFilterSet(TaskFilterSet):
    """The parameters of a list of tasks that is kept to one failure group."""

    failure = TextFilter(label=_("Failure group"), widget=forms.HiddenInput)
