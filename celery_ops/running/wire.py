"""What goes into a message: each value as the task's serializer carries it."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from celery.app.task import Task
from django.db.models import Model, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ..conf import conf
from .kinds.containers import in_order
from .kinds.limits import DEEPEST

#: What kombu's JSON makes again at the worker.
CARRIED_BY_JSON: Final = (date, datetime, time, Decimal, UUID)
JSONS: Final = frozenset({"json", "application/json"})
PICKLES: Final = frozenset({"pickle", "application/x-python-serialize"})
SEQUENCES: Final = (list, tuple, set, frozenset)


def serializer_of(task: Task | None) -> str:
    """Return the name of the serializer that a task's message is written with."""
    return getattr(task, "serializer", None) or conf.celery_app.conf.task_serializer


def carried_all(task: Task | None, args: list[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments as the task's serializer carries them. Raises ValueError."""
    serializer = serializer_of(task)
    return (
        [carried(value, serializer) for value in args],
        {name: carried(value, serializer) for name, value in kwargs.items()},
    )


def carried(value: Any, serializer: str) -> Any:
    """Return a value as this serializer carries it to a worker. Raises ValueError for what it cannot."""
    if serializer in PICKLES:
        return _pickled(value)
    return _walked(value, _kombu if serializer in JSONS else _text, 0)


def plain(value: Any) -> Any:
    """Return a value in JSON types alone. Raises ValueError for what has no such form."""
    return _walked(value, _text, 0)


def _pickled(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    return [instance.pk for instance in value] if isinstance(value, QuerySet) else value


def _walked(value: Any, scalar: Callable[[Any], Any], depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError(_("This is nested more than 20 levels deep. Send something flatter."))
    if isinstance(value, Enum):
        return _walked(value.value, scalar, depth + 1)
    if value is None or type(value) in (str, bool, int, float):
        return value
    if isinstance(value, Mapping):
        return {_key(key): _walked(item, scalar, depth + 1) for key, item in value.items()}
    if isinstance(value, SEQUENCES):
        return [_walked(item, scalar, depth + 1) for item in in_order(value)]
    if isinstance(value, QuerySet):
        return [_walked(instance.pk, scalar, depth + 1) for instance in value]
    if isinstance(value, Model):
        return _walked(value.pk, scalar, depth + 1)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _walked(getattr(value, name), scalar, depth + 1) for name in names}
    if callable(dump := getattr(value, "model_dump", None)):
        return _walked(dump(mode="json"), scalar, depth + 1)
    return scalar(value)


def _kombu(value: Any) -> Any:
    return value if isinstance(value, CARRIED_BY_JSON) else _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (str, Decimal, UUID, Promise)):
        return str(value)
    for base in (int, float):
        if isinstance(value, base):
            return base(value)
    raise ValueError(_("A value of type %(name)s cannot be sent.") % {"name": type(value).__name__})


def _key(key: Any) -> str:
    """A key of a JSON object: numbers and the like as JSON writes them."""
    key = key.value if isinstance(key, Enum) else key
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return repr(key) if isinstance(key, (int, float)) else str(_text(key))
