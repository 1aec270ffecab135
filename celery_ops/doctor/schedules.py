"""Whether beat runs, and which entries of its schedule something is wrong with."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..schedules.info import BEAT_SILENT, ScheduleReport
from ..schedules.problems import OVERDUE
from ..schedules.report import report
from .finding import MOST_NAMED, Finding, error, listed, ok, warning


def check() -> Iterator[Finding]:
    """Ask the sources of schedules, and what beat told of itself."""
    schedules = report()
    if schedules.is_store_away:  # which another check tells
        return
    if schedules.trouble:
        hint = _("The other checks say what is away; else look at the source that is named.")
        yield warning("schedules", schedules.trouble, hint)
    if not schedules.schedules:
        if not schedules.trouble:
            yield ok("beat", _("Beat has nothing to send."))
            yield ok("schedules", _("This site has no schedules."))
        return
    yield from _of_beat(schedules)
    yield from _of_entries(schedules)


def _of_beat(schedules: ScheduleReport) -> Iterator[Finding]:
    for problem in schedules.problems:
        level = error if problem.code == BEAT_SILENT and schedules.beats else warning
        yield level("beat", problem.sentence, problem.remedy)
    if not schedules.problems and schedules.beats:
        names = listed(f"{beat.hostname} ({beat.pid})" for beat in schedules.beats if beat.sends)
        yield ok("beat", _("Beat runs: %(names)s.") % {"names": names})


def _of_entries(schedules: ScheduleReport) -> Iterator[Finding]:
    overdue = [schedule for schedule in schedules.schedules if schedule.overdue]
    if overdue:
        names = {"names": listed(schedule.entry.name for schedule in overdue)}
        hint = next(problem.remedy for schedule in overdue for problem in schedule.problems if problem.code == OVERDUE)
        yield error("schedules", _("These entries are overdue: %(names)s.") % names, hint)
    others = 0
    for schedule in schedules.schedules:
        wrong = [problem for problem in schedule.problems if not problem.is_notice and problem.code != OVERDUE]
        for problem in wrong[:1]:
            others += 1
            if others <= MOST_NAMED:
                yield warning("schedules", f"{schedule.entry.name}: {problem.sentence}", problem.remedy)
    if others > MOST_NAMED:
        more = others - MOST_NAMED
        message = ngettext(
            "Something is wrong with %(n)s more entry.", "Something is wrong with %(n)s more entries.", more
        )
        yield warning("schedules", message % {"n": more}, _("manage.py celery_ops schedules lists them."))
    if not overdue and not others and not schedules.trouble:
        yield ok("schedules", _("Every entry that is to be sent is sent."))
