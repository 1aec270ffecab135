"""What there is to say of the schedules now: entries of every source, what beat told, and what became of that."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final

from celery.schedules import crontab
from celery.schedules import schedule as Interval
from django.utils.translation import gettext as _

from .. import states
from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger, is_new
from ..tracking.registry import registry
from . import board, problems
from .board import Facts, HeardSign, Sending, Told
from .due import due_after
from .info import LATE_AFTER, SILENT_AFTER, BeatInfo, Entry, Occurrence, ScheduleInfo, ScheduleReport
from .sources.base import ScheduleSource
from .sources.used import sources
from .surroundings import Surroundings, surroundings
from .words import words

logger = get_logger("celery_ops.schedules")

#: Seconds after which a beat that is silent is no longer told of while another one sends.
REPLACED: Final = 300.0
#: Seconds after which what was sent should have begun to run.
RUNS_AFTER: Final = 60.0


def report(now: datetime | None = None, *, asks_around: bool = True) -> ScheduleReport:
    """Return every entry with what is wrong, the worst first, and every beat. Never raises.

    What a list shows of its page only, ``completed`` adds: plain words, the occurrences, how the last task ended.
    Without ``asks_around`` neither workers nor queues are asked, and nothing is said that only they know.
    """
    now = now or datetime.now(timezone.utc)
    told, troubles = _told()
    is_store_away = bool(troubles)
    beats = _beats(told.signs, now)
    heard = [beat.scheduler for beat in beats]
    sending = [beat.scheduler for beat in beats if beat.sends]
    entries: dict[str, tuple[Entry, ScheduleSource]] = {}
    for source in sources(heard):
        try:
            for entry in source.entries():
                entries.setdefault(entry.name, (entry, source))
        except BackendUnavailable as error:
            troubles.append(str(error))
        except Exception as error:  # of what a site has made of its models or settings
            if is_new("a source of schedules", source.name, type(error)):
                logger.warning("The schedules of the %s could not be read. Said once.", source.name, exc_info=True)
            troubles.append(_("The schedules of the %(name)s could not be read.") % {"name": source.name})
    registry.bindings("")  # imports the modules of tasks, which a new process has not done yet
    around = surroundings() if asks_around and entries else Surroundings()
    schedules = [
        _schedule(entry, told.of(entry.name), now, around, not sending or any(map(source.is_read_by, sending)))
        for entry, source in entries.values()
    ]
    schedules.sort(key=_worst_first)
    wrong = () if troubles and not told.signs else tuple(problems.of_beats(beats, bool(told.signs), len(entries)))
    return ScheduleReport(tuple(schedules), tuple(beats), wrong, " ".join(dict.fromkeys(troubles)), is_store_away)


def schedule(name: str, now: datetime | None = None) -> ScheduleInfo | None:
    """Return one entry with its occurrences and how each of them ended, or None."""
    return next(iter(completed([one for one in report(now).schedules if one.entry.name == name], now)), None)


def completed(
    schedules: Iterable[ScheduleInfo], now: datetime | None = None, *, most: int = board.RING
) -> Sequence[ScheduleInfo]:
    """Return the schedules of a page with plain words, their newest occurrences and the states of those tasks.

    One round trip, and what the task backend asks. Without the store or the results those are missing.
    """
    schedules, now = list(schedules), now or datetime.now(timezone.utc)
    try:
        rings = [ring[:most] for ring in board.rings([one.entry.name for one in schedules])]
    except StoreUnavailable:
        rings = [[]] * len(schedules)
    tasks = _tasks({one.task_id for ring in rings for one in ring if one.task_id})
    return [_completed(one, ring, tasks, now) for one, ring in zip(schedules, rings, strict=True)]


# -- what was told ----------------------------------------------------------------------------------------------------


def _told() -> tuple[Told, list[str]]:
    try:
        return board.told(time.time()), []
    except StoreUnavailable as error:
        logger.debug("It is not known what beat says: %s", error)
        return Told(), [_("The store does not answer, so it is not known what beat says.")]


def _beats(signs: Sequence[HeardSign], now: datetime) -> list[BeatInfo]:
    beats = sorted((_beat(one, now) for one in signs), key=lambda beat: beat.seen, reverse=True)
    is_sent = any(beat.sends for beat in beats)

    def is_told(beat: BeatInfo) -> bool:
        if not (beat.is_silent or beat.has_ended):
            return True
        return not is_sent or (not beat.has_ended and (now - beat.seen).total_seconds() < REPLACED)

    told = [beat for beat in beats if is_told(beat)]
    return told if is_sent else told[:1] + [beat for beat in told[1:] if not beat.has_ended and not beat.is_silent]


def _beat(heard: HeardSign, now: datetime) -> BeatInfo:
    sign = heard.sign
    stood = 0 if sign.is_standby or sign.has_ended else sign.still
    is_stuck = stood > SILENT_AFTER / 2 and stood + heard.age > SILENT_AFTER  # else it may just not be heard any more
    seen = now - timedelta(seconds=heard.age + (sign.still if is_stuck else 0))
    return BeatInfo(
        sign.hostname,
        sign.pid,
        sign.scheduler,
        now - timedelta(seconds=heard.age + sign.up),
        seen,
        sign.max_interval,
        sign.entries,
        is_silent=is_stuck or heard.age > SILENT_AFTER,
        is_standby=sign.is_standby,
        has_ended=sign.has_ended,
        is_stuck=is_stuck and heard.age <= SILENT_AFTER,
        app=sign.app,
    )


# -- one entry --------------------------------------------------------------------------------------------------------


def _schedule(entry: Entry, facts: Facts | None, now: datetime, around: Surroundings, is_read: bool) -> ScheduleInfo:
    told_ran = _moment(facts.ran) if facts is not None else None
    ran = max(filter(None, (told_ran, entry.last_run_at)), default=None)
    due, is_never = _due(entry, facts, ran, now)
    last = facts.last if facts is not None else None
    case = problems.Case(entry, now, facts, due, ran, None, is_read, is_never, around)
    wrong = problems.of_entry(case)
    rests = bool(wrong) and wrong[0].code in RESTS
    is_overdue = case.is_overdue and not rests
    return ScheduleInfo(
        entry,
        next_due=None if rests and wrong[0].code not in (problems.STARTS_LATER, problems.PAUSED) else due,
        last_due=_moment(last.due) if last else None,
        last_sent=_moment(last.sent) if last else None,
        last_task_id=last.task_id if last else None,
        late=None if rests else _late(due, last, now),
        overdue=is_overdue,
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
    if entry.start is not None and entry.start > now:
        return entry.start, False
    if (moment := getattr(entry.schedule, "clocked_time", None)) is not None:
        is_done = facts is not None and facts.last is not None and facts.last.due >= moment.timestamp() * 1000 - 1000
        return (None if is_done else moment), False
    if entry.next_due is not None:  # its source keeps it
        return entry.next_due, False
    if facts is not None and facts.due is not None and (ran is None or facts.ran == _ms(ran)):
        return _moment(facts.due), False
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
    if due is not None and entry.start is not None:
        due = max(due, entry.start)
    return due, due is None


class _Schedule:
    """A schedule as a key: by what it prints."""

    def __init__(self, schedule: Any, expression: str) -> None:
        self.schedule = schedule
        self._key = (type(schedule), expression, str(getattr(schedule, "tz", "")))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schedule) and other._key == self._key


def _worked_out(schedule: Any, expression: str, base: datetime) -> datetime | None:
    return _kept_due(_Schedule(schedule, expression), base)


@lru_cache(maxsize=8192)
def _kept_due(schedule: _Schedule, base: datetime) -> datetime | None:
    return due_after(schedule.schedule, base)


def _worst_first(one: ScheduleInfo) -> tuple[int, str]:
    wrong = [problem for problem in one.problems if not problem.is_notice]
    return (0 if one.overdue else 1 if wrong else 3 if one.problems else 2), one.entry.name


# -- a page -----------------------------------------------------------------------------------------------------------


def _tasks(ids: set[str]) -> Mapping[str, TaskInfo]:
    if not ids:
        return {}
    try:
        return conf.load("TASK_BACKEND")().get_many(ids)
    except (BackendUnavailable, StoreUnavailable) as error:
        logger.debug("It is not known how scheduled tasks ended: %s", error)
    return {}


def _completed(
    one: ScheduleInfo, ring: Sequence[Sending], tasks: Mapping[str, TaskInfo], now: datetime
) -> ScheduleInfo:
    occurrences = tuple(_occurrence(sending, tasks) for sending in ring)
    last = next((occurrence for occurrence in occurrences if occurrence.sent is not None), None)
    wrong = list(one.problems)
    state = tasks[one.last_task_id].state if one.last_task_id in tasks else last.state if last is not None else None
    sent = last.sent if last is not None and last.state in WAITING and last.started is None else None
    if sent is not None and (now - sent).total_seconds() > RUNS_AFTER:
        wrong.append(problems.not_run(sent, now))
    return replace(
        one,
        entry=replace(one.entry, words=words(one.entry.schedule) if one.entry.schedule is not None else ""),
        last_sent=one.last_sent or (last.sent if last is not None else None),
        last_due=one.last_due or (occurrences[0].due if occurrences else None),
        last_task_id=one.last_task_id or (last.task_id if last is not None else None),
        last_state=state,
        problems=tuple(wrong),
        occurrences=occurrences,
    )


#: States of what was sent and nobody began.
WAITING: Final = frozenset({states.PENDING, states.RECEIVED})


def _occurrence(sending: Sending, tasks: Mapping[str, TaskInfo]) -> Occurrence:
    task = tasks.get(sending.task_id) if sending.task_id else None
    return Occurrence(
        _moment(sending.due) or datetime.fromtimestamp(0, timezone.utc),
        _moment(sending.sent),
        sending.task_id,
        task.state if task else None,
        task.started_at if task else None,
        task.finished_at if task else None,
    )


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, timezone.utc)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
