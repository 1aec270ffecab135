"""What was asked of workers and holds until it is taken back or has come to its end: revokes, and paused queues.

Workers keep both in memory alone. The journal has them, so that a worker that starts later can be told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from ..databases import writer
from ..models import ControlRecord

REVOKE: Final = ControlRecord.REVOKE
REVOKE_BY_STAMPS: Final = ControlRecord.REVOKE_BY_STAMPS
PAUSE: Final = ControlRecord.PAUSE
RESUME: Final = ControlRecord.RESUME

#: What a worker keeps in memory (Celery's own bound).
MOST_REVOKED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Paused:
    """A queue that nobody is to consume; ``username`` is empty when nobody in particular asked.

    ``strangers`` are the workers that were told by Celery's own command: they do not remember that they would.
    """

    queue: str
    username: str
    since: datetime
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingRequests:
    """What a worker that starts has to know."""

    task_ids: tuple[str, ...] = ()
    stamps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paused: tuple[str, ...] = ()


@writer()
def standing_requests() -> StandingRequests:
    """Return what holds now. Raises what the database raises."""
    return StandingRequests(tuple(_revoked()), _stamps(), tuple(paused_queues()))


def standing_pauses() -> StandingRequests:
    """Return the paused queues alone, which costs one short query. Raises what the database raises."""
    return StandingRequests(paused=tuple(paused_queues()))


def paused_queues() -> dict[str, Paused]:
    """Return the queues that are paused, by name: those of which a pause is the last that was asked."""
    return {
        row.target: Paused(row.target, row.username, row.created_at, texts(row.parameters.get("strangers")))
        for row in ControlRecord.pauses().order_by("target")
    }


def _revoked() -> Iterator[str]:
    """Yield the ids that were revoked, the newest first."""
    seen: set[str] = set()
    for record in _rows(REVOKE):
        for task_id in texts(record.parameters.get("task_ids")) or (record.target,):
            if task_id not in seen:
                seen.add(task_id)
                yield task_id
            if len(seen) >= MOST_REVOKED:
                return


def _stamps() -> dict[str, tuple[str, ...]]:
    by_header: dict[str, dict[str, None]] = {}
    for record in _rows(REVOKE_BY_STAMPS):
        headers = record.parameters.get("headers")
        for header, stamps in headers.items() if isinstance(headers, dict) else ():
            by_header.setdefault(header, {}).update(dict.fromkeys(texts(stamps)))
    return {header: tuple(stamps) for header, stamps in by_header.items()}


def _rows(action: str) -> Iterator[ControlRecord]:
    oldest = timezone.now() - ControlRecord.REVOKES_HOLD
    rows = ControlRecord.objects.filter(action=action, created_at__gte=oldest).order_by("-pk")
    return rows.only("target", "parameters").iterator(chunk_size=200)


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list that came out of JSON; of anything else there are none."""
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
