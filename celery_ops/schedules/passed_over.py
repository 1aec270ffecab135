"""What django-celery-beat does not look at: a crontab whose hour is one number, but for some hours of the day.

By that beat makes up for what was missed in those hours alone.
"""

from datetime import datetime, timezone
from typing import Any, Final

from celery.schedules import crontab
from django.conf import settings
from django.utils.timezone import get_default_timezone

#: Hours on either side of now whose crontabs are read; by how many an entry's hour may be taken wrongly, for it is
#: worked out by the winter's zones and without half hours; and the hour whose crontabs are always read.
AROUND: Final = 2
UNSURE: Final = 2
ALWAYS: Final = 4


def is_passed_over(schedule: Any, due: datetime, now: datetime) -> bool:
    """Whether it is certain that an entry that was due then is not looked at now, though beat runs."""
    if not isinstance(schedule, crontab) or not str(schedule._orig_hour).isdecimal():
        return False
    zone = timezone.utc if settings.USE_TZ else get_default_timezone()
    hour = due.astimezone(zone).hour
    return _apart(hour, now.astimezone(zone).hour) > AROUND + UNSURE and _apart(hour, ALWAYS) > UNSURE


def _apart(one: int, other: int) -> int:
    return min((one - other) % 24, (other - one) % 24)
