"""The window that numbers are shown over."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ..metrics.windows import DEFAULT, WINDOWS, Window
from .base import ListFilterSet, OwnFilter
from .task_links import FilterLink

#: What the windows are called.
LABELS = {"1h": _("1 hour"), "24h": _("24 hours"), "7d": _("7 days"), "30d": _("30 days")}


class WindowFilter(OwnFilter):
    """The name of a window; which one that is, is asked before there is anything to filter."""

    field_class = forms.ChoiceField

    def __init__(self, **kwargs: Any) -> None:
        wrong = {"invalid_choice": _("There is no such window.")}
        choices = [(name, LABELS[name]) for name in WINDOWS]
        super().__init__(
            label=_("Window"), widget=forms.HiddenInput, choices=choices, **{"error_messages": wrong, **kwargs}
        )

    def filter(self, qs: Any, value: Any) -> Any:
        return qs


def window_of(name: str | None) -> Window:
    """Return the window of this name, the usual one where there is none."""
    return WINDOWS.get(name or DEFAULT) or WINDOWS[DEFAULT]


def window_tabs(filters: ListFilterSet, window: Window) -> list[FilterLink]:
    """Return a link to the same list over each window."""
    return [FilterLink(str(LABELS[name]), filters.link(window=name), name == window.name) for name in WINDOWS]
