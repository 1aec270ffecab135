"""JSON of at most 2 KiB: what is shown of a value is made smaller until it fits."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .text import CUT, cut

MAX_BYTES: Final = 2048
#: What may be written before it is made to fit: of a longer text no more is counted, it can be cut.
ROOM: Final = MAX_BYTES + 512
#: Characters of a text that count: it can be cut to these.
COUNTED: Final = 128
#: What is counted around a text, around what is in a list or a dict, after each value, and for a number.
QUOTES: Final = 2
BRACKETS: Final = 2
COMMA: Final = 2
NUMBER: Final = 4
BYTES: Final = 4  # of a character at most
#: Characters of each text, and of all, that are tried one after the other until a value fits.
TIGHTER: Final = (
    *((1024, ROOM), (512, ROOM), (256, ROOM)),
    *((128, MAX_BYTES), (128, 1920), (64, 1800), (32, 1500), (32, 800), (16, 300)),
)
#: Bytes beyond which a value does not fit with its texts cut, by the room that is tried.
ENOUGH: Final = {ROOM: 2 * MAX_BYTES, MAX_BYTES: MAX_BYTES}

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_tightly = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Captured:
    """Text of at most 2 KiB. ``exact`` is False when it is not the whole value as JSON would carry it.

    ``typed`` says that nothing is missing but the types of dates, times, Decimals and UUIDs.
    """

    text: str
    exact: bool
    typed: bool = False


def briefly(plain: Any) -> str:
    """Return ``{"args": [...], "kwargs": {...}}`` as ``[...],{...}``, and that without ``{}``; else what it is."""
    if type(plain) is not dict or plain.keys() != {"args", "kwargs"}:
        return _tightly(plain)
    return _tightly([value for name, value in plain.items() if name == "args" or value != {}])[1:-1]


def fit(plain: Any, exact: bool, encode: Callable[[Any], str] = encode) -> tuple[Any, Captured]:
    """Return the structure and its JSON, both made to fit: strings are cut before whole values are."""
    text = encode(plain)
    size = len(text) if text.isascii() else len(text.encode())
    if size <= MAX_BYTES:
        return plain, Captured(text, exact)
    lengths = list(map(len, texts_of(plain)))
    for cap, room in TIGHTER:
        saved = sum(length - cap for length in lengths if length > cap)
        if room >= MAX_BYTES and (not saved or size - saved > ENOUGH[room]):
            continue  # however its texts are counted, that is not enough
        smaller = _Cutter(cap, room).value(plain)
        text = encode(smaller)
        if len(text.encode()) <= MAX_BYTES:
            return smaller, Captured(text, False)
    return CUT, Captured(cut(text, MAX_BYTES), False)


class _Cutter:
    """Makes what a walk has returned smaller: ``cap`` bytes of each text, and about ``room`` of all."""

    def __init__(self, cap: int, room: int) -> None:
        self._cap, self._room = cap, room

    def value(self, plain: Any) -> Any:
        kind = type(plain)
        self._room -= COMMA
        if kind is str:
            shown = plain if len(plain) <= self._cap // BYTES else cut(plain, self._cap)
            self._room -= min(len(shown), COUNTED) + QUOTES
            return shown
        if kind is list or kind is dict:
            self._room -= BRACKETS
            return self._list(plain) if kind is list else self._dict(plain)
        self._room -= NUMBER
        return plain

    def _list(self, items: list[Any]) -> list[Any]:
        shown: list[Any] = []
        for item in items:
            if self._room <= 0:
                break
            if type(item) is int:
                self._room -= COMMA + NUMBER
                shown.append(item)
            else:
                shown.append(self.value(item))
        if missing := len(items) - len(shown):
            shown.append(f"{CUT} {missing} more")
        return shown

    def _dict(self, items: dict[str, Any]) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for name, item in items.items():
            if self._room <= 0:
                break
            shown[self.value(name)] = self.value(item)
        if missing := len(items) - len(shown):
            shown[CUT] = f"{missing} more"
        return shown


def texts_of(plain: Any) -> list[str]:
    """Return the texts and names in what a walk has made."""
    texts: list[str] = []
    queue = [plain]
    for value in queue:  # which grows meanwhile
        kind = type(value)
        if kind is str:
            texts.append(value)
        elif kind is list:
            queue += value
        elif kind is dict:
            texts += value
            queue += value.values()
    return texts
