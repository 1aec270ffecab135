"""How a task may be sent: a fixed set of options, and none that could run something else."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from .. import timezones
from ..conf import conf
from ..exceptions import BadInput

#: Seconds: the longest that a task may be put off or be good for.
LONGEST_DELAY: Final = timedelta(days=366).total_seconds()
#: What RabbitMQ takes at most. Redis knows ten, 0 the first.
HIGHEST_PRIORITY: Final = 255


@dataclass(frozen=True, slots=True)
class SendOptions:
    """``countdown`` is in seconds, ``eta`` and ``expires`` are aware datetimes; None is the task's own way."""

    countdown: float | None = None
    eta: datetime | None = None
    expires: datetime | None = None
    priority: int | None = None
    queue: str | None = None

    def given(self) -> dict[str, Any]:
        """Return what was asked for, as ``apply_async`` takes it."""
        return {option.name: value for option in fields(self) if (value := getattr(self, option.name)) is not None}

    def plain(self) -> dict[str, Any]:
        """Return what was asked for in JSON types."""
        return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in self.given().items()}


NAMES: Final = tuple(option.name for option in fields(SendOptions))


def read_options(given: dict[str, Any], queues: Iterable[str], now: datetime | None = None) -> SendOptions:
    """Return the options that JSON values or a form's cleaned ones ask for; None and "" are not asked for.

    ``expires`` may be a number of seconds from ``now``. ``queues`` are those that may be chosen. Raises BadInput with a
    message for each option that will not do.
    """
    now = now or timezones.now()  # in UTC: on a clock that is put forward or back an hour later is another time
    read = _Reader(given, now, frozenset(queues))
    options = {name: read.option(name) for name in NAMES}
    if options["countdown"] is not None and options["eta"] is not None:
        read.errors["eta"] = [_("Give a countdown or an ETA, not both.")]
    start = options["eta"] or now + timedelta(seconds=options["countdown"] or 0)
    if options["expires"] is not None and options["expires"] <= start and not read.errors:
        read.errors["expires"] = [_("It would expire before it may start.")]
    if read.errors:
        raise BadInput(read.errors)
    return SendOptions(**options)


class _Reader:
    def __init__(self, given: dict[str, Any], now: datetime, queues: frozenset[str]) -> None:
        self.given, self.now, self.queues = given, now, queues
        self.errors: dict[str, list[str]] = {
            str(name)[:100]: [_("There is no such option; there are %(names)s.") % {"names": ", ".join(NAMES)}]
            for name in given
            if name not in NAMES
        }

    def option(self, name: str) -> Any:
        value = self.given.get(name)
        if value is None or value == "":
            return None
        try:
            return getattr(self, name)(value)
        except (ValueError, OverflowError) as error:
            self.errors[name] = [str(error)]
            return None

    def countdown(self, value: Any) -> float:
        seconds = _number(value)
        if not 0 <= seconds <= LONGEST_DELAY:
            raise ValueError(_("Enter a number of seconds, from 0 to a year."))
        return seconds

    def eta(self, value: Any) -> datetime:
        moment = _moment(value)
        if moment < self.now:
            raise ValueError(_("This time is over."))
        return self._within(moment)

    def expires(self, value: Any) -> datetime:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not 0 < value <= LONGEST_DELAY:
                raise ValueError(_("Enter a number of seconds, above 0 and up to a year."))
            return self.now + timedelta(seconds=value)
        moment = _moment(value)
        if moment <= self.now:
            raise ValueError(_("This time is over."))
        return self._within(moment)

    def _within(self, moment: datetime) -> datetime:
        if moment > self.now + timedelta(seconds=LONGEST_DELAY):
            raise ValueError(_("This is more than a year away."))
        return moment

    def priority(self, value: Any) -> int:
        if type(value) is not int or not 0 <= value <= HIGHEST_PRIORITY:
            raise ValueError(_("Enter a whole number from 0 to 255."))
        return value

    def queue(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.queues:
            raise ValueError(_("This task may not be sent to that queue."))
        return value


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError(_("Enter a number."))
    return value


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = parse_datetime(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        raise ValueError(_("Enter a time such as 2026-01-31T14:30."))
    return timezones.entered(value)


def configured_queues() -> tuple[str, ...]:
    """Return the queues of the app's configuration: of ``task_queues`` and ``task_routes``, and the default one."""
    app = conf.celery_app
    names = dict.fromkeys(app.amqp.queues)
    names.setdefault(app.conf.task_default_queue)
    for route in _routes(app.conf.task_routes):
        queue = route.get("queue") if isinstance(route, dict) else None
        if isinstance(queue, str) and queue:
            names.setdefault(queue)
    return tuple(names)


def _routes(routes: Any) -> list[Any]:
    if isinstance(routes, dict):
        return list(routes.values())
    if isinstance(routes, (list, tuple)):
        return list(chain.from_iterable(map(_routes, routes)))
    return []
