"""Reading a waiting message as kombu wrote it: whoever can reach the broker may have put anything there."""

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Final

from ....conf import conf
from ....info import MessageInfo
from ....redaction.text import CUT, DIRTY
from ....tracking import stamp

LONGEST_NAME: Final = 255
#: Beyond what a page shows, so that a secret across the cut is still recognised there.
LONGEST_TEXT: Final = 8192
PRIORITIES: Final = range(256)
YEARS: Final = range(1970, 9999)


def message_info(raw: bytes, size: int, priority: int | None = None) -> MessageInfo:
    """Return what a message says of itself; one that cannot be read has no id and no name."""
    message = _read(raw)
    headers, properties = _mapping(message.get("headers")), _mapping(message.get("properties"))
    own_priority = properties.get("priority")
    return MessageInfo(
        task_id=_text(headers.get("id") or properties.get("correlation_id"), LONGEST_NAME),
        name=_text(headers.get("task"), LONGEST_NAME),
        arguments=" ".join(filter(None, (_text(headers.get(key)) for key in ("argsrepr", "kwargsrepr")))),
        published_at=_published_at(headers),
        eta=_eta(headers.get("eta")),
        size=size,
        priority=own_priority if _is_number(own_priority) and own_priority in PRIORITIES else priority,
    )


def _read(raw: bytes) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(raw))
    except (ValueError, RecursionError):
        return {}


def _published_at(headers: Mapping[str, Any]) -> datetime | None:
    if stamp.PUBLISHED in headers:
        return _moment(headers[stamp.PUBLISHED])
    text = headers.get(stamp.HEADER)
    try:
        first_published, *_ = json.loads(text) if isinstance(text, str) else (None,)
    except (ValueError, TypeError, RecursionError):
        return None
    return _moment(first_published)


def _moment(milliseconds: Any) -> datetime | None:
    if not _is_number(milliseconds):
        return None
    try:
        return _showable(datetime.fromtimestamp(milliseconds / 1000, timezone.utc))
    except (ValueError, OverflowError, OSError):
        return None


def _eta(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        eta = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return _showable(eta if eta.tzinfo else eta.replace(tzinfo=conf.celery_app.timezone))  # as a worker reads it


def _showable(moment: datetime) -> datetime | None:
    """Return the moment unless it is so far away that a page could not give it in another time zone."""
    return moment if moment.year in YEARS else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        return ""
    text = DIRTY.sub("\ufffd", value[:longest])
    return text + CUT if len(value) > longest else text
