"""What there is to say of the schedules now: entries of every source, what beat told, and what became of that."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any, Final

from celery.local import Proxy
from django.utils.translation import gettext as _

from .. import states
from ..backends import tracked
from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger, is_new
from ..tracking.reading import find_tasks
from ..tracking.registry import registry
from . import beat_problems, board, problems
from .board import HeardSign, Sending, Told, moment
from .info import SILENT_AFTER, BeatInfo, Entry, Occurrence, ScheduleInfo, ScheduleReport
from .judging import by_row, looked_at
from .listing import worst_first
from .skipping import without_skips
from .sources.base import ScheduleSource
from .sources.site_sources import sources
from .surroundings import Surroundings, surroundings
from .words import words

logger = get_logger("celery_ops.schedules")

#: Seconds after which a beat that is silent is no longer told of while another one sends.
REPLACED: Final = 300.0
NOTHING_AROUND: Final = Surroundings()
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
    entries = list(_entries([beat.scheduler for beat in beats], troubles))
    registry.bindings("")  # imports the modules of tasks, which a new process has not done yet
    around = surroundings() if asks_around and entries else NOTHING_AROUND
    app = _app()
    sending = [beat.scheduler for beat in beats if beat.sends]
    schedules: list[ScheduleInfo] = []
    for source, listed in groupby(entries, lambda pair: pair[0]):
        is_read = not sending or any(map(source.is_read_by, sending))
        schedules += [looked_at(entry, told.of(entry.name), now, around, app, is_read) for _source, entry in listed]
    if is_store_away:
        schedules = [by_row(schedule, now) for schedule in schedules]
    schedules = worst_first(without_skips(schedules))
    wrong = () if troubles and not told.signs else tuple(beat_problems.of_beats(beats, bool(told.signs), len(entries)))
    return ScheduleReport(tuple(schedules), tuple(beats), wrong, " ".join(dict.fromkeys(troubles)), is_store_away)


def _app() -> Any:
    """Return the site's app itself: what Celery has in its place costs more than what it is asked for."""
    app = conf.celery_app
    return app._get_current_object() if isinstance(app, Proxy) else app


def _entries(heard: Sequence[str], troubles: list[str]) -> Iterator[tuple[ScheduleSource, Entry]]:
    """Yield every entry with its source, those of a source together. An entry that several have is the first one's."""
    names: set[str] = set()
    for source in sources(heard):
        for entry in _read(source, troubles):
            if entry.name not in names:
                names.add(entry.name)
                yield source, entry


def _read(source: ScheduleSource, troubles: list[str]) -> Sequence[Entry]:
    try:
        return source.entries()
    except BackendUnavailable as error:
        troubles.append(str(error))
    except Exception as error:  # of what a site has made of its models or settings
        if is_new("a source of schedules", source.name, type(error)):
            logger.warning("The schedules of the %s could not be read. Said once.", source.name, exc_info=True)
        troubles.append(_("The schedules of the %(name)s could not be read.") % {"name": source.name})
    return ()


def completed(
    schedules: Iterable[ScheduleInfo], now: datetime | None = None, *, most: int = board.RING
) -> Sequence[ScheduleInfo]:
    """Return the schedules of a page with plain words, their newest occurrences and the states of those tasks.

    One round trip, what the task backend asks, and three at most for what has not ended there. Without the store or
    the results those are missing.
    """
    schedules, now = list(schedules), now or datetime.now(timezone.utc)
    try:
        rings = [ring[:most] for ring in board.rings([schedule.entry.name for schedule in schedules])]
    except StoreUnavailable:
        rings = [[]] * len(schedules)
    tasks = _tasks(
        {sending.task_id: sending.sent or sending.due for ring in rings for sending in ring if sending.task_id}
    )
    return [_completed(schedule, ring, tasks, now) for schedule, ring in zip(schedules, rings, strict=True)]


# -- what was told ----------------------------------------------------------------------------------------------------


def _told() -> tuple[Told, list[str]]:
    try:
        return board.read_board(time.time()), []
    except StoreUnavailable as error:
        logger.debug("It is not known what beat says: %s", error)
        return Told(), [_("The store does not answer, so it is not known what beat says.")]


def _beats(signs: Sequence[HeardSign], now: datetime) -> list[BeatInfo]:
    beats = sorted((_beat(sign, now) for sign in signs), key=lambda beat: beat.seen, reverse=True)
    is_sent = any(beat.sends for beat in beats)

    def is_told(beat: BeatInfo) -> bool:
        if not (beat.is_silent or beat.has_ended):
            return True
        return not is_sent or (not beat.has_ended and (now - beat.seen).total_seconds() < REPLACED)

    shown = [beat for beat in beats if is_told(beat)]
    return shown if is_sent else shown[:1] + [beat for beat in shown[1:] if not beat.has_ended and not beat.is_silent]


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
        ahead=round(sign.started / 1000 + sign.up + heard.age - now.timestamp(), 1) if sign.started else 0.0,
    )


# -- a page -----------------------------------------------------------------------------------------------------------


def _tasks(sent: Mapping[str, int]) -> Mapping[str, TaskInfo]:
    """Return the tasks with these ids, as the task backend has them, and as tracking has those that have not ended
    there: a worker that was killed, or could not store a result, leaves no end behind. ``sent`` says when, in ms."""
    tasks: dict[str, TaskInfo] = {}
    if not sent:
        return tasks
    try:
        tasks |= conf.load("TASK_BACKEND")().get_many(sent)
    except (BackendUnavailable, StoreUnavailable) as error:
        logger.debug("It is not known how scheduled tasks ended: %s", error)
    open_ids = [task_id for task_id in sent if task_id not in tasks or not states.is_final(tasks[task_id].state)]
    try:
        tracked_tasks = find_tasks({task_id: at for task_id in open_ids if (at := moment(sent[task_id])) is not None})
    except StoreUnavailable as error:
        logger.debug("It is not tracked how scheduled tasks ended: %s", error)
        return tasks
    return tasks | {task_id: tracked.info(task) for task_id, task in tracked_tasks.items()}


def _completed(
    schedule: ScheduleInfo, ring: Sequence[Sending], tasks: Mapping[str, TaskInfo], now: datetime
) -> ScheduleInfo:
    occurrences = tuple(_occurrence(sending, tasks) for sending in ring)
    last = next((occurrence for occurrence in occurrences if occurrence.sent is not None), None)
    wrong = list(schedule.problems)
    newest = tasks.get(schedule.last_task_id or "", last)
    state = newest.state if newest is not None else None
    sent = last.sent if last is not None and last.state in WAITING and last.started is None else None
    if sent is not None and (now - sent).total_seconds() > RUNS_AFTER:
        wrong.append(problems.not_run(sent, now))
    return replace(
        schedule,
        entry=replace(
            schedule.entry, words=words(schedule.entry.schedule) if schedule.entry.schedule is not None else ""
        ),
        last_sent=schedule.last_sent or (last.sent if last is not None else None),
        last_due=schedule.last_due or (occurrences[0].due if occurrences else None),
        last_task_id=schedule.last_task_id or (last.task_id if last is not None else None),
        last_state=state,
        problems=tuple(wrong),
        occurrences=occurrences,
    )


#: States of what was sent and nobody began.
WAITING: Final = frozenset({states.PENDING, states.RECEIVED})


def _occurrence(sending: Sending, tasks: Mapping[str, TaskInfo]) -> Occurrence:
    task = tasks.get(sending.task_id) if sending.task_id else None
    return Occurrence(
        moment(sending.due) or datetime.fromtimestamp(0, timezone.utc),
        moment(sending.sent),
        sending.task_id,
        task.state if task else None,
        task.started_at if task else None,
        task.finished_at if task else None,
    )
