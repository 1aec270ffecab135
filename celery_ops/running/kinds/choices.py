"""One of a few values: Enum and Literal."""

import json
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db.models import Choices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .base import Kind, given_text, of_type

_SCALARS = (str, int, float, bool, type(None))
#: Digits of the largest number that flags may come to.
MOST_DIGITS: Final = 30


@dataclass(frozen=True, slots=True)
class EnumKind(Kind):
    """A member of ``enum``, by its name or by its value."""

    enum: type[Enum] = Enum
    words = gettext_lazy("one of these")

    def parse(self, text: str) -> Enum:
        text = given_text(text)
        for wanted in (text, text.strip()):
            member = self.enum.__members__.get(wanted)
            if member is None:
                member = next((other for other in self.enum if str(other.value) == wanted), None)
            if member is not None:
                return member
        raise ValueError(_one_of(list(self.enum.__members__)))

    def read(self, value: Any) -> Enum:
        for member in self.enum:
            if type(member.value) is type(value) and member.value == value:
                return member
        if isinstance(value, str) and value in self.enum.__members__:
            return self.enum.__members__[value]
        raise ValueError(_one_of(list(self.enum.__members__)))

    def plain(self, value: Any) -> Any:
        member = of_type(value, self.enum)
        return member.value if type(member.value) in _SCALARS else self.text(member)

    def text(self, value: Any) -> str:
        name = of_type(value, self.enum).name
        if name not in self.enum.__members__:
            raise ValueError(_("This value cannot be shown here."))
        return name

    def choices(self) -> list[tuple[str, str]]:
        return [
            (member.name, str(member.label) if isinstance(member, Choices) else member.name) for member in self.enum
        ]


@dataclass(frozen=True, slots=True)
class FlagKind(EnumKind):
    """One or several flags together: ``READ|WRITE`` by their names, or the number that they come to."""

    words = gettext_lazy("one or several of these")
    joined_by = "|"

    def parse(self, text: str) -> Enum:
        text = given_text(text).strip()
        if text.isdecimal() and len(text) <= MOST_DIGITS:
            return self._numbered(int(text))
        return self._together([self._named(part.strip()) for part in text.split(self.joined_by)])

    def read(self, value: Any) -> Enum:
        if isinstance(value, list):
            return self._together([self.read(item) for item in value])
        if type(value) is int:
            return self._numbered(value)
        return self._together([self._named(part) for part in given_text(value).split(self.joined_by)])

    def plain(self, value: Any) -> Any:
        return of_type(value, self.enum).value

    def text(self, value: Any) -> str:
        whole = of_type(value, self.enum).value
        members = self.enum.__members__.items()
        if name := next((name for name, member in members if member.value == whole), None):
            return name
        names, rest = [], whole
        for name, member in members:
            if member.value & rest and member.value & whole == member.value:
                names.append(name)
                rest &= ~member.value
        if rest:
            raise ValueError(_("This value cannot be shown here."))
        return self.joined_by.join(names) or "0"

    def choices(self) -> list[tuple[str, str]]:
        return [(name, name) for name, member in self.enum.__members__.items() if name == member.name]

    def _named(self, text: str) -> Enum:
        if (member := self.enum.__members__.get(text)) is not None:
            return member
        raise ValueError(_one_of(list(self.enum.__members__)))

    def _numbered(self, number: int) -> Enum:
        bits = reduce(or_, (member.value for member in self.enum.__members__.values()))
        with suppress(ValueError):  # of some the parts are none themselves
            if number >= 0 and not number & ~bits:
                return self.enum(number)
        raise ValueError(_one_of(list(self.enum.__members__)))

    def _together(self, members: list[Enum]) -> Enum:
        return self._numbered(reduce(or_, (member.value for member in members), 0))


@dataclass(frozen=True, slots=True)
class LiteralKind(Kind):
    """One of ``values``, told apart by type as well: 1 is not True."""

    values: tuple[Any, ...] = ()
    words = gettext_lazy("one of these")

    def parse(self, text: str) -> Any:
        text = given_text(text)
        texts = self._texts()
        for wanted in (text, text.strip()):
            if wanted in texts:
                return self.values[texts.index(wanted)]
        raise ValueError(_one_of(texts))

    def read(self, value: Any) -> Any:
        for choice in self.values:
            plain = choice.value if isinstance(choice, Enum) else choice
            if type(plain) is type(value) and plain == value:
                return choice
        names = {choice.name: choice for choice in self.values if isinstance(choice, Enum)}
        if isinstance(value, str) and value in names:
            return names[value]
        raise ValueError(_one_of(self._texts()))

    def plain(self, value: Any) -> Any:
        choice = self.values[self._place(value)]
        if isinstance(choice, Enum):
            return choice.value if type(choice.value) in _SCALARS else choice.name
        return choice

    def text(self, value: Any) -> str:
        return self._texts()[self._place(value)]

    def choices(self) -> list[tuple[str, str]]:
        return [(text, text) for text in self._texts()]

    def _place(self, value: Any) -> int:
        for place, choice in enumerate(self.values):
            if type(choice) is type(value) and choice == value:
                return place
        raise ValueError(_("This value cannot be shown here."))

    def _texts(self) -> list[str]:
        """Text stands for itself, unless it is empty or reads like another of the values."""
        others = {"", *(_name(choice) for choice in self.values if type(choice) is not str)}
        return [
            json.dumps(choice, ensure_ascii=False) if type(choice) is str and choice in others else _name(choice)
            for choice in self.values
        ]


def _name(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    return value if isinstance(value, str) else json.dumps(value)


def _one_of(texts: list[str]) -> str:
    shown = ", ".join(texts[:10]) + (", …" if len(texts) > 10 else "")
    return _("Choose one of %(choices)s.") % {"choices": shown[:300]}
