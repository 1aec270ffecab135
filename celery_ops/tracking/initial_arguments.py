"""What a task was given, though it changed it since: a list or a dict of its arguments is its own to work on."""

import marshal
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

from .. import redaction

#: Where it lies on the request.
_ATTRIBUTE: Final = "celery_ops_given"
_MUTABLE: Final = (list, dict, set, bytearray)
#: Types whose values stay what they are.
_FIXED: Final = frozenset((int, str, NoneType, bool, float, UUID, datetime, date, time, timedelta, Decimal, bytes))
#: Values of nested arguments that are copied; to capture more takes no longer than to copy it.
_COPIED: Final = 100

Arguments = tuple[Sequence[Any], Mapping[str, Any]]
#: Most tasks are given nothing by name, and a dict for each would have Python look for garbage sooner.
_NOTHING_NAMED: Final[Mapping[str, Any]] = {}


def note(request: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Remember the arguments of a task that begins, where it could change them: microseconds, whatever they are."""
    if not any(isinstance(value, _MUTABLE) for value in (*args, *kwargs.values())):
        return
    try:
        setattr(request, _ATTRIBUTE, marshal.dumps((list(args), dict(kwargs))))
    except ValueError:  # dates, Decimals and the like inside: they are as they are found at the end
        return


def of_request(request: Any, args: Any, kwargs: Any) -> Arguments:
    """Return the arguments as ``note`` saw them, else as they are now."""
    kept = getattr(request, _ATTRIBUTE, None)
    if isinstance(kept, bytes):
        return marshal.loads(kept)  # noqa: S302 - written a moment ago by this very process
    return args or (), kwargs or {}


def frozen(args: Any, kwargs: Any) -> Arguments | None:
    """Return arguments that another thread may look at later, whatever happens to these meanwhile.

    None when that would take long, or what they show depends on where one looks: a redactor of the site's may ask.
    """
    if type(args) not in (tuple, list) or type(kwargs) is not dict or redaction.asks_the_site():
        return None
    if _FIXED.issuperset(map(type, args)) and _FIXED.issuperset(map(type, kwargs.values())):
        return tuple(args), kwargs.copy() if kwargs else _NOTHING_NAMED
    try:
        return _copy(args, [_COPIED]), _copy(kwargs, [_COPIED])
    except _Unknown:
        return None


class _Unknown(Exception):
    """Nobody can tell whether it changes, or at what price it is copied."""


def _copy(value: Any, left: list[int]) -> Any:
    kind = type(value)
    if kind in _FIXED:
        return value
    if kind not in (list, tuple, dict):
        raise _Unknown
    left[0] -= len(value)
    if left[0] < 0:
        raise _Unknown
    if kind is dict:
        return {_key(key): _copy(item, left) for key, item in value.items()}
    return kind([_copy(item, left) for item in value])


def _key(key: Any) -> Any:
    if type(key) not in _FIXED:
        raise _Unknown
    return key
