"""What is any JSON."""

import json
from dataclasses import dataclass
from typing import Any

from .base import Kind, typed_text
from .limits import check, load


@dataclass(frozen=True, slots=True)
class JsonKind(Kind):
    """Any JSON value: for annotations that say no more, and for none."""

    rows = 2

    def parse(self, text: str) -> Any:
        return load(typed_text(text))

    def read(self, value: Any) -> Any:
        check(value)
        return value

    def plain(self, value: Any) -> Any:
        return self.read(value)

    def text(self, value: Any) -> str:
        return shown(self.plain(value))


def shown(plain: Any) -> str:
    """Return a JSON value as a person edits it."""
    return json.dumps(plain, ensure_ascii=False, indent=2 if isinstance(plain, dict) and plain else None)
