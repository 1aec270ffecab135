"""What there is to say of one entry: when it is due, how late it is, and what is wrong with it.

Of most entries that is the same at the next look, for as long as nobody has told anything new.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from celery.schedules import crontab
from celery.schedules import schedule as Interval

from ..logs import get_logger, is_new
from . import problems
from .board import Facts, Sending, moment
from .due import due_after
from .info import DATABASE, LATE_AFTER, OVERDUE_AFTER, WRITTEN_AFTER, Entry, ScheduleInfo
from .problems import Case
from .surroundings import Surroundings

logger = get_logger("celery_ops.schedules")

#: Entries of which this process remembers what was said.
MOST_KEPT: Final = 5000
LATE: Final = timedelta(seconds=LATE_AFTER)


class _Kept(NamedTuple):
    """What was said of an entry, and of what, and until when that holds if nothing of it has changed."""

    entry: Entry
    facts: Facts | None
    around: Surroundings
    is_read: bool
    since: datetime
    until: datetime | None
    info: ScheduleInfo

    def holds(self, entry: Entry, facts: Facts | None, around: Surroundings, is_read: bool, now: datetime) -> bool:
        is_same = self.facts is facts and self.around is around and self.is_read is is_read
        is_now = self.since <= now and (self.until is None or now < self.until)
        return is_same and is_now and (self.entry is entry or _is_same(self.entry, entry))


def _is_same(one: Entry, other: Entry) -> bool:
    """Whether two entries are alike and come at the same times, which they need not tell in words."""
    return _come_alike(one.schedule, other.schedule) and one == other


def _come_alike(one: Any, other: Any) -> bool:
    """Whether two schedules come at the same times: Celery's compare neither their zone nor whether they are rounded.

    Of a kind of the site's own that compares nothing, none is like another.
    """
    if one is other:
        return True
    try:
        is_equal = type(one) is type(other) and bool(one == other)
    except Exception:  # of the site's own: then it is looked at anew, and nothing is lost
        return False
    return is_equal and all(str(getattr(one, name, "")) == str(getattr(other, name, "")) for name in ("tz", "relative"))


_kept: dict[str, _Kept] = {}


def looked_at(
    entry: Entry, facts: Facts | None, now: datetime, around: Surroundings, app: Any, is_read: bool = True
) -> ScheduleInfo:
    """Return what there is to say of an entry now (aware). ``is_read`` says whether a beat sends what its source has.

    Never raises.
    """
    cached = _kept.get(entry.name)
    if cached is not None and cached.holds(entry, facts, around, is_read, now):
        return cached.info
    case = _case(entry, facts, now, around, app, is_read)
    info = _schedule(case)
    if not _grows(case, info):
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[entry.name] = _Kept(entry, facts, around, is_read, now, _until(case), info)
    return info


def by_row(schedule: ScheduleInfo, now: datetime) -> ScheduleInfo:
    """Return what is certain of an entry while nobody can tell what beat has sent since its row was written."""
    if schedule.entry.source != DATABASE or schedule.next_due is None:
        return schedule
    if not 0 < (now - schedule.next_due).total_seconds() <= OVERDUE_AFTER + WRITTEN_AFTER:
        return schedule
    others = tuple([problem for problem in schedule.problems if problem.code != problems.OVERDUE])
    return replace(schedule, next_due=None, late=None, overdue=False, problems=others)


def _grows(case: Case, info: ScheduleInfo) -> bool:
    """Whether something is said that is another at each look: a length of time."""
    is_unsent = case.facts is not None and case.facts.last is not None and case.facts.last.sent is None
    return is_unsent or any(
        isinstance(value, timedelta) for problem in info.problems for value in problem.values.values()
    )


def _until(case: Case) -> datetime | None:
    """Return when something else is to be said though nothing has changed, None for never."""
    try:
        due = None if case.due is None else case.due + LATE
    except OverflowError:  # it is due in the last seconds that there are
        due = None
    return min(filter(None, (due, case.entry.expires)), default=None)


def _case(entry: Entry, facts: Facts | None, now: datetime, around: Surroundings, app: Any, is_read: bool) -> Case:
    told_ran = moment(facts.ran) if facts is not None else None
    ran = max(filter(None, (told_ran, entry.last_run_at)), default=None)
    due, is_never = _due(entry, facts, ran, now)
    return Case(entry, now, facts, due, ran, is_read, is_never, around, app)


def _schedule(case: Case) -> ScheduleInfo:
    due, last, wrong = case.due, case.facts.last if case.facts is not None else None, problems.of_entry(case)
    rests = bool(wrong) and wrong[0].code in RESTS
    return ScheduleInfo(
        case.entry,
        next_due=None if rests and wrong[0].code not in (problems.STARTS_LATER, problems.PAUSED) else due,
        last_due=moment(last.due) if last else None,
        last_sent=moment(last.sent) if last else None,
        last_task_id=last.task_id if last else None,
        late=None if rests else _late(due, last, case.now),
        overdue=case.is_overdue and not rests,
        ran=case.ran,
        problems=wrong,
    )


#: What an entry is of which nothing is to come.
RESTS: Final = frozenset(
    {
        problems.DONE,
        problems.EXPIRED,
        problems.DISABLED,
        problems.BROKEN,
        problems.PAUSED,
        problems.STARTS_LATER,
        problems.ENDED,
        problems.NEVER_DUE,
    }
)


def _late(due: datetime | None, last: Sending | None, now: datetime) -> float | None:
    if due is not None and (late := (now - due).total_seconds()) > LATE_AFTER:
        return round(late, 1)
    if last is not None and last.sent is None:
        return round(max(0.0, now.timestamp() - last.due / 1000), 1)
    late = (last.sent - last.due) / 1000 if last is not None and last.sent is not None else 0.0
    return round(late, 1) if late > LATE_AFTER else None


def _due(entry: Entry, facts: Facts | None, ran: datetime | None, now: datetime) -> tuple[datetime | None, bool]:
    """Return when an entry is due next, or was while it was not sent; and whether it is sure never to be."""
    if entry.schedule is None or not entry.enabled:
        return None, entry.is_never
    start = entry.start
    if start is not None and start > now and ran is None:  # it is sent then, whatever its schedule says
        return start, False
    due, is_never = _due_by_schedule(entry, facts, ran, now)
    return (max(due, start) if due is not None and start is not None else due), is_never


def _due_by_schedule(
    entry: Entry, facts: Facts | None, ran: datetime | None, now: datetime
) -> tuple[datetime | None, bool]:
    """Return what ``_due`` does by the schedule alone, whether or not the entry may be sent by then."""
    if (once := getattr(entry.schedule, "clocked_time", None)) is not None:
        is_done = facts is not None and facts.last is not None and facts.last.due >= once.timestamp() * 1000 - 1000
        return (None if is_done else once), False
    if entry.next_due is not None:  # its source keeps it
        return entry.next_due, False
    if facts is not None and facts.due is not None and (ran is None or facts.ran == _ms(ran)):
        return moment(facts.due), False
    if entry.one_off and (entry.run_count or 0) > 0:
        return None, False
    base = ran or entry.counted_from
    if base is None and isinstance(entry.schedule, Interval):
        return None, False  # it counts from a start of beat that nobody has told of
    try:
        due = _worked_out(entry.schedule, entry.expression, base or now)
    except Exception as error:  # a schedule of the site's own, or one that never comes
        if is_new("when an entry is due", entry.name, type(error)):
            logger.debug("It cannot be told when an entry is due", exc_info=True)
        return None, isinstance(entry.schedule, crontab) and isinstance(error, RuntimeError)  # Celery gave up
    return due, due is None


class _Schedule:
    """A schedule as a key."""

    def __init__(self, schedule: Any, expression: str) -> None:
        self.schedule = schedule
        self._hash = hash((type(schedule), expression))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schedule) and _come_alike(self.schedule, other.schedule)


def _worked_out(schedule: Any, expression: str, base: datetime) -> datetime | None:
    return _kept_due(_Schedule(schedule, expression), base)


@lru_cache(maxsize=8192)
def _kept_due(schedule: _Schedule, base: datetime) -> datetime | None:
    return due_after(schedule.schedule, base)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
