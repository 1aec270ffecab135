"""The fields of the task filters: each reads one parameter of a URL, whatever somebody wrote there."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timezone
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext_lazy as _

from .. import states
from ..conf import conf
from ..timezones import entered, is_certain, meanings

#: Characters of a text that is searched for.
LONGEST_TEXT: Final = 300
LONGEST_MOMENT: Final = 40
LONGEST_STATE: Final = 50
#: The years between which every database and every time zone can say a moment.
YEARS: Final = range(1900, 9999)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LOCAL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")
_LOST_PLUS = re.compile(r"(:\d{2}(?:\.\d+)?) (?=\d{2}:?\d{2}$)")


class TextField(forms.CharField):
    """A short text."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_length": LONGEST_TEXT, **kwargs})


class StatesField(forms.Field):
    """Any number of states: Celery's and ours in any case, and those for which ``others`` is asked."""

    widget = forms.MultipleHiddenInput

    def __init__(self, *, others: Callable[[], Iterable[str]] = tuple, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.others = others

    def to_python(self, value: Any) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(text.upper() if text.upper() in states.ALL else text for text in value or () if text)
        )

    def validate(self, value: tuple[str, ...]) -> None:
        unknown = [text for text in value if text not in states.ALL]
        if unknown and not set(unknown) <= set(self.others()):
            raise ValidationError(_("There is no state “%(state)s”."), params={"state": unknown[0][:LONGEST_STATE]})


class MomentInput(forms.TextInput):
    """The browser's own picker where it can hold the value, and a line of text where it cannot."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["type"] = _input_type(str(value or ""))
        if context["widget"]["type"] == "datetime-local":
            context["widget"]["attrs"]["step"] = 1
        return context


def _input_type(text: str) -> str:
    if not text or _DATE.fullmatch(text):
        return "date"
    return "datetime-local" if _LOCAL.fullmatch(text) and is_certain(text) else "text"


class MomentField(forms.Field):
    """An ISO date or time; one without an offset is in the current time zone. ``ends_day``: a date means its end."""

    widget = MomentInput
    default_error_messages = {"invalid": _("Enter a date such as 2026-01-31, or a time such as 2026-01-31T14:30.")}

    def __init__(self, *, ends_day: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ends_day = ends_day

    def to_python(self, value: Any) -> datetime | None:
        text = _LOST_PLUS.sub(r"\1+", str(value or "").strip())  # a plus in a URL is read as a space
        if not text:
            return None
        try:
            moment = self._moment(text) if len(text) <= LONGEST_MOMENT else None
        except (ValueError, OverflowError):
            moment = None
        if moment is None or moment.year not in YEARS:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return moment

    def _moment(self, text: str) -> datetime | None:
        """Raises ValueError and OverflowError, and ValidationError for a time that comes twice, or not at all."""
        if _DATE.fullmatch(text):
            day = parse_date(text)
            return self._side_of(day) if day else None
        moment = parse_datetime(text)
        if moment is None or moment.year not in YEARS:
            return None
        try:
            return entered(moment).astimezone(timezone.utc)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from None

    def _side_of(self, day: date) -> datetime:
        """Return where a day begins or ends; where clocks change at midnight all of it is meant."""
        if self.ends_day:
            return meanings(datetime.combine(day, time.max))[1]
        return meanings(datetime.combine(day, time.min))[0]


class SizeField(forms.Field):
    """A number of rows, from 1 to ``MAX_PAGE_SIZE`` whatever was asked for."""

    widget = forms.HiddenInput
    default_error_messages = {"invalid": _("Enter a whole number.")}

    def to_python(self, value: Any) -> int | None:
        text = str(value or "").strip()
        if not text:
            return None
        if not re.fullmatch(r"[+-]?[0-9]+", text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        most = max(1, conf.MAX_PAGE_SIZE)
        if len(text) > 9:
            return 1 if text.startswith("-") else most
        return max(1, min(int(text), most))
