"""The list of schedules, and the next 24 hours of those on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from ... import timezones
from ...filters.schedules import DAY, DISABLED, OVERDUE, PROBLEM, ScheduleFilterSet
from ...filters.task_links import FilterLink
from ...formatting import Moment, clean
from ...schedules.info import BeatInfo, ScheduleInfo, ScheduleReport
from ...schedules.report import completed, report
from ...tables.base import CompletedRows
from ...tables.schedules import MOST_BARS, ScheduleRow, ScheduleTable
from ..lists import ListPage, Source
from .day import day_of

SOURCE: Final = Source(
    gettext_lazy("Schedules"),
    gettext_lazy("What is kept of entries, and what beat has told of them."),
    gettext_lazy("settings, database or redbeat; store"),
)
#: The tabs, by what ``show`` is there; the tone of each.
TABS: Final = {
    "": (pgettext_lazy("schedules", "All"), ""),
    PROBLEM: (gettext_lazy("With a problem"), "retry"),
    OVERDUE: (gettext_lazy("Overdue"), "failure"),
    DISABLED: (gettext_lazy("Disabled"), "revoked"),
}


@dataclass(frozen=True, slots=True)
class ViewedBeat:
    """One beat process, in words."""

    hostname: str
    pid: int
    scheduler: str
    seen: Moment | None
    entries: int
    state: str
    tone: str


def viewed_beats(beats: Sequence[BeatInfo], now: datetime) -> list[ViewedBeat]:
    """Return the beats that were heard, with how they are."""
    return [
        ViewedBeat(
            clean(beat.hostname),
            beat.pid,
            clean(beat.scheduler.rpartition(".")[2]),
            Moment.of(beat.seen, now),
            beat.entries,
            *_state(beat),
        )
        for beat in beats
    ]


def _state(beat: BeatInfo) -> tuple[str, str]:
    if beat.has_ended:
        return _("ended"), "revoked"
    if beat.is_stuck:
        return _("stands still"), "failure"
    if beat.is_silent:
        return _("silent"), "failure"
    return (_("waits for its lock"), "received") if beat.is_standby else (_("sends"), "success")


class ScheduleListView(ListPage):
    section = "celery_ops:schedule-list"
    title = gettext_lazy("Schedules")
    template_name = "celery_ops/schedules/list.html"
    filterset_class = ScheduleFilterSet
    table_class = ScheduleTable

    def get_backend(self) -> Source:
        return SOURCE

    def get_report(self) -> ScheduleReport:
        self.now = timezones.now()
        return report()

    def get_values(self, report: ScheduleReport) -> Sequence[ScheduleInfo]:
        return report.schedules

    def get_table_data(self) -> CompletedRows:
        values = self.in_order(self.filter.qs)
        return CompletedRows(
            values, partial(completed, most=MOST_BARS), lambda schedule: ScheduleRow.of(schedule, self.now)
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        answer: ScheduleReport = self.report.value or ScheduleReport()
        shows_day = self.filter.cleaned_data.get("view") == DAY
        return {
            **context,
            "problems": answer.problems,
            "beats": viewed_beats(answer.beats, self.now),
            "tabs": self.tabs(),
            "shows_day": shows_day,
            "view_tabs": [
                FilterLink(_("List"), self.filter.link(view=None), not shows_day),
                FilterLink(_("Next 24 hours"), self.filter.link(view=DAY), shows_day),
            ],
            "day": day_of(self.filter.qs, self.now) if shows_day else None,
        }

    def tabs(self) -> list[FilterLink]:
        """Return a link to each kind of schedules, with how many there are of what is searched for."""
        counts, show = self.filter.counts, self.filter.cleaned_data.get("show", "")
        return [
            FilterLink(
                str(label),
                self.filter.link(show=name or None),
                show == name,
                tone if counts[name] else "",
                number_format(counts[name], force_grouping=True),
            )
            for name, (label, tone) in TABS.items()
        ]
