"""The entries of django-celery-beat: rows of the database.

Its scheduler keeps the last run and the count in memory, and writes them every three minutes, when something is saved
and when beat ends. A change is seen at once when the row was saved by ``save()``: of ``QuerySet.update()`` it is told
nothing, and it reads all rows every five minutes. A row that is disabled loses its last run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from celery import schedules
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseError
from django.utils.translation import get_language, gettext_lazy
from kombu.utils.json import loads

from ...databases import in_turn
from ...exceptions import BackendUnavailable, ScheduleRefused, StoreUnavailable
from ...formatting import clean, is_clean
from ...logs import get_logger
from ...sentences import Sentence as _
from ...timezones import aware, now, stored
from ..board import rings
from ..info import DATABASE, Entry
from ..words import LONGEST_EXPRESSION, expression
from . import schedulers
from .base import (
    LONGEST_KEPT,
    MOST_ENTRIES,
    MOST_OF_A_TASK,
    PAUSE,
    RESUME,
    RUN,
    SKIP,
    ScheduleSource,
    not_given,
    offered,
)

logger = get_logger("celery_ops.schedules")

#: Characters of a crontab's part that are read: longer ones are no column of this package's making.
LONGEST_PART: Final = 300
#: Characters of arguments that are read: of more, nothing can be run by hand.
LONGEST_ARGUMENTS: Final = 64 * 1024
#: What Celery says of a date that no year has.
NEVER_OCCURS: Final = "never occurs in"
COLUMNS: Final = (
    "name",
    "task",
    "args",
    "kwargs",
    "queue",
    "exchange",
    "routing_key",
    "expires",
    "one_off",
    "start_time",
    "enabled",
    "last_run_at",
    "total_run_count",
    "date_changed",
    "interval__every",
    "interval__period",
    "crontab__minute",
    "crontab__hour",
    "crontab__day_of_week",
    "crontab__day_of_month",
    "crontab__month_of_year",
    "crontab__timezone",
    "solar__event",
    "solar__latitude",
    "solar__longitude",
    "clocked__clocked_time",
)
START: Final = COLUMNS.index("start_time")
TEXTS: Final = (COLUMNS.index("args"), COLUMNS.index("kwargs"))
#: Rows of which a process need not make entries again.
MOST_KEPT: Final = 4096


class DatabaseSource(ScheduleSource):
    name = DATABASE
    label = gettext_lazy("Database (django-celery-beat)")

    def is_used(self, heard: Collection[str]) -> bool:
        return apps.is_installed("django_celery_beat")

    def is_read_by(self, scheduler: str) -> bool:
        return schedulers.is_of(schedulers.DJANGO_CELERY_BEAT, scheduler)

    def entries(self) -> Sequence[Entry]:
        return self._read(self._model.objects.order_by("pk"))

    def entry(self, name: str) -> Entry | None:
        return next(iter(self._read(self._model.objects.filter(name=name))), None) if is_clean(name) else None

    def names_of(self, task: str) -> list[str]:
        if not is_clean(task):
            return []
        rows = self._model.objects.filter(task=task).order_by("pk")
        try:
            return list(rows.values_list("name", flat=True)[:MOST_OF_A_TASK])
        except (DatabaseError, ValueError) as error:
            raise self._unreadable(error) from error

    @property
    def _model(self) -> Any:
        return apps.get_app_config("django_celery_beat").get_model("PeriodicTask")

    def _read(self, rows: Any) -> list[Entry]:
        try:
            values = list(rows.values_list(*COLUMNS)[:MOST_ENTRIES])
        except (DatabaseError, ValueError) as error:
            raise self._unreadable(error) from error
        moment, language = now(), get_language()
        return [_made(row)(row, _is_to_come(row[START], moment), language) for row in values]

    @staticmethod
    def _unreadable(error: Exception) -> BackendUnavailable:
        logger.debug("The periodic tasks cannot be read", exc_info=True)
        message = _("The table of django-celery-beat cannot be read (%(error)s): run migrate.")
        return BackendUnavailable(message % {"error": type(error).__name__})

    # -- actions ------------------------------------------------------------------------------------------------------

    def pause(self, name: str, until: datetime | None = None) -> None:
        task = self._task(name)
        changed = ["start_time"]
        if until is None:
            task.enabled = False
            changed = ["enabled", "last_run_at"]
        elif task.start_time is not None and aware(task.start_time) > now():
            raise ScheduleRefused(_("It has a time at which it starts, which a pause would take the place of."))
        else:
            if task.start_time is None and task.last_run_at is None:  # beat would send it when the pause ends
                task.last_run_at = task.date_changed
                changed.append("last_run_at")
            task.start_time = stored(until)
        self._save(task, *changed)

    def resume(self, name: str) -> None:
        """Beat sends at once what has a start that is past and no last run, which a disabled row has lost."""
        task = self._task(name)
        task.enabled = True
        task.start_time = None
        self._save(task, "enabled", "start_time")

    def skip(self, name: str, due: datetime) -> None:
        """Beat counts from the last run: that of the occurrence that is left out."""
        task = self._task(name)
        if not task.enabled:
            raise ScheduleRefused(_("It is disabled: nothing will be sent that could be skipped."))
        if self._is_behind(task):
            self._changes.update_changed()  # beat writes what it holds before it reads anew
            raise ScheduleRefused(
                _("Beat had not written its last run yet, and was told to: try again in ten seconds.")
            )
        self.check_unsent(None if task.last_run_at is None else aware(task.last_run_at), due)
        task.last_run_at = stored(due)
        self._save(task, "last_run_at")

    def reason(self, action: str) -> str:
        return {
            PAUSE: _("It is paused already."),
            RESUME: _("It is not paused."),
            SKIP: _("Nothing is to come that could be skipped."),
        }.get(action, super().reason(action))

    @property
    def _changes(self) -> Any:
        return apps.get_app_config("django_celery_beat").get_model("PeriodicTasks")

    def _is_behind(self, task: Any) -> bool:
        """Whether beat has sent the entry since the row's last run: it would write that over ours."""
        try:
            (occurrences,) = rings([task.name])
        except StoreUnavailable:
            return False
        ran = 0 if task.last_run_at is None else aware(task.last_run_at).timestamp() * 1000
        return any(sending.sent is not None and sending.sent > ran + 2000 for sending in occurrences)

    def _task(self, name: str) -> Any:
        try:
            return self._model.objects.get(name=name)
        except self._model.DoesNotExist as error:
            raise ScheduleRefused(_("There is no such entry any more.")) from error
        except DatabaseError as error:
            raise BackendUnavailable(_("The database does not answer.")) from error

    def _save(self, task: Any, *fields: str) -> None:
        """By ``save()``, which tells beat of it, and no more than was changed: others may change the rest meanwhile."""
        try:
            in_turn(type(task), lambda: task.save(update_fields=[*fields, "date_changed"]))
        except ValidationError as error:
            raise ScheduleRefused(" ".join(error.messages)) from error
        except DatabaseError as error:
            self._task(task.name)  # which raises where it has been deleted
            raise BackendUnavailable(_("The database does not answer.")) from error


def _is_to_come(start: datetime | None, moment: datetime) -> bool:
    start = _aware(start)
    return start is not None and start > moment


def _made(values: tuple[Any, ...]) -> Callable[..., Entry]:
    """Return what makes an entry of a row: each run moves it, and long arguments would be kept with each."""
    is_short = sum(len(values[column] or "") for column in TEXTS) <= LONGEST_KEPT
    return _entry if is_short else _entry.__wrapped__


@lru_cache(maxsize=MOST_KEPT)
def _entry(values: tuple[Any, ...], is_to_come: bool, language: str | None) -> Entry:
    """Return what a row says: of most, nothing else is said at the next look. Read in ``language``."""
    row = dict(zip(COLUMNS, values, strict=True))
    schedule, printed, broken = _schedule(row)
    is_never = schedule is None and NEVER_OCCURS in broken
    args, kwargs, unreadable, is_wrong = _arguments(row)
    if is_wrong:
        broken = broken or unreadable
    start = _aware(row["start_time"])
    ran = _aware(row["last_run_at"])
    changed = _aware(row["date_changed"])
    counted_from = ran or (changed - _YEARS if changed and start else changed)
    enabled = bool(row["enabled"])
    queue = row["queue"] or ""
    is_routed = not queue and bool(row["exchange"] or row["routing_key"])
    actions, refused = _offered(enabled, is_to_come, bool(row["one_off"]), is_routed, language)
    return Entry(
        clean(row["name"]),
        clean(row["task"]),
        DATABASE,
        printed,
        enabled=enabled,
        args=args,
        kwargs=kwargs,
        queue=clean(queue) or None,
        one_off=bool(row["one_off"]),
        expires=_aware(row["expires"]),
        start=start,
        last_run_at=ran,
        actions=actions,
        refused=refused,
        paused_until=start if is_to_come and ran is not None else None,  # what has run did not begin then
        schedule=schedule,
        counted_from=counted_from,
        run_count=row["total_run_count"],
        broken="" if is_never else broken,
        unreadable=unreadable,
        is_never=is_never,
        is_routed=is_routed,
    )


@lru_cache(maxsize=64)
def _offered(
    enabled: bool, is_to_come: bool, one_off: bool, is_routed: bool, language: str | None
) -> tuple[frozenset[str], Any]:
    """A routing key is no queue's name: a run by hand would make a queue of it that nobody consumes."""
    source = DatabaseSource()
    actions, refused = offered(
        {
            RUN: _("It goes by an exchange or a routing key: only beat can send it so.") if is_routed else "",
            PAUSE: "" if enabled and not is_to_come else source.reason(PAUSE),
            RESUME: "" if not enabled or is_to_come else source.reason(RESUME),
            SKIP: "" if enabled and not is_to_come and not one_off else source.reason(SKIP),
        }
    )
    return actions, MappingProxyType(refused)


#: What the scheduler counts from where an entry has a start and never ran.
_YEARS: Final = timedelta(days=365 * 30)


def _aware(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else aware(moment)
    except (OverflowError, ValueError):
        return None


# -- schedules, as the models make them -------------------------------------------------------------------------------


def _schedule(row: Mapping[str, Any]) -> tuple[Any, str, str]:
    """Return Celery's schedule of a row, how it is printed, and why there is none. As for beat, the first counts."""
    printed = ""
    try:
        if row["interval__every"] is not None:
            return *_interval(row["interval__every"], row["interval__period"]), ""
        if row["crontab__minute"] is not None:
            parts = tuple(str(row[f"crontab__{part}"]) for part in _PARTS)
            printed = clean(" ".join((*parts[:2], *parts[3:], parts[2])), LONGEST_EXPRESSION)
            if max(map(len, parts)) > LONGEST_PART:
                return None, printed, _("Its crontab is too long to be one.")
            return *_crontab(parts, row["crontab__timezone"]), ""
        if row["solar__event"] is not None:
            return *_solar(row["solar__event"], row["solar__latitude"], row["solar__longitude"]), ""
        if row["clocked__clocked_time"] is not None:
            return *_printed(_clocked(row["clocked__clocked_time"])), ""
    except Exception as error:  # a text that is no crontab, an unknown event, a library that is not installed
        words = clean(str(error), 300).splitlines()
        return None, printed, _("Beat cannot make a schedule of it: %(error)s") % {"error": words[0] if words else ""}
    return None, "", _("It has no schedule: beat disables it when it reads it.")


_PARTS: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")


@lru_cache(maxsize=1024)
def _interval(every: int, period: str) -> tuple[Any, str]:
    from django_celery_beat.models import IntervalSchedule

    return _printed(IntervalSchedule(every=every, period=period).schedule)


@lru_cache(maxsize=4096)
def _crontab(parts: tuple[str, ...], zone: Any) -> tuple[Any, str]:
    from django_celery_beat.models import CrontabSchedule

    return _printed(CrontabSchedule(**dict(zip(_PARTS, parts, strict=True)), timezone=zone).schedule)


@lru_cache(maxsize=256)
def _solar(event: str, latitude: Any, longitude: Any) -> tuple[Any, str]:
    return _printed(schedules.solar(event, latitude, longitude))


def _printed(schedule: Any) -> tuple[Any, str]:
    return schedule, expression(schedule)


def _clocked(moment: datetime) -> Any:
    from django_celery_beat.clockedschedule import clocked

    return clocked(moment)


def _arguments(row: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any], str, bool]:
    """Return what the task is given; why that is not known, and whether beat cannot send the entry for that."""
    texts = row["args"] or "[]", row["kwargs"] or "{}"
    if max(map(len, texts)) > LONGEST_ARGUMENTS:
        return (), {}, _("This is too large: arguments have at most 64 KiB."), False
    try:
        args, kwargs = map(loads, texts) if sum(map(len, texts)) > LONGEST_KEPT else map(_loaded, texts)
        wrong = not_given(args, kwargs)
    except ValueError:
        wrong = _("Its arguments are no JSON: beat disables it when it reads it.")
    except Exception as error:  # what kombu makes of a value that it takes for one of its own types: beat ends with it
        logger.debug("The arguments of a schedule cannot be read: %s", type(error).__name__)
        wrong = _("Beat cannot make an entry of it: %(error)s") % {"error": type(error).__name__}
    return ((), {}, wrong, True) if wrong else (tuple(args), dict(kwargs), "", False)


@lru_cache(maxsize=4096)
def _loaded(text: str) -> Any:
    return loads(text)
