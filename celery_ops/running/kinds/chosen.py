"""One of a few values: Enum and Literal."""

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db.models import Choices
from django.utils.translation import gettext as _

from .base import Kind, given_text, of_type

_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class EnumKind(Kind):
    """A member of ``enum``, by its name or by its value."""

    enum: type[Enum] = Enum

    @property
    def words(self) -> str:
        return _("one of these")

    def parse(self, text: str) -> Enum:
        text = given_text(text)
        for wanted in (text, text.strip()):
            found = self.enum.__members__.get(wanted)
            if found is None:
                found = next((each for each in self.enum if str(each.value) == wanted), None)
            if found is not None:
                return found
        raise ValueError(_one_of(list(self.enum.__members__)))

    def read(self, value: Any) -> Enum:
        for each in self.enum:
            if type(each.value) is type(value) and each.value == value:
                return each
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
        return [(each.name, str(each.label) if isinstance(each, Choices) else each.name) for each in self.enum]


@dataclass(frozen=True, slots=True)
class LiteralKind(Kind):
    """One of ``values``, told apart by type as well: 1 is not True."""

    values: tuple[Any, ...] = ()

    @property
    def words(self) -> str:
        return _("one of these")

    def parse(self, text: str) -> Any:
        text = given_text(text)
        texts = self._texts()
        for wanted in (text, text.strip()):
            if wanted in texts:
                return self.values[texts.index(wanted)]
        raise ValueError(_one_of(texts))

    def read(self, value: Any) -> Any:
        for each in self.values:
            plain = each.value if isinstance(each, Enum) else each
            if type(plain) is type(value) and plain == value:
                return each
        names = {each.name: each for each in self.values if isinstance(each, Enum)}
        if isinstance(value, str) and value in names:
            return names[value]
        raise ValueError(_one_of(self._texts()))

    def plain(self, value: Any) -> Any:
        found = self.values[self._place(value)]
        if isinstance(found, Enum):
            return found.value if type(found.value) in _SCALARS else found.name
        return found

    def text(self, value: Any) -> str:
        return self._texts()[self._place(value)]

    def choices(self) -> list[tuple[str, str]]:
        return [(text, text) for text in self._texts()]

    def _place(self, value: Any) -> int:
        for place, each in enumerate(self.values):
            if type(each) is type(value) and each == value:
                return place
        raise ValueError(_("This value cannot be shown here."))

    def _texts(self) -> list[str]:
        """Text stands for itself, unless it is empty or reads like another of the values."""
        others = {"", *(_name(each) for each in self.values if type(each) is not str)}
        return [
            json.dumps(each, ensure_ascii=False) if type(each) is str and each in others else _name(each)
            for each in self.values
        ]


def _name(value: Any) -> str:
    if isinstance(value, Enum):
        return value.name
    return value if isinstance(value, str) else json.dumps(value)


def _one_of(texts: list[str]) -> str:
    shown = ", ".join(texts[:10]) + (", …" if len(texts) > 10 else "")
    return _("Choose one of %(choices)s.") % {"choices": shown[:300]}
