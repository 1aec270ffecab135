"""What a server replies to the store's questions, as values: an error is none where a key is not ours."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from redis.exceptions import ResponseError

from ...exceptions import StoreUnavailable
from ..store import Note
from . import pieces
from .protocol import first_error, is_foreign


def note_of(value: Any, left: Any) -> Note | None:
    """Return a note; None for what is none of ours, or would stay for ever. ``left`` is in milliseconds."""
    return Note(value, left / 1000) if isinstance(value, bytes) and isinstance(left, int) and left >= 0 else None


def paired(names: Sequence[bytes], reply: Any) -> Any:
    """Return what was asked by name as a whole hash comes: each field that there is before its value."""
    if isinstance(reply, ResponseError):
        return reply
    there = (pair for pair in zip(names, reply, strict=True) if pair[1] is not None)
    return list(chain.from_iterable(there))


def scanned(replies: Sequence[Any]) -> Any:
    """Return what several scans of a hash have found as a whole one comes: each field before its value."""
    return first_error(replies) or list(chain.from_iterable(fields for _cursor, fields in replies))


def size_of(reply: Any) -> int:
    """Return how many fields there are. Raises StoreUnavailable."""
    return 0 if is_foreign(reply) else int(checked(reply))


def fields_of(reply: Any) -> dict[str, str | None]:
    """Return a hash by field, None for each long value. Raises StoreUnavailable."""
    if is_foreign(reply):
        return {}
    pairs: Iterable[bytes] = iter(checked(reply))
    values = pieces.joined(dict(zip(pairs, pairs, strict=True)))
    return {text_of(name): None if value is None else text_of(value) for name, value in values}


def checked(reply: Any) -> Any:
    """Return the reply. Raises StoreUnavailable where it is an error."""
    if isinstance(reply, ResponseError):
        raise StoreUnavailable(str(reply)) from reply
    return reply


def text_of(raw: bytes) -> str:
    """Return a text that was kept; what is no UTF-8 in it, replaced."""
    return raw.decode("utf-8", "replace")
