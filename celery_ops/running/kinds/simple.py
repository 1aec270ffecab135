"""Text, numbers, yes or no, and UUIDs."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .base import Kind, given_text, of_type, typed_text
from .limits import DIGITS, check_number

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class StrKind(Kind):
    """Text, as it is: no space is taken away."""

    label: str = "str"
    is_blank_meant = True
    words = gettext_lazy("text")

    def parse(self, text: str) -> str:
        return given_text(text)

    def text(self, value: Any) -> str:
        return given_text(value)


@dataclass(frozen=True, slots=True)
class IntKind(Kind):
    """A whole number of at most 100 digits."""

    label: str = "int"
    input_mode = "numeric"
    words = gettext_lazy("a whole number")

    def parse(self, text: str) -> int:
        text = typed_text(text)
        if not _WHOLE.fullmatch(text):
            raise ValueError(_("Enter a whole number, such as 42."))
        if len(text.lstrip("+-").lstrip("0")) > DIGITS:
            raise ValueError(_("Enter a number of at most 100 digits."))
        return int(text)

    def read(self, value: Any) -> int:
        if type(value) is not int:
            raise ValueError(_("Give a whole number, such as 42, without quotes."))
        check_number(value)
        return value

    def plain(self, value: Any) -> int:
        return self.read(value)

    def text(self, value: Any) -> str:
        return str(self.read(value))


@dataclass(frozen=True, slots=True)
class FloatKind(Kind):
    """A finite number."""

    label: str = "float"
    input_mode = "decimal"
    words = gettext_lazy("a number")

    def parse(self, text: str) -> float:
        return self.read(float(_number(text)))

    def read(self, value: Any) -> float:
        if type(value) not in (int, float):
            raise ValueError(_("Give a number, such as 1.5, without quotes."))
        check_number(value)
        return float(value)

    def plain(self, value: Any) -> float:
        return self.read(value)

    def text(self, value: Any) -> str:
        return repr(self.read(value))


@dataclass(frozen=True, slots=True)
class DecimalKind(Kind):
    """An exact number: in JSON text keeps every digit, a number those that JSON's readers keep."""

    label: str = "Decimal"
    input_mode = "decimal"
    words = gettext_lazy("an exact number")

    def parse(self, text: str) -> Decimal:
        return _bounded(Decimal(_number(text)))

    def read(self, value: Any) -> Decimal:
        if isinstance(value, str):
            return self.parse(value)
        if type(value) not in (int, float):
            raise ValueError(_('Give a number or text such as "1.50".'))
        check_number(value)
        return _bounded(Decimal(repr(value)))

    def text(self, value: Any) -> str:
        return str(_bounded(of_type(value, Decimal)))


def _number(text: str) -> str:
    text = typed_text(text)
    if not _NUMBER.fullmatch(text):
        raise ValueError(_("Enter a number, such as 1.5."))
    if sum(map(str.isdigit, text)) > DIGITS:
        raise ValueError(_("Enter a number of at most 100 digits."))
    return text


def _bounded(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise ValueError(_("Enter a finite number: NaN and infinity cannot be sent."))
    if len(value.as_tuple().digits) > DIGITS or abs(value.adjusted()) > DIGITS:
        raise ValueError(_("Enter a number of at most 100 digits."))
    return value


@dataclass(frozen=True, slots=True)
class BoolKind(Kind):
    """Yes or no."""

    label: str = "bool"
    words = gettext_lazy("true or false")

    def parse(self, text: str) -> bool:
        word = typed_text(text).lower()
        if word not in _YES | _NO:
            raise ValueError(_("Enter true or false."))
        return word in _YES

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(_("Give true or false, without quotes."))
        return value

    def plain(self, value: Any) -> bool:
        return self.read(value)

    def text(self, value: Any) -> str:
        return "true" if self.read(value) else "false"

    def choices(self) -> list[tuple[str, str]]:
        return [("true", _("true")), ("false", _("false"))]


@dataclass(frozen=True, slots=True)
class UUIDKind(Kind):
    label: str = "UUID"
    words = gettext_lazy("a UUID")

    def parse(self, text: str) -> UUID:
        try:
            return UUID(typed_text(text))
        except ValueError:
            raise ValueError(_("Enter a UUID: 32 hexadecimal digits, with or without dashes.")) from None

    def text(self, value: Any) -> str:
        return str(of_type(value, UUID))
