"""What is wrong with an entry, with its reason and what to do. What is not certain is not said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from celery.app.routes import MapRoute
from celery.schedules import schedule as Interval
from django.utils.translation import gettext_lazy as _

from ..conf import conf
from ..formatting import clean
from ..logs import get_logger, is_new
from ..running.allowlist import CELERYS
from .board import Facts
from .info import DATABASE, OVERDUE_AFTER, Entry, Problem
from .passed_over import is_passed_over
from .surroundings import Surroundings

logger = get_logger("celery_ops.schedules")

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
    is_read: bool = True
    is_never: bool = False
    around: Surroundings = field(default_factory=Surroundings)
    app: Any = field(default_factory=lambda: conf.celery_app)

    @property
    def is_overdue(self) -> bool:
        return self.due is not None and (self.now - self.due).total_seconds() > OVERDUE_AFTER

    @property
    def has_run(self) -> bool:
        """Whether it was sent once."""
        return self.facts is not None and self.facts.last is not None and self.facts.last.sent is not None


# -- all that may be wrong --------------------------------------------------------------------------------------------

IS_DONE: Final = Problem(
    DONE,
    _("It was to be sent once, and was."),
    _("Nothing. To have it sent once more, give it a new time and enable it."),
    is_notice=True,
)
HAS_EXPIRED: Final = Problem(
    EXPIRED,
    _("It has expired: its schedule ended %(time)s ago."),
    _("Give it a later time of expiry, and enable it; or delete it."),
    is_notice=True,
)
IS_DISABLED: Final = Problem(
    DISABLED, _("It is disabled: nothing is sent."), _("Resume it to have it sent again."), is_notice=True
)
IS_BROKEN: Final = Problem(BROKEN, "%(reason)s", _("Mend the entry, or delete it."))
#: Beat may have disabled it, since it cannot send it.
IS_BROKEN_AND_OFF: Final = Problem(BROKEN, "%(reason)s", _("Mend the entry and enable it, or delete it."))
IS_PAUSED: Final = Problem(
    PAUSED, _("It is paused for another %(time)s."), _("Resume it to have it sent now."), is_notice=True
)
IS_TO_START: Final = Problem(
    STARTS_LATER, _("It starts later: in %(time)s."), _("Nothing, or give it an earlier start."), is_notice=True
)
EXPIRES_FIRST: Final = Problem(
    ENDED,
    _("It has ended: its next time would come after it expires."),
    _("Give it a later time of expiry, or delete it."),
    is_notice=True,
)
HAS_ENDED: Final = Problem(
    ENDED, _("It has ended: its schedule has no time to come."), _("Delete it, or change it."), is_notice=True
)
IS_NEVER_DUE: Final = Problem(
    NEVER_DUE, _("It is never due: its schedule names no time that comes, as 31 February."), _("Correct its schedule.")
)
_IS_LATE: Final = _("It is overdue: it was due %(time)s ago, and was not sent.")
IS_LATE: Final = Problem(OVERDUE, _IS_LATE, _("Look whether beat runs, and at its log."))
IS_LATE_UNREAD: Final = Problem(OVERDUE, _IS_LATE, _("Start a beat with the scheduler that reads where this entry is."))
IS_LATE_UNKNOWN: Final = Problem(
    OVERDUE,
    _IS_LATE,
    _(
        "Beat does not know it. Save the row by save() and not by QuerySet.update(), of which beat is not told; "
        "else look at beat's log."
    ),
)
IS_LATE_FOR_TODAY: Final = Problem(
    OVERDUE,
    _IS_LATE,
    _(
        "Look whether beat runs, and run it by hand if it cannot wait: django-celery-beat sends a crontab of one hour "
        "only within two hours of it, on any day."
    ),
)
WAS_NOT_SENT: Final = Problem(
    NOT_SENT,
    _("Beat counted its last run, and could not send it: the broker refused it, or its arguments do not fit."),
    _("Look at beat's log, mend what it names, and run it by hand."),
)
IS_NOT_READ: Final = Problem(
    NOT_READ,
    _("No beat that runs reads where this entry is."),
    _("Start beat with the scheduler of this source (-S), or delete the entry."),
)
HAS_NO_WORKER: Final = Problem(
    UNKNOWN_TASK,
    _("No worker that answers has the task %(name)s."),
    _("Correct the name, or start the workers anew with the code that has it."),
)
DOES_NOT_FIT: Final = Problem(
    WRONG_ARGUMENTS, _("Its arguments do not fit the task: %(error)s."), _("Give it what the task takes.")
)
GOES_TO_NOBODY: Final = Problem(
    DESERTED,
    _("No worker consumes its queue, %(name)s."),
    _("Start a worker with -Q and the queue's name, or send it to another queue."),
)
COMES_TOO_OFTEN: Final = Problem(
    TOO_OFTEN,
    _("It comes more often than it can run: every %(every)s, and a run takes %(takes)s (p95)."),
    _("Send it less often, or make it quicker: runs overlap, or wait for each other."),
)
RAN_AHEAD: Final = Problem(
    LAST_RUN_AHEAD,
    _("Its last run lies %(time)s ahead: nothing is sent before that."),
    _("A clock was wrong, or somebody has set it so: set its last run to now."),
)
DID_NOT_RUN: Final = Problem(
    NOT_RUN,
    _("It was sent %(time)s ago, and did not run yet."),
    _("Look at its queue, and whether a worker has time for it."),
)
Rule = Callable[[Case], Problem | None]


def of_entry(case: Case) -> tuple[Problem, ...]:
    """Return what is wrong with an entry, the worst first. Where nothing is to be sent, only that is said."""
    for rule in RESTING:
        if (resting := rule(case)) is not None:
            return (resting,)
    return tuple([problem for rule in RULES if (problem := rule(case)) is not None])


# -- nothing is to come -----------------------------------------------------------------------------------------------


def _is_broken(case: Case) -> Problem | None:
    if not case.entry.broken:
        return None
    return (IS_BROKEN if case.entry.enabled else IS_BROKEN_AND_OFF).of(reason=case.entry.broken)


def _is_done(case: Case) -> Problem | None:
    return IS_DONE if case.entry.one_off and case.has_run and case.due is None else None


def _is_expired(case: Case) -> Problem | None:
    expires = case.entry.expires
    return None if expires is None or expires > case.now else HAS_EXPIRED.of(time=case.now - expires)


def _is_disabled(case: Case) -> Problem | None:
    return None if case.entry.enabled else IS_DISABLED


def _is_paused(case: Case) -> Problem | None:
    start = case.entry.start
    if start is None or start <= case.now:
        return None
    return (IS_TO_START if case.entry.paused_until is None else IS_PAUSED).of(time=start - case.now)


def _ends(case: Case) -> Problem | None:
    expires = case.entry.expires
    if expires is not None and case.due is not None and case.due >= expires:
        return EXPIRES_FIRST
    if not case.is_never:
        return None
    return HAS_ENDED if case.has_run else IS_NEVER_DUE


RESTING: Final[Sequence[Rule]] = (_is_done, _is_expired, _is_broken, _is_disabled, _ends, _is_paused)


# -- something is to come, and something is wrong ---------------------------------------------------------------------


def _is_late(case: Case) -> Problem | None:
    if not case.is_overdue or case.due is None:
        return None
    late = case.now - case.due
    if not case.is_read:
        return IS_LATE_UNREAD.of(time=late)
    if case.entry.source == DATABASE and is_passed_over(case.entry.schedule, case.due, case.now):
        return IS_LATE_FOR_TODAY.of(time=late)
    is_unknown = case.facts is None or case.facts.ran is None
    return (IS_LATE_UNKNOWN if is_unknown else IS_LATE).of(time=late)


def _could_not_be_sent(case: Case) -> Problem | None:
    last = case.facts.last if case.facts is not None else None
    return None if last is None or last.sent is not None or case.is_overdue else WAS_NOT_SENT


def _is_not_read(case: Case) -> Problem | None:
    return None if case.is_read or case.is_overdue else IS_NOT_READ


def _is_of_no_worker(case: Case) -> Problem | None:
    registered, task = case.around.registered, case.entry.task
    if registered is None or not task or task in registered or task.startswith(CELERYS):  # each worker has those
        return None
    return HAS_NO_WORKER.of(name=task)


def _does_not_fit(case: Case) -> Problem | None:
    """As Celery checks it when beat sends the task, where this process has it."""
    task = case.app.tasks.get(case.entry.task)
    if task is None or case.entry.unreadable or not getattr(task, "typing", False):
        return None
    try:
        task.__header__(*case.entry.args, **case.entry.kwargs)
    except TypeError as error:
        return DOES_NOT_FIT.of(error=clean(str(error), 200))
    except Exception as error:  # a task of the site's own kind
        if is_new("arguments of a schedule", case.entry.task, type(error)):
            logger.debug("It cannot be told whether arguments fit: %s", type(error).__name__)
    return None


def _goes_to_nobody(case: Case) -> Problem | None:
    deserted = case.around.deserted
    queue = queue_of(case.entry, case.app) if deserted else None
    return GOES_TO_NOBODY.of(name=queue) if deserted and queue is not None and queue in deserted else None


def _comes_too_often(case: Case) -> Problem | None:
    schedule, takes = case.entry.schedule, case.around.run_p95.get(case.entry.task)
    if takes is None or type(schedule) is not Interval or not 0 < schedule.seconds < takes:
        return None
    return COMES_TOO_OFTEN.of(every=schedule.run_every, takes=timedelta(seconds=takes))


def _ran_in_the_future(case: Case) -> Problem | None:
    return None if case.ran is None or case.ran <= case.now + AHEAD else RAN_AHEAD.of(time=case.ran - case.now)


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
    return DID_NOT_RUN.of(time=now - sent)


def queue_of(entry: Entry, app: Any) -> str | None:
    """Return the queue that an entry's messages go to, None where that cannot be told."""
    if entry.is_routed or entry.queue:
        return entry.queue
    try:
        router = app.amqp.router
        is_fixed = all(isinstance(route, MapRoute) for route in router.routes)
        return _kept_route(router, entry.task) if is_fixed else _routed(router, entry.task)
    except Exception:  # a router of the site's own, which may look at arguments
        return None


def _routed(router: Any, task: str) -> str | None:
    """Return where a router sends a task now. Raises what it raises: the site's own may say another next time."""
    queue: Any = router.route({}, task).get("queue")
    return str(getattr(queue, "name", queue)) if queue else None


_kept_route = lru_cache(maxsize=4096)(_routed)
