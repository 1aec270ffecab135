"""Times with a zone, also on sites without ``USE_TZ``: there Django's have none, and are in the site's own zone."""

from datetime import datetime, timedelta
from datetime import timezone as zones
from typing import Final

from django.conf import settings
from django.utils import timezone

EPOCH: Final = datetime(1970, 1, 1, tzinfo=zones.utc)
#: By how much two honest clocks of one site may differ. A wrong zone is wrong by a quarter of an hour at least.
CLOCKS_DIFFER: Final = timedelta(minutes=5)


def aware(moment: datetime) -> datetime:
    """Return the time with its zone. Raises OverflowError and ValueError for the first and the last day there is."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment, timezone.get_default_timezone())


def now() -> datetime:
    return aware(timezone.now())


def stored(moment: datetime) -> datetime:
    """Return the aware time as a database's column says it."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def of_milliseconds(number: int | None) -> datetime | None:
    """Return the time so many milliseconds after the epoch, in UTC."""
    return None if number is None else EPOCH + timedelta(milliseconds=number)


def believed_start(
    started: datetime | None, *, created: datetime | None = None, ended: datetime | None = None
) -> datetime | None:
    """Return when a task started, None where that contradicts its other times: a database may write another zone."""
    if started is None:
        return None
    is_early = created is not None and started < created - CLOCKS_DIFFER
    is_late = started > (ended or now()) + CLOCKS_DIFFER
    return None if is_early or is_late else started
