"""The tables of schedules and of the occurrences of one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext
from django_tables2 import Column

from .. import states
from ..charts import words
from ..formatting import Moment, Reader, clean, duration, reader
from ..links import schedule_url, task_url
from ..schedules.info import Occurrence, ScheduleInfo
from ..schedules.listing import SOURCES, has_problem
from ..timezones import local
from .base import OpsTable
from .columns import PLAIN, LengthColumn, PartialColumn, TimeColumn, cells
from .links import id_html, task_link

#: Occurrences that a row has a bar of.
MOST_BARS: Final = 12
#: Seconds after which what was sent should have begun to run.
BEGUN_AFTER: Final = 60
#: How an occurrence ended: the words, the tone, and the sign that says it without a colour.
ENDED: Final = {
    states.SUCCESS: (_("succeeded"), "success", "✓"),
    states.FAILURE: (_("failed"), "failure", "✕"),
    states.RETRY: (_("tried again"), "retry", "↻"),
    states.REVOKED: (_("revoked"), "revoked", "⊘"),
    states.REJECTED: (_("rejected"), "rejected", "⊘"),
    states.LOST: (_("lost"), "failure", "?"),
    states.STARTED: (_("running"), "started", "▸"),
    states.RECEIVED: (_("waiting"), "received", "…"),
    states.PENDING: (_("waiting"), "pending", "…"),
}
NOT_SENT: Final = (_("not sent"), "failure", "!")
NOT_RUN: Final = (_("sent, not run"), "retry", "!")
UNKNOWN: Final = (_("sent, nothing else is known"), "pending", "·")


@dataclass(frozen=True, slots=True)
class Bar:
    """One occurrence as a small bar: ``sign`` is seen in it, ``label`` says it."""

    label: str
    tone: str
    sign: str


def outcome(occurrence: Occurrence, now: datetime) -> tuple[Any, str, str]:
    """Return what became of an occurrence: the words, the tone and the sign."""
    if occurrence.sent is None:
        return NOT_SENT
    if occurrence.state is None:
        return UNKNOWN
    if occurrence.state in (states.PENDING, states.RECEIVED) and occurrence.started is None:
        return NOT_RUN if (now - occurrence.sent).total_seconds() > BEGUN_AFTER else ENDED[occurrence.state]
    return ENDED.get(occurrence.state) or (clean(occurrence.state, 50), "", "·")


def bars(occurrences: Sequence[Occurrence], now: datetime, most: int = MOST_BARS) -> list[Bar]:
    """Return the newest occurrences, the newest last."""
    shown, by = [], reader()
    for occurrence in reversed(occurrences[:most]):
        label, tone, sign = outcome(occurrence, now)
        shown.append(Bar(f"{_time(occurrence.due, by)}: {label}", tone, sign))
    return shown


@lru_cache(maxsize=4096)  # a page that is looked at says most of them again
def _time(due: datetime, _reader: Reader) -> str:
    return date_format(local(due), pgettext("date format", "j M H:i"))


def late_words(seconds: float | None) -> str:
    return "" if seconds is None else duration(timedelta(seconds=round(seconds)))


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One schedule as a page may show it."""

    name: str
    url: str
    task: str
    source: str
    words: str
    expression: str
    enabled: bool
    next_due: datetime | None
    last_due: datetime | None
    state: str
    tone: str
    task_url: str
    late: float | None
    late_words: str
    overdue: bool
    problem: str
    more_problems: int
    is_notice: bool
    bars: Sequence[Bar] | None

    @classmethod
    def of(cls, schedule: ScheduleInfo, now: datetime) -> "ScheduleRow":
        entry = schedule.entry
        problem = schedule.problems[0] if schedule.problems else None
        return cls(
            name=clean(entry.name),
            url=schedule_url(entry.name),
            task=clean(entry.task),
            source=source_words(entry.source),
            words=clean(entry.words or entry.expression),
            expression=clean(entry.expression),
            enabled=entry.enabled,
            next_due=schedule.next_due,
            last_due=schedule.last_due,
            state=clean(schedule.last_state or ""),
            tone=states.tone(schedule.last_state) if schedule.last_state else "",
            task_url=task_url(schedule.last_task_id) if schedule.last_task_id else "",
            late=schedule.late,
            late_words=late_words(schedule.late),
            overdue=schedule.overdue,
            problem=clean(problem.sentence) if problem else "",
            more_problems=max(0, len(schedule.problems) - 1),
            is_notice=not has_problem(schedule),
            bars=bars(schedule.occurrences, now) or None,
        )


def source_words(source: str) -> str:
    return str(SOURCES.get(source, clean(source)))


class ScheduleColumn(PartialColumn):
    """Its name, when it comes in words, and its task."""

    template_name = "celery_ops/schedules/name.html"

    def context(self, value: str, record: ScheduleRow) -> dict[str, Any]:
        return {"row": record}


class LastRunColumn(PartialColumn):
    """How its last task is or ended."""

    template_name = "celery_ops/schedules/last.html"

    def context(self, value: str, record: ScheduleRow) -> dict[str, Any]:
        return {"row": record}


class HistoryColumn(PartialColumn):
    template_name = "celery_ops/schedules/history.html"

    def context(self, value: Sequence[Bar], record: ScheduleRow) -> dict[str, Any]:
        return {"bars": value}


class ProblemColumn(PartialColumn):
    template_name = "celery_ops/schedules/problem.html"

    def context(self, value: str, record: ScheduleRow) -> dict[str, Any]:
        return {"row": record}


class ScheduleTable(OpsTable):
    caption = _("Schedules")
    name = ScheduleColumn(verbose_name=_("Schedule"), order_by=("entry__name",), attrs=PLAIN)
    next_due = TimeColumn(verbose_name=_("Next due"), initial_sort_descending=False)
    last_due = TimeColumn(verbose_name=_("Last due"))
    state = LastRunColumn(verbose_name=_("Last run"), orderable=False)
    late = LengthColumn(verbose_name=_("Late"), accessor="late_words", order_by=("late",))
    bars = HistoryColumn(verbose_name=_("History"), orderable=False)
    problem = ProblemColumn(verbose_name=_("Problem"), orderable=False, attrs=cells("celery-ops-problem"))

    class Meta(OpsTable.Meta):
        row_attrs = {"data-key": lambda record: record.name}


# -- the occurrences of one -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OccurrenceRow:
    """One time that it was due, and what became of that."""

    due: datetime
    sent: datetime | None
    task_id: Any
    started: datetime | None
    finished: datetime | None
    took: str
    outcome: str
    tone: str

    @classmethod
    def of(cls, occurrence: Occurrence, now: datetime) -> "OccurrenceRow":
        label, tone, _sign = outcome(occurrence, now)
        took = took_of(occurrence)
        return cls(
            due=occurrence.due,
            sent=occurrence.sent,
            task_id=task_link(occurrence.task_id) if occurrence.task_id else None,
            started=occurrence.started,
            finished=occurrence.finished,
            took="" if took is None else words.seconds(took),
            outcome=str(label),
            tone=tone,
        )


def took_of(occurrence: Occurrence) -> float | None:
    """Return the seconds that an occurrence ran; None while it does, and where that is unknown."""
    if occurrence.started is None or occurrence.finished is None:
        return None
    return max(0.0, (_aware(occurrence.finished) - _aware(occurrence.started)).total_seconds())


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


class DueColumn(TimeColumn):
    """The time itself: what was missed lies so close together that all of it was an hour ago."""

    def render(self, value: datetime) -> Moment | None:
        moment = super().render(value)
        return moment and replace(moment, ago=date_format(local(value), pgettext("date format", "j M H:i:s")))


class OutcomeColumn(PartialColumn):
    """What became of it, in words."""

    template_name = "celery_ops/failures/state.html"

    def context(self, value: str, record: OccurrenceRow) -> dict[str, Any]:
        return {"label": value, "tone": record.tone}


class TaskColumn(Column):
    """The id of the task that it came to."""

    def render(self, value: Any) -> Any:
        return id_html(value, longest=8)


class OccurrenceTable(OpsTable):
    caption = _("Occurrences")
    due = DueColumn(verbose_name=_("Due"))
    sent = TimeColumn(verbose_name=_("Sent"), default=_("not sent"))
    started = TimeColumn(verbose_name=_("Started"))
    finished = TimeColumn(verbose_name=_("Ended"))
    took = LengthColumn(verbose_name=_("Took"))
    outcome = OutcomeColumn(verbose_name=_("Outcome"), attrs=PLAIN)
    task_id = TaskColumn(verbose_name=_("Task"))

    class Meta(OpsTable.Meta):
        orderable = False
