"""One schedule: what it is, what is wrong, what became of its occurrences, and what can be done about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from ... import timezones
from ...charts.lines import Durations, LineChart, line_chart
from ...charts.times import TimeAxis
from ...exceptions import RerunRefused
from ...formatting import clean, is_clean
from ...info import TaskInfo
from ...links import task_list_url
from ...payload import payload
from ...permissions import MANAGE_SCHEDULES, RUN_TASK, allows
from ...rerun.policy import permitted
from ...schedules.acting import reason_against
from ...schedules.info import DATABASE, Occurrence, ScheduleInfo
from ...schedules.missing import missed, with_missed
from ...schedules.report import completed, report
from ...schedules.sources.base import PAUSE, RESUME, RUN, SKIP
from ...tables.links import PageLink, queue_link
from ...tables.schedules import OccurrenceRow, OccurrenceTable, ScheduleRow, bars, took_of
from ..not_found import no_schedule
from ..ops import OpsPage
from ..tasks.detail import laid_out
from .day import day_of

#: Bars above the table of occurrences.
MOST_SHOWN: Final = 60
#: What is done is called.
LABELS: Final = {
    RUN: gettext_lazy("Run now"),
    PAUSE: gettext_lazy("Pause"),
    RESUME: gettext_lazy("Resume"),
    SKIP: gettext_lazy("Skip the next occurrence"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be done to a schedule, or by ``reason`` why not. ``submission`` makes a second click no second one.

    ``takes_time`` says that a pause may end by itself.
    """

    action: str
    label: Any
    reason: str
    submission: UUID
    takes_time: bool = False


def offers_of(schedule: ScheduleInfo, user: Any) -> list[Offer]:
    """Return what this viewer may do to a schedule, each with the reason where it cannot be done.

    That is nothing where no form could bring its name back.
    """
    if not is_clean(schedule.entry.name):
        return []
    takes_time = schedule.entry.source == DATABASE
    return [Offer(action, LABELS[action], reason, uuid4(), takes_time) for action, reason in _offers(schedule, user)]


def _offers(schedule: ScheduleInfo, user: Any) -> Iterator[tuple[str, str]]:
    if allows(user, RUN_TASK, schedule.entry.task):
        yield RUN, reason_against(schedule, RUN) or _reason_not_run(schedule, user)
    if not allows(user, MANAGE_SCHEDULES, schedule.entry.name):
        return
    is_paused = not schedule.entry.enabled or schedule.entry.paused_until is not None
    yield (change := RESUME if is_paused else PAUSE), reason_against(schedule, change)
    nothing = "" if schedule.next_due else _("Nothing is to come that could be skipped.")
    yield SKIP, reason_against(schedule, SKIP) or nothing


def _reason_not_run(schedule: ScheduleInfo, user: Any) -> str:
    try:
        permitted(schedule.entry.task, user)
    except RerunRefused as error:
        return error.reason
    return ""


class ScheduleDetailView(OpsPage):
    section = "celery_ops:schedule-list"
    template_name = "celery_ops/schedules/detail.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.now = timezones.now()
        self.answer = report()
        wanted = [schedule for schedule in self.answer.schedules if schedule.entry.name == self.kwargs["name"]]
        self.schedule = next(iter(completed(wanted)), None)
        if self.schedule is None and not self.answer.trouble:
            raise no_schedule()
        return self.render_to_response(self.get_context_data(), status=200 if self.schedule else 503)

    def get_title(self) -> str:
        return clean(self.kwargs["name"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(trouble=self.answer.trouble, problems=self.answer.problems, **kwargs)
        return {**context, **self._of(self.schedule)} if self.schedule else context

    def _of(self, schedule: ScheduleInfo) -> dict[str, Any]:
        entry = schedule.entry
        shows_payload = self.may_view_payload(entry.task)
        lapses = missed(schedule, self.now)
        occurrences = with_missed(schedule.occurrences, lapses)
        rows = [OccurrenceRow.of(occurrence, self.now) for occurrence in occurrences]
        return {
            "schedule": schedule,
            "row": ScheduleRow.of(schedule, self.now),
            "bars": bars(occurrences, self.now, MOST_SHOWN),
            "missed": lapses,
            "wrong": schedule.problems,
            "task_link": PageLink(clean(entry.task), task_list_url(name=entry.task)),
            "queue": queue_link(entry.queue) if entry.queue else None,
            "may_view_payload": shows_payload,
            "arguments": arguments_of(schedule) if shows_payload else "",
            "offers": offers_of(schedule, self.user),
            "next_words": _day_and_time(schedule.next_due),
            "next_iso": schedule.next_due.isoformat() if schedule.next_due else "",
            "run_count": run_count_of(schedule),
            "table": OccurrenceTable(rows) if rows else None,
            "chart": run_times(schedule.occurrences),
            "day": day_of([schedule], self.now),
        }


def run_count_of(schedule: ScheduleInfo) -> str | None:
    """Return how often an entry ran, None where its source counts nothing, or has not counted what beat sent since."""
    count = schedule.entry.run_count
    if count is None or count < sum(occurrence.sent is not None for occurrence in schedule.occurrences):
        return None
    return number_format(count, force_grouping=True)


def _day_and_time(moment: datetime | None) -> str:
    return "" if moment is None else date_format(timezones.local(moment), pgettext("date format", "j M H:i:s"))


def arguments_of(schedule: ScheduleInfo) -> str:
    """Return an entry's arguments as a viewer with ``view_payload`` may see them, or why they are not known."""
    entry = schedule.entry
    if entry.unreadable:
        return entry.unreadable
    task = TaskInfo("", entry.task, args=list(entry.args), kwargs=dict(entry.kwargs))
    return laid_out(payload.arguments_text(task)) or ""


def run_times(occurrences: Sequence[Occurrence]) -> LineChart | None:
    """Return how long each occurrence ran, None where that is known of fewer than two."""
    ran = [
        (occurrence.due.timestamp(), took)
        for occurrence in reversed(occurrences)
        if (took := took_of(occurrence)) is not None
    ]
    if len(ran) < 2 or ran[-1][0] <= ran[0][0]:
        return None
    begins, seconds = zip(*ran, strict=True)
    step = (begins[-1] - begins[0]) / (len(begins) - 1)
    median = sorted(seconds)[len(seconds) // 2]
    line = Durations(_("Run time"), "p50", seconds, median)
    summary = ngettext(
        "Run time of the newest %(n)s occurrence, with its median.",
        "Run times of the newest %(n)s occurrences, with their median.",
        len(ran),
    ) % {"n": len(ran)}
    return line_chart("runs", _("Run times"), summary, [line], begins, TimeAxis(begins[0], begins[-1] + step))
