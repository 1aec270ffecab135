"""What a request asks of the list of schedules."""

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from ..schedules.info import ScheduleInfo
from ..schedules.listing import SOURCES, has_problem
from .base import ChoiceFilter, SearchFilter
from .in_memory import PlainFilterSet

#: What ``show`` may be, beside nothing: which schedules are listed.
PROBLEM, OVERDUE, DISABLED = "problem", "overdue", "disabled"
SHOWN: Final = ((PROBLEM, _("With a problem")), (OVERDUE, _("Overdue")), (DISABLED, _("Disabled")))
#: What ``view`` may be, beside nothing: the list itself, or when its entries are due.
DAY: Final = "day"


class ScheduleFilterSet(PlainFilterSet):
    q = SearchFilter(label=_("Search"), placeholder=_("Name, task"))
    source = ChoiceFilter(label=_("Kept in"), choices=(("", _("All sources")), *SOURCES.items()))
    show = ChoiceFilter(label=_("Show"), choices=SHOWN, widget=forms.HiddenInput)
    view = ChoiceFilter(label=_("View"), choices=((DAY, _("Next 24 hours")),), widget=forms.HiddenInput)
    stays = ("view",)

    def matches(self, value: ScheduleInfo, wanted: dict[str, Any]) -> bool:
        return self.is_searched(value, wanted) and is_shown(value, wanted.get("show", ""))

    def is_searched(self, value: ScheduleInfo, wanted: dict[str, Any]) -> bool:
        """Return whether a schedule is looked for, whichever tab it is under."""
        text, source = wanted.get("q", "").lower(), wanted.get("source")
        entry = value.entry
        return (not source or entry.source == source) and (text in entry.name.lower() or text in entry.task.lower())

    @property
    def counts(self) -> dict[str, int]:
        """How many each tab has, by what ``show`` is there."""
        searched = [value for value in self.queryset if self.is_searched(value, self.cleaned_data)]
        return {name: sum(is_shown(value, name) for value in searched) for name in ("", PROBLEM, OVERDUE, DISABLED)}


def is_shown(value: ScheduleInfo, show: str) -> bool:
    """Return whether a schedule is under a tab."""
    if show == PROBLEM:
        return has_problem(value)
    if show == OVERDUE:
        return value.overdue
    return show != DISABLED or not value.entry.enabled
