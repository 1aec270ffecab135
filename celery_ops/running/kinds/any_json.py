"""What is any JSON."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy

from .base import Kind, typed_text
from .limits import check, load

#: Text that begins like no JSON but its three words.
_WORDS = re.compile(r"[^\W\d_]")
#: What may be meant as a value: better a question than text which is true.
_VALUES: Final = frozenset({"true", "false", "null", "none", "nan", "infinity", "inf", "yes", "no", "on", "off"})


@dataclass(frozen=True, slots=True)
class WrittenKind(Kind):
    """A value that a person reads and writes as JSON."""

    def parse(self, text: str) -> Any:
        return self.read(load(typed_text(text)))

    def text(self, value: Any) -> str:
        return shown(self.plain(value))


@dataclass(frozen=True, slots=True)
class JsonKind(WrittenKind):
    """Any JSON value: for annotations that say no more, and for none. Words may be typed without quotes."""

    rows = 2
    words = gettext_lazy("text or JSON")

    def parse(self, text: str) -> Any:
        text = typed_text(text)
        if _WORDS.match(text) and text.lower() not in _VALUES:
            return text
        return load(text)

    def read(self, value: Any) -> Any:
        check(value)
        return value

    def plain(self, value: Any) -> Any:
        return self.read(value)


def shown(plain: Any) -> str:
    """Return a JSON value as a person edits it."""
    return json.dumps(plain, ensure_ascii=False, indent=2 if isinstance(plain, dict) and plain else None)
