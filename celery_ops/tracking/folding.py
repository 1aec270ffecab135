"""Facts that one event knows together are one field where that is short: most of what a fact takes is its field's name.

A publish is told with its arguments, and a start with how it ended well. Others who repeat the publish or the start
without these set the field only where it is absent, so whatever the order, the field says the most that anybody knew.
A long fact, and what snapshots before this wrote, is a field of its own.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from .. import states
from .facts import ARGUMENTS, ENDED, PUBLISHED, RESULT, STARTED
from .store import SHORT, IfAbsent

PUBLISH: Final = "P"  # PUBLISHED; with it ARGUMENTS of what was published first
COURSE: Final = "E"  # STARTED; with it the time of a success, and its RESULT
SUCCESS: Final = ENDED[states.SUCCESS]


class _Parts(NamedTuple):
    """The facts in a field: the first, of so many words, and those that may follow."""

    words: int
    first: str
    others: tuple[str, ...]


_PARTS: Final = {
    PUBLISH: _Parts(2, PUBLISHED, (ARGUMENTS,)),
    COURSE: _Parts(3, STARTED, (SUCCESS, RESULT)),
}


def fold(known: Mapping[str, str], of_life: Callable[[str], str], of_execution: Callable[[str], str]) -> dict[str, str]:
    """Return what is ``known``, with one field of what belongs together. Two functions name the field of a kind."""
    fields = dict(known)
    _fold(fields, PUBLISH, of_life)
    _fold(fields, COURSE, of_execution)
    return fields


def _fold(fields: dict[str, str], kind: str, field: Callable[[str], str]) -> None:
    words, first, others = _PARTS[kind]
    text = fields.get(field(first), "")
    if text.count(" ") != words - 1 or not _is_short(text):  # the name of a task or a worker may have a space, too
        return
    del fields[field(first)]
    whole: str = IfAbsent(text)
    for other in others:
        more = fields.get(field(other))
        if more is None or not _is_short(longer := f"{whole} {more}"):
            break
        del fields[field(other)]
        whole = longer
    fields[field(kind)] = whole


def unfold(kind: str, value: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the facts in a field of ``PUBLISH`` or ``COURSE``."""
    words, first, others = _PARTS[kind]
    parts = (value or "").split(" ", words + len(others) - 1)
    yield first, " ".join(parts[:words])
    yield from zip(others, parts[words:], strict=False)


def is_folded(kind: str) -> bool:
    return kind in _PARTS


def _is_short(text: str) -> bool:
    return len(text.encode("utf-8", "replace")) <= SHORT
