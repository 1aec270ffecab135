"""What is wrong with an entry or with beat, each with its reason and what to do. What is not certain is not said."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from celery.schedules import schedule as Interval
from django.utils.translation import gettext as _

from ..conf import conf
from ..formatting import clean, duration
from ..logs import get_logger, is_new
from ..running.allowlist import CELERYS
from .board import Facts
from .info import OVERDUE_AFTER, BeatInfo, Entry, Problem
from .surroundings import Surroundings

logger = get_logger("celery_ops.schedules")

BEAT_SILENT, TWO_BEATS = "beat_silent", "two_beats"
OVERDUE, NOT_SENT, NOT_RUN, BROKEN, NOT_READ = "overdue", "not_sent", "not_run", "broken", "not_read"
UNKNOWN_TASK, WRONG_ARGUMENTS, DESERTED, TOO_OFTEN = "unknown_task", "wrong_arguments", "deserted_queue", "too_often"
LAST_RUN_AHEAD, NEVER_DUE = "last_run_ahead", "never_due"
DISABLED, PAUSED, EXPIRED, ENDED, DONE, STARTS_LATER = "disabled", "paused", "expired", "ended", "done", "starts_later"

#: By how much a last run may be ahead of the clock here.
AHEAD: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of an entry when it is asked what is wrong. ``due`` is its next time, None for never or unknown."""

    entry: Entry
    now: datetime
    facts: Facts | None
    due: datetime | None
    ran: datetime | None
    late: float | None
    is_read: bool = True
    is_never: bool = False
    around: Surroundings = field(default_factory=Surroundings)

    @property
    def is_overdue(self) -> bool:
        return self.due is not None and (self.now - self.due).total_seconds() > OVERDUE_AFTER

    @property
    def has_run(self) -> bool:
        """Whether it was sent once."""
        return self.facts is not None and self.facts.last is not None and self.facts.last.sent is not None


Rule = Callable[[Case], Problem | None]


def of_entry(case: Case) -> tuple[Problem, ...]:
    """Return what is wrong with an entry, the worst first. Where nothing is to be sent, only that is said."""
    resting = next(filter(None, (rule(case) for rule in RESTING)), None)
    if resting is not None:
        return (resting,)
    return tuple(filter(None, (rule(case) for rule in RULES)))


# -- nothing is to come -----------------------------------------------------------------------------------------------


def _is_broken(case: Case) -> Problem | None:
    if not case.entry.broken:
        return None
    return Problem(BROKEN, case.entry.broken, _("Mend the entry, or delete it."))


def _is_done(case: Case) -> Problem | None:
    entry = case.entry
    if not entry.one_off or not (case.has_run and case.due is None):
        return None
    sentence = _("It was to be sent once, and was.")
    return Problem(DONE, sentence, _("Nothing. To have it sent once more, give it a new time and enable it."), True)


def _is_expired(case: Case) -> Problem | None:
    expires = case.entry.expires
    if expires is None or expires > case.now:
        return None
    sentence = _("It has expired: its schedule ended %(time)s ago.") % {"time": duration(case.now - expires)}
    return Problem(EXPIRED, sentence, _("Give it a later time of expiry, and enable it; or delete it."), True)


def _is_disabled(case: Case) -> Problem | None:
    if case.entry.enabled:
        return None
    return Problem(DISABLED, _("It is disabled: nothing is sent."), _("Resume it to have it sent again."), True)


def _is_paused(case: Case) -> Problem | None:
    start = case.entry.start
    if start is None or start <= case.now:
        return None
    time = {"time": duration(start - case.now)}
    if case.entry.paused_until is not None:
        return Problem(
            PAUSED, _("It is paused for another %(time)s.") % time, _("Resume it to have it sent now."), True
        )
    sentence = _("It starts later: in %(time)s.") % time
    return Problem(STARTS_LATER, sentence, _("Nothing, or give it an earlier start."), True)


def _ends(case: Case) -> Problem | None:
    expires = case.entry.expires
    if expires is not None and case.due is not None and case.due >= expires:
        sentence = _("It has ended: its next time would come after it expires.")
        return Problem(ENDED, sentence, _("Give it a later time of expiry, or delete it."), True)
    if not case.is_never:
        return None
    if case.has_run:
        return Problem(ENDED, _("It has ended: its schedule has no time to come."), _("Delete it, or change it."), True)
    sentence = _("It is never due: its schedule names no time that comes, as 31 February.")
    return Problem(NEVER_DUE, sentence, _("Correct its schedule."))


RESTING: Final[Sequence[Rule]] = (_is_done, _is_expired, _is_disabled, _is_broken, _is_paused, _ends)


# -- something is to come, and something is wrong ---------------------------------------------------------------------


def _is_late(case: Case) -> Problem | None:
    if not case.is_overdue or case.due is None:
        return None
    sentence = _("It is overdue: it was due %(time)s ago, and was not sent.") % {"time": duration(case.now - case.due)}
    if not case.is_read:
        hint = _("Start a beat with the scheduler that reads where this entry is.")
    elif case.facts is None or case.facts.ran is None:
        hint = _(
            "Beat does not know it. Save the row by save() and not by QuerySet.update(), of which beat is not told; "
            "else look at beat's log."
        )
    else:
        hint = _("Look whether beat runs, and at its log.")
    return Problem(OVERDUE, sentence, hint)


def _could_not_be_sent(case: Case) -> Problem | None:
    last = case.facts.last if case.facts is not None else None
    if last is None or last.sent is not None or case.is_overdue:
        return None
    sentence = _(
        "Beat counted its last run, and could not send it: the broker refused it, or its arguments do not fit."
    )
    return Problem(NOT_SENT, sentence, _("Look at beat's log, mend what it names, and run it by hand."))


def _is_not_read(case: Case) -> Problem | None:
    if case.is_read or case.is_overdue:
        return None
    sentence = _("No beat that runs reads where this entry is.")
    return Problem(NOT_READ, sentence, _("Start beat with the scheduler of this source (-S), or delete the entry."))


def _is_of_no_worker(case: Case) -> Problem | None:
    registered, task = case.around.registered, case.entry.task
    if registered is None or not task or task in registered or task.startswith(CELERYS):  # each worker has those
        return None
    sentence = _("No worker that answers has the task %(name)s.") % {"name": task}
    return Problem(UNKNOWN_TASK, sentence, _("Correct the name, or start the workers anew with the code that has it."))


def _does_not_fit(case: Case) -> Problem | None:
    """As Celery checks it when beat sends the task, where this process has it."""
    task = conf.celery_app.tasks.get(case.entry.task)
    if task is None or not getattr(task, "typing", False):
        return None
    try:
        task.__header__(*case.entry.args, **case.entry.kwargs)
    except TypeError as error:
        sentence = _("Its arguments do not fit the task: %(error)s.") % {"error": clean(str(error), 200)}
        return Problem(WRONG_ARGUMENTS, sentence, _("Give it what the task takes."))
    except Exception as error:  # a task of the site's own kind
        if is_new("arguments of a schedule", case.entry.task, type(error)):
            logger.debug("It cannot be told whether arguments fit", exc_info=True)
    return None


def _goes_to_nobody(case: Case) -> Problem | None:
    deserted = case.around.deserted
    queue = queue_of(case.entry) if deserted else None
    if not deserted or queue not in deserted:
        return None
    sentence = _("No worker consumes its queue, %(name)s.") % {"name": queue}
    return Problem(DESERTED, sentence, _("Start a worker with -Q and the queue's name, or send it to another queue."))


def _comes_too_often(case: Case) -> Problem | None:
    schedule, takes = case.entry.schedule, case.around.run_p95.get(case.entry.task)
    if takes is None or type(schedule) is not Interval or not 0 < schedule.seconds < takes:
        return None
    times = {"every": duration(schedule.run_every), "takes": duration(timedelta(seconds=takes))}
    sentence = _("It comes more often than it can run: every %(every)s, and a run takes %(takes)s (p95).") % times
    return Problem(
        TOO_OFTEN, sentence, _("Send it less often, or make it quicker: runs overlap, or wait for each other.")
    )


def _ran_in_the_future(case: Case) -> Problem | None:
    if case.ran is None or case.ran <= case.now + AHEAD:
        return None
    sentence = _("Its last run lies %(time)s ahead: nothing is sent before that.") % {
        "time": duration(case.ran - case.now)
    }
    hint = _("Nothing, if an occurrence is being skipped. Else a clock was wrong: set its last run to now.")
    return Problem(LAST_RUN_AHEAD, sentence, hint)


RULES: Final[Sequence[Rule]] = (
    _is_late,
    _could_not_be_sent,
    _is_not_read,
    _is_of_no_worker,
    _does_not_fit,
    _goes_to_nobody,
    _ran_in_the_future,
    _comes_too_often,
)


def not_run(sent: datetime, now: datetime) -> Problem:
    """Return what is wrong where a task was sent and nobody began it."""
    sentence = _("It was sent %(time)s ago, and did not run yet.") % {"time": duration(now - sent)}
    return Problem(NOT_RUN, sentence, _("Look at its queue, and whether a worker has time for it."))


def queue_of(entry: Entry) -> str | None:
    """Return the queue that an entry's messages go to, None where that cannot be told."""
    if entry.queue:
        return entry.queue
    return _routed(conf.celery_app, entry.task)


@lru_cache(maxsize=4096)
def _routed(app: Any, task: str) -> str | None:
    try:
        queue: Any = app.amqp.router.route({}, task).get("queue")
        return str(getattr(queue, "name", queue)) if queue else None
    except Exception:  # a router of the site's own, which may look at arguments
        return None


# -- of beat ----------------------------------------------------------------------------------------------------------


def of_beats(beats: Sequence[BeatInfo], heard: bool, entries: int) -> Iterator[Problem]:
    """Yield what is wrong with beat. ``heard`` says whether one ever was, as far back as signs are kept."""
    if entries and all(beat.is_silent or beat.is_standby for beat in beats):
        yield _silence(beats, heard)
    twins = _twins(beats)
    if twins:
        names = ", ".join(f"{beat.hostname} ({beat.pid})" for beat in twins)
        sentence = _("Two beats run at once, and everything is sent by each: %(names)s.") % {"names": names}
        yield Problem(TWO_BEATS, sentence, _("Stop all of them but one."))


def _silence(beats: Sequence[BeatInfo], heard: bool) -> Problem:
    start = _("Start one: celery beat, or a worker with -B. It loads this site's settings, and tells of itself.")
    if not heard:
        return Problem(BEAT_SILENT, _("No beat was ever heard: nothing is sent."), start)
    newest = max(beats, key=lambda beat: beat.seen, default=None)
    if newest is None:
        return Problem(BEAT_SILENT, _("No beat is heard: nothing is sent."), start)
    names = {"name": f"{newest.hostname} ({newest.pid})"}
    if newest.is_standby:
        sentence = _("Beat at %(name)s waits for the lock of another one, which gives no sign of life.") % names
        hint = _("Wait until the lock expires (redbeat_lock_timeout), or delete it if the other one is gone.")
        return Problem(BEAT_SILENT, sentence, hint)
    if newest.is_stuck:
        sentence = _("Beat at %(name)s lives, and its loop stands still: nothing is sent.") % names
        return Problem(BEAT_SILENT, sentence, _("Look what it waits for (broker, database, lock), and start it anew."))
    if newest.has_ended:
        return Problem(
            BEAT_SILENT, _("Beat at %(name)s has ended, and no other one runs: nothing is sent.") % names, start
        )
    return Problem(BEAT_SILENT, _("Beat at %(name)s is silent: nothing is sent.") % names, start)


def _twins(beats: Sequence[BeatInfo]) -> list[BeatInfo]:
    """Return beats that send the same: of one app and kind, the first of which went on when the second had begun."""
    sending = sorted((beat for beat in beats if beat.sends), key=lambda beat: beat.started)
    for one in sending:
        twins = [beat for beat in sending if (beat.app, beat.scheduler) == (one.app, one.scheduler)]
        if len(twins) > 1 and twins[-2].seen > twins[-1].started + OVERLAP:
            return twins
    return []


#: How long two beats must have run at once: a deploy ends one a moment after it has begun the next.
OVERLAP: Final = timedelta(seconds=10)
