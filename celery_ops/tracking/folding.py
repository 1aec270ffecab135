"""Facts that one event knows together are one field where that is short: most of what a fact takes is its field's name.

A publish is told with its arguments, and a start with how it ended well. Others who repeat the publish or the start
without these set the field only where it is absent, so whatever the order, the field says the most that anybody knew.
A long fact, and what snapshots before this wrote, is a field of its own.
"""

from collections.abc import Iterator, Mapping
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


def fold(known: Mapping[str, str], short: str, life: str, attempt: str) -> dict[str, str]:
    """Return the fields of what is ``known`` of a task, with one of what belongs together.

    Behind the ``short`` id and the kind, ``life`` and ``attempt`` end the names of what belongs to either.
    """
    fields = dict(known)
    _fold(fields, PUBLISH, short, life)
    _fold(fields, COURSE, short, attempt)
    return fields


def folded_publish(short: str, life: str, publish: str, arguments: str) -> dict[str, str] | None:
    """Return the field that ``fold`` makes of a publish and its arguments, where that is all of it; else None.

    Every publish pays for this, and most are that short.
    """
    text = f"{publish} {arguments}"
    if publish.count(" ") != 1 or not text.isascii() or len(text) > SHORT:
        return None
    return {f"{short}{PUBLISH}{life}": text}


def _fold(fields: dict[str, str], kind: str, short: str, end: str) -> None:
    words, first, others = _PARTS[kind]
    name = f"{short}{first}{end}"
    text = fields.get(name)
    # The name of a task or a worker may have a space, too.
    if text is None or text.count(" ") != words - 1 or not _is_short(text):
        return
    del fields[name]
    whole: str = IfAbsent(text)
    for other in others:
        name = f"{short}{other}{end}"
        more = fields.get(name)
        if more is None or not _is_short(longer := f"{whole} {more}"):
            break
        del fields[name]
        whole = longer
    fields[f"{short}{kind}{end}"] = whole


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
