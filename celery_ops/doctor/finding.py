"""What one check found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..formatting import clean

OK: Final = "ok"
WARNING: Final = "warning"
ERROR: Final = "error"

#: Names that one message lists; of more it says how many.
MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """``name`` is the check's, ``hint`` the remedy in one line: empty when all is well."""

    name: str
    level: str
    message: str
    hint: str = ""


def ok(name: str, message: str) -> Finding:
    return Finding(name, OK, message)


def warning(name: str, message: str, hint: str) -> Finding:
    return Finding(name, WARNING, message, hint)


def error(name: str, message: str, hint: str) -> Finding:
    return Finding(name, ERROR, message, hint)


def listed(names: Iterable[str]) -> str:
    """Return the first few names, sorted, and how many more there are."""
    ordered = sorted(names)
    shown = [clean(name, 200) for name in ordered[:MOST_NAMED]]
    if more := len(ordered) - len(shown):
        shown.append(f"… (+{more})")
    return ", ".join(shown)
