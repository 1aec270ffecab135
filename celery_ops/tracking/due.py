"""When a task is to run and how urgent it is, as its message says: kept of those alone whose publisher said either."""

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple

import celery
from celery.utils.time import timezone as celery_timezone
from kombu.asynchronous.timer import to_timestamp

from .facts import number_in

#: In which header django-tasks-fennel says a task's priority as Django has it, -100 to 100.
DJANGO_PRIORITY: Final = "django_tasks_priority"
#: Priorities of any broker, and of Django.
PRIORITIES: Final = range(256)
DJANGO_PRIORITIES: Final = range(-100, 101)


class Due(NamedTuple):
    """``eta`` is in ms since the epoch, ``priority`` the broker's, ``django_priority`` what Django's task said."""

    eta: int | None = None
    priority: int | None = None
    django_priority: int | None = None


NOTHING: Final = Due()


def text_of(headers: Mapping[str, Any], properties: Any) -> str:
    """Return what is kept of a message, empty for one that says neither: most of them."""
    eta = headers.get("eta")
    priority = properties.get("priority") if isinstance(properties, dict) else None
    if eta is None and priority is None and DJANGO_PRIORITY not in headers:
        return ""
    due = Due(_milliseconds(eta), _among(PRIORITIES, priority), _among(DJANGO_PRIORITIES, headers.get(DJANGO_PRIORITY)))
    return "" if due == NOTHING else " ".join("-" if number is None else str(number) for number in due)


def due_of(text: str | None) -> Due:
    """Return what ``text_of`` wrote; what it did not write is unknown."""
    words = text.split(" ") if text else ()
    if len(words) != len(Due._fields):
        return NOTHING
    eta, priority, django_priority = map(number_in, words)
    return Due(eta, _among(PRIORITIES, priority), _among(DJANGO_PRIORITIES, django_priority))


def never_due(request: Any) -> Exception | None:
    """Return why a worker fails a task that it has just received: it cannot convert the time until which it is put off.

    Celery tells that by no signal. Before 5.7 it runs such a task at once.
    """
    if not request.eta or celery.VERSION[:2] < (5, 7):
        return None
    try:
        if request.utc:
            to_timestamp(celery_timezone.to_system(request.eta))
        else:
            to_timestamp(request.eta, request.task.app.timezone)
    except (OverflowError, ValueError) as error:
        return error.with_traceback(None)
    return None


def _among(numbers: range, value: Any) -> int | None:
    return value if type(value) is int and value in numbers else None


def _milliseconds(eta: Any) -> int | None:
    """Celery writes it with its zone; without one it is UTC."""
    try:
        moment = eta if isinstance(eta, datetime) else datetime.fromisoformat(eta)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None
