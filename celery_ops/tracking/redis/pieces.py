"""Where the values of a Redis hash lie that are longer than its compact encoding takes.

A value of a line or two is cut into pieces, each in a field of its own: a second hash costs more than these. The first
begins with a mark and with how many there are, so that what a longer value has left behind is not taken for a part of
it. A value that is longer still lies elsewhere, and the mark alone stands for it. Bytes that no UTF-8 has end the names
of the pieces' fields.
"""

from collections.abc import Iterator, Mapping
from math import ceil
from typing import Final

from ..store import SHORT

MARK: Final = b"~"
TAILS: Final = (b"\xfe", b"\xff")
#: Bytes of a value that is kept in pieces; one piece more would cost what the second hash does.
LONGEST_IN_PIECES: Final = (1 + len(TAILS)) * SHORT - len(MARK) - 1


def is_whole(value: bytes) -> bool:
    """Return whether a value lies in one field, as it is."""
    return len(value) <= SHORT and not value.startswith(MARK)


def cut(field: bytes, value: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the fields that keep a value, or what stands for one that lies elsewhere."""
    if is_whole(value):
        yield field, value
    elif len(value) > LONGEST_IN_PIECES:
        yield field, MARK
    else:
        count = ceil((len(MARK) + 1 + len(value)) / SHORT)
        whole = b"%b%d%b" % (MARK, count, value)
        for number, name in zip(range(count), names_of(field), strict=False):
            yield name, whole[number * SHORT : (number + 1) * SHORT]


def joined(fields: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the values of a hash by field, None for each that lies elsewhere."""
    for field, value in fields.items():
        if field.endswith(TAILS):
            continue
        if not value.startswith(MARK):
            yield field, value
        elif value == MARK:
            yield field, None
        else:
            tails = TAILS[: value[1] - ord("1")]
            yield field, value[2:] + b"".join(fields.get(field + tail, b"") for tail in tails)


def names_of(field: bytes) -> Iterator[bytes]:
    """Yield the fields that may keep pieces of a value."""
    yield from (field + end for end in (b"", *TAILS))
