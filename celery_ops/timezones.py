"""Times with a zone, also on sites without ``USE_TZ``: there Django's have none, and are in the site's own zone."""

from datetime import datetime, timedelta
from datetime import timezone as zones
from typing import Final

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

EPOCH: Final = datetime(1970, 1, 1, tzinfo=zones.utc)
#: By how much two honest clocks of one site may differ. A wrong zone is wrong by a quarter of an hour at least.
CLOCKS_DIFFER: Final = timedelta(minutes=5)


def aware(moment: datetime) -> datetime:
    """Return the time with a zone: in UTC where it has none, for two times of one zone differ by what its clock says.

    Of one that comes twice there it is the second, unless that is to come: what was written just now is just now. That
    PostgreSQL says which one it is means nothing: it was not told.
    Raises OverflowError and ValueError for the first and the last day there is.
    """
    if timezone.is_aware(moment):
        return moment
    local = timezone.make_aware(moment.replace(fold=0), timezone.get_default_timezone())
    first, second = local.astimezone(zones.utc), local.replace(fold=1).astimezone(zones.utc)
    return second if first < second <= datetime.now(zones.utc) else first


def entered(moment: datetime) -> datetime:
    """Return a time that somebody gave, in the current zone where it has none.

    Raises ValueError, with a sentence for people, for one that comes twice there or not at all.
    """
    if timezone.is_aware(moment):
        return moment
    try:
        if is_plain(moment):
            return timezone.make_aware(moment)
    except (ValueError, OverflowError):
        raise ValueError(_("There is no such time.")) from None
    raise ValueError(_("The clocks change then. Add the offset, such as +01:00."))


def is_plain(moment: datetime) -> bool:
    """Return whether a time without a zone is one moment in the current one.

    Raises OverflowError and ValueError for the first and the last day there is.
    """
    first, second = meanings(moment)
    return first == second


def is_certain(text: str) -> bool:
    """Return whether a text is no time, or one that needs no offset to be a moment."""
    try:
        moment = parse_datetime(text)
        return moment is None or timezone.is_aware(moment) or is_plain(moment)
    except (ValueError, OverflowError):
        return True


def meanings(moment: datetime) -> tuple[datetime, datetime]:
    """Return the earlier and the later moment that a time without a zone may be in the current one, in UTC.

    Raises OverflowError and ValueError for the first and the last day there is.
    """
    zone = timezone.get_current_timezone()
    first, second = (moment.replace(tzinfo=zone, fold=fold).astimezone(zones.utc) for fold in (0, 1))
    return min(first, second), max(first, second)


def minute_text(moment: datetime) -> str:
    """Return the minute of an aware time as lists read it: by the current zone, with its offset where it needs one."""
    local = timezone.localtime(moment).replace(second=0, microsecond=0)
    return (
        local.isoformat(timespec="minutes") if not is_plain(local.replace(tzinfo=None)) else f"{local:%Y-%m-%dT%H:%M}"
    )


def local(moment: datetime) -> datetime:
    """Return an aware time in the reader's zone: of the first and the last day there is, in its own."""
    try:
        return timezone.localtime(moment)
    except (OverflowError, ValueError):
        return moment


def now() -> datetime:
    return aware(timezone.now())


def stored(moment: datetime) -> datetime:
    """Return the aware time as a database's column says it."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def milliseconds(moment: datetime | None) -> int | None:
    """Return how many milliseconds after the epoch an aware time is."""
    return None if moment is None else round(moment.timestamp() * 1000)


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
