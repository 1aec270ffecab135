"""``schedules``: what beat should send and what it sent, for terminals."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from ...formatting import clean, duration
from ...schedules.info import BeatInfo, ScheduleInfo, ScheduleReport
from ...schedules.report import completed, report
from ..tables import printable, table
from .base import DONE, FAILED, NO_ANSWER, Answer, Subcommand, Terminal

HEADS: Final = ("NAME", "SCHEDULE", "NEXT", "LAST SENT", "STATE", "LATE", "PROBLEM")


class Schedules(Subcommand):
    examples = ("manage.py celery_ops schedules", "manage.py celery_ops schedules --format json")

    def add_arguments(self, parser: CommandParser) -> None:
        """It takes nothing of its own."""

    def run(self, options: Mapping[str, Any], terminal: Terminal) -> Answer:
        from ...views.api.serializers import schedule_item  # pages are dear to import

        answer = report()
        schedules = completed(answer.schedules)
        data = {
            "results": [schedule_item(schedule, answer.silence) for schedule in schedules],
            "beats": [_beat_item(beat) for beat in answer.beats],
            "problems": [clean(problem.sentence) for problem in answer.problems],
            "trouble": clean(answer.trouble),
        }
        return Answer(data, [*map(printable, _lines(answer, schedules))], _code(answer))


def _code(answer: ScheduleReport) -> int:
    if answer.is_silent or any(schedule.overdue for schedule in answer.schedules):
        return FAILED
    return NO_ANSWER if answer.trouble else DONE


def _lines(answer: ScheduleReport, schedules: Any) -> Iterator[str]:
    now = datetime.now(timezone.utc)
    if not schedules:
        yield _("There are no schedules.")
    else:
        yield from table(HEADS, (_row(schedule, now) for schedule in schedules))
    for beat in answer.beats:
        yield _beat(beat, now)
    for problem in answer.problems:
        yield f"{problem.sentence} {problem.remedy}"
    if answer.trouble:
        yield answer.trouble


def _row(schedule: ScheduleInfo, now: datetime) -> tuple[Any, ...]:
    return (
        clean(schedule.entry.name),
        clean(schedule.entry.words or schedule.entry.expression),
        _moment(schedule.next_due),
        _moment(schedule.last_sent),
        schedule.last_state,
        None if schedule.late is None else f"{schedule.late:.15g} s",
        schedule.problems[0].sentence if schedule.problems else None,
    )


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}Z"


def _beat_item(beat: BeatInfo) -> dict[str, Any]:
    return {
        "hostname": clean(beat.hostname),
        "pid": beat.pid,
        "scheduler": clean(beat.scheduler),
        "started": beat.started.isoformat(),
        "seen": beat.seen.isoformat(),
        "max_interval": beat.max_interval,
        "entries": beat.entries,
        "silent": beat.is_silent,
        "standby": beat.is_standby,
        "ended": beat.has_ended,
    }


def _beat(beat: BeatInfo, now: datetime) -> str:
    marks = {_("silent"): beat.is_silent, _("stands by"): beat.is_standby, _("ended"): beat.has_ended}
    return _("beat at %(host)s (%(pid)s): %(state)s, heard %(time)s ago, %(scheduler)s") % {
        "host": clean(beat.hostname),
        "pid": beat.pid,
        "state": ", ".join(mark for mark, is_so in marks.items() if is_so) or _("sends"),
        "time": duration(now - beat.seen),
        "scheduler": clean(beat.scheduler),
    }
