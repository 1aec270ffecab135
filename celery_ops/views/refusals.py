"""The log line of what somebody asked for and was refused: it says who, and nothing else is kept of it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpResponseBase

from ..formatting import clean
from ..logs import get_logger

logger = get_logger("celery_ops.acting")

R = TypeVar("R", bound=HttpResponseBase)

#: Characters of a line's parts.
LONGEST_NAME: Final = 100
LONGEST_OBJECTS: Final = 300
#: What only looks is nobody's attempt to do something.
SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS", "TRACE")


def noting_refusals(answer: Callable[[], R], note: Callable[[int], None]) -> R:
    """Return what ``answer`` does, and raise what it raises; ``note`` is told the status when that is a refusal."""
    try:
        response = answer()
    except PermissionDenied:
        note(403)
        raise
    except Http404:
        note(404)
        raise
    if response.status_code >= 400:
        note(response.status_code)
    return response


def log_refusal(status: int, action: str, objects: str, user: Any) -> None:
    """Say that ``user`` was answered ``status`` when asking for ``action`` on ``objects``."""
    what, whom = clean(action, LONGEST_NAME), clean(objects, LONGEST_OBJECTS)
    logger.warning("Refused (%s): %s to %s for %s", status, what, whom, name_of(user))


def name_of(user: Any) -> str:
    """Return what a log calls a request's user: ``anonymous`` without a name."""
    try:
        name = getattr(user, "get_username", str)
        return clean(str(name()), LONGEST_NAME) or "anonymous"
    except DatabaseError:  # it looks the user up, and may be what the refusal is about
        return "unknown"
