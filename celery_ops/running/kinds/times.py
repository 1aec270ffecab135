"""Dates, times and durations: ISO 8601, as Django reads it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime, parse_duration, parse_time
from django.utils.duration import duration_iso_string, duration_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...timezones import entered
from .base import Kind, given_text, of_type, typed_text
from .limits import check_number

T = TypeVar("T")
_SECONDS = re.compile(r"[+-]?[0-9]+(\.[0-9]{0,6})?")
_DIGIT = re.compile(r"[0-9]")
_OFFSET = re.compile(r"([zZ]|[+-][0-9:]+)$")


@dataclass(frozen=True, slots=True)
class DateKind(Kind):
    label: str = "date"
    input_type = "date"
    words = gettext_lazy("a date")

    def parse(self, text: str) -> date:
        return _parsed(parse_date, text, _("Enter a date such as 2026-01-31."))

    def text(self, value: Any) -> str:
        of_type(value, date)
        if isinstance(value, datetime):
            raise ValueError(_("This value cannot be shown here."))
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class DatetimeKind(Kind):
    """A moment: aware, or naive when the site uses no time zones. Without an offset it is in the current zone."""

    label: str = "datetime"
    input_type = "datetime-local"
    words = gettext_lazy("a date and time")

    def parse(self, text: str) -> datetime:
        return _moment(_parsed(parse_datetime, text, _("Enter a date and time such as 2026-01-31T14:30.")))

    def plain(self, value: Any) -> str:
        return of_type(value, datetime).isoformat()

    def text(self, value: Any) -> str:
        """In the current zone, without its offset unless the time is one of two there."""
        moment = _moment(of_type(value, datetime))
        if timezone.is_naive(moment):
            return moment.isoformat()
        try:
            local = timezone.make_naive(moment)
            return local.isoformat() if _moment(local) == moment else moment.isoformat()
        except (ValueError, OverflowError):
            return moment.isoformat()


@dataclass(frozen=True, slots=True)
class TimeKind(Kind):
    """A time of any day, in no zone."""

    label: str = "time"
    input_type = "time"
    words = gettext_lazy("a time of day")

    def parse(self, text: str) -> time:
        if isinstance(text, str) and _OFFSET.search(text.strip()):
            raise ValueError(_("Enter a time without an offset, such as 14:30."))
        return _parsed(parse_time, text, _("Enter a time such as 14:30."))

    def text(self, value: Any) -> str:
        if of_type(value, time).tzinfo is not None:
            raise ValueError(_("This value cannot be shown here."))
        return value.isoformat()


@dataclass(frozen=True, slots=True)
class TimedeltaKind(Kind):
    """A length of time: seconds, or as ISO 8601 or Django say it."""

    label: str = "timedelta"
    words = gettext_lazy("seconds, or a duration such as 1 02:30:00")

    def parse(self, text: str) -> timedelta:
        return _parsed(_duration, text, _("Enter seconds, or a duration such as 1 02:30:00 or P1DT2H30M."))

    def read(self, value: Any) -> timedelta:
        if type(value) not in (int, float):
            return self.parse(given_text(value))
        check_number(value)
        try:
            return timedelta(seconds=value)
        except OverflowError:
            raise ValueError(_("This duration is too long.")) from None

    def plain(self, value: Any) -> str:
        return duration_iso_string(of_type(value, timedelta))

    def text(self, value: Any) -> str:
        return duration_string(of_type(value, timedelta))


def _parsed(parse: Callable[[str], T | None], text: str, remedy: str) -> T:
    text = typed_text(text)
    try:
        value = parse(text) if 0 < len(text) <= 60 else None
    except (ValueError, OverflowError):
        value = None
    if value is None:
        raise ValueError(remedy)
    return value


def _duration(text: str) -> timedelta | None:
    if _SECONDS.fullmatch(text):
        whole, _point, rest = text.lstrip("+-").partition(".")
        length = timedelta(seconds=int(whole), microseconds=int(rest.ljust(6, "0")))
        return -length if text.startswith("-") else length
    return parse_duration(text) if _DIGIT.search(text) else None  # Django reads "P" as no time at all


def _moment(value: datetime) -> datetime:
    try:
        if not settings.USE_TZ:
            return timezone.make_naive(value) if timezone.is_aware(value) else value
    except (ValueError, OverflowError):
        raise ValueError(_("There is no such time.")) from None
    return entered(value)
