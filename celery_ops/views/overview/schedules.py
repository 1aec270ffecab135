"""What is wrong with beat and with what it sends, in sentences: the worst few."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...formatting import clean
from ...links import schedule_url
from ...schedules.info import ScheduleReport
from ...schedules.report import report
from ...tables.links import PageLink
from .problems import MOST_NAMED, Problem


def schedules_report() -> ScheduleReport:
    """Return what is known of the schedules, without asking the workers and queues of which the page asks itself."""
    return report(asks_around=False)


def scheduled_problems(schedules: ScheduleReport | None) -> tuple[Problem, ...]:
    """Return a sentence for each thing that is wrong: beat first, then what is overdue."""
    return tuple(_problems(schedules)) if schedules is not None else ()


def _link(name: str) -> PageLink:
    return PageLink(clean(name), schedule_url(name))


def _problems(schedules: ScheduleReport) -> Iterator[Problem]:
    for problem in schedules.problems:
        yield Problem(problem.sentence)
    overdue = [schedule for schedule in schedules.schedules if schedule.overdue]
    if schedules.is_silent:  # which says it of all
        return
    for schedule in overdue[:MOST_NAMED]:
        yield Problem.of(_("{about} is overdue: it was due, and was not sent."), _link(schedule.entry.name))
    if (more := len(overdue) - MOST_NAMED) > 0:
        yield Problem(
            ngettext("%(n)s more schedule is overdue.", "%(n)s more schedules are overdue.", more) % {"n": more}
        )
