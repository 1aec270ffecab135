"""Times with a zone, also on sites without ``USE_TZ``: there Django's have none, and are in the site's own zone."""

from datetime import datetime

from django.conf import settings
from django.utils import timezone


def aware(moment: datetime) -> datetime:
    """Return the time with its zone. Raises OverflowError and ValueError for the first and the last day there is."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment, timezone.get_default_timezone())


def now() -> datetime:
    return aware(timezone.now())


def stored(moment: datetime) -> datetime:
    """Return the aware time as a database's column says it."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())
