"""What a redactor of the site's took out of a value: which texts are not in what it made of that any more."""

from collections.abc import Iterator
from typing import Any, Final

from .repeats import SHORTEST_SECRET

_GONE: Final = object()


def replaced(before: Any, shown: Any) -> Iterator[str]:
    """Yield the texts of a value of JSON types that are not at their place in another one, of one with a change in it
    only the part that differs."""
    pairs = [(before, shown)]
    for old, new in pairs:  # which grows meanwhile
        if type(old) is dict:
            others = new if type(new) is dict else {}
            pairs += ((item, others.get(name, _GONE)) for name, item in old.items())
        elif type(old) is list:
            items = new if type(new) is list and len(new) == len(old) else [_GONE] * len(old)
            pairs += zip(old, items, strict=True)
        elif old is not None and type(old) is not bool and old != new:
            yield _part(str(old), new) if type(old) is type(new) is str else str(old)


def _part(old: str, new: str) -> str:
    """Return what differs of a text, the whole of it where that is too short to be looked for."""
    shorter = min(len(old), len(new))
    begin = next((place for place in range(shorter) if old[place] != new[place]), shorter)
    same = (place for place in range(shorter - begin) if old[-1 - place] != new[-1 - place])
    part = old[begin : len(old) - next(same, shorter - begin)]
    return part if len(part) >= SHORTEST_SECRET else old
