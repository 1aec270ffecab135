"""A bounded walk through a value: what shows of it, and what is hidden in it.

Nothing here calls into a value it does not know: a hostile ``__str__`` or an unevaluated QuerySet sleeps on.
"""

import json
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from itertools import islice
from math import inf
from typing import Any, Final
from uuid import UUID

from billiard.exceptions import SoftTimeLimitExceeded
from django.db.models import Model

from ..conf import conf
from .budget import Budget
from .commands import places
from .keys import LONGEST_NAME, NAME, Rules
from .numbers import is_card
from .text import CUT, OVERSCAN, REDACTED, Found, cut, is_quiet, repeats, scrub, secret_at, spans_of

FAILED: Final = "[redaction failed]"
MAX_BYTES: Final = 2048
DEPTH: Final = 5
BREADTH: Final = 20

NODES: Final = 2000
HUGE: Final = 10**40
HARMLESS: Final = 10**12  # card numbers and all other patterns are longer than twelve characters
PLAIN: Final = 12
SHORT: Final = NAME  # what fits wherever a text may stand
#: What may be written before it is made to fit: of a longer text no more is counted, it can be cut.
ROOM: Final = MAX_BYTES + 512
LONG: Final = 128
QUOTES: Final = 2
#: Characters of each text, and of all, that are tried one after the other until a value fits.
TIGHTER: Final = ((1024, ROOM), (512, ROOM), (256, ROOM), (128, 2048), (64, 1800), (32, 1500), (32, 800), (16, 300))
#: Short texts of these characters hold nothing that a rule knows.
PLAIN_TEXT: Final = re.compile(r"[\w .,;/()'\"!?+*]*")
SEQUENCES: Final = (list, tuple, set, frozenset)
AS_TEXT: Final = (date, time, timedelta, Decimal, UUID)
CARRIED: Final = frozenset((date, datetime, time, Decimal, UUID))  # what kombu's JSON carries with its type

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode

#: The name of a value, or all that it may have where nobody can tell them apart.
Name = str | tuple[str, ...]

_current: tuple[Any, Any, Rules, Any] | None = None


def site() -> tuple[Rules, Any]:
    """Return the rules and the redactor of the site, made again when its settings are others."""
    global _current
    keys, path = conf.REDACT_KEYS, conf.REDACTOR
    if _current is None or _current[0] is not keys or _current[1] is not path:
        words = (keys,) if isinstance(keys, str) else tuple(keys)
        rules = Rules(tuple(word for word in words if word and isinstance(word, str)))
        _current = (keys, path, rules, conf.load("REDACTOR"))
    return _current[2:]


@dataclass(frozen=True, slots=True)
class Captured:
    """Text of at most 2 KiB. ``exact`` is False when it is not the whole value as JSON would carry it.

    ``typed`` says that nothing is missing but the types of dates, times, Decimals and UUIDs.
    """

    text: str
    exact: bool
    typed: bool = False


class Walk:
    """A bounded walk through a value that counts what it may still write and whether anything was lost."""

    __slots__ = (
        "breadth",
        "budget",
        "cap",
        "depth",
        "exact",
        "found",
        "hid",
        "is_cut",
        "redactor",
        "room",
        "rules",
        "secrets",
        "sensitive",
        "typed",
    )

    def __init__(self, rules: Rules | None, cap: int = MAX_BYTES, room: int = ROOM) -> None:
        self.rules = rules
        self.cap = cap
        self.room = room
        self.exact = True
        self.found = Found()
        self.is_cut = False
        self.hid = False  # whether anything was hidden, which others may repeat
        self.typed = False  # whether a value lost nothing but its type
        self.depth = DEPTH
        self.breadth = BREADTH
        self.redactor = None
        self.budget = Budget()
        self.secrets: Sequence[str] = ()
        self.sensitive: Collection[str] = ()

    @classmethod
    def in_mode(
        cls,
        mode: str,
        *,
        secrets: Sequence[str] = (),
        sensitive: Collection[str] = (),
        budget: Budget | None = None,
    ) -> "Walk":
        if mode == "full":
            return cls(None)
        rules, redactor = site()
        walk = cls(rules)
        walk.redactor = redactor
        walk.secrets = secrets
        walk.sensitive = sensitive
        walk.budget = budget or walk.budget
        return walk

    def lost(self, text: str) -> str:
        self.exact = False
        self.hid = self.hid or text is REDACTED
        self.room -= len(text)
        return text

    def arguments(self, args: Any, kwargs: Any, parameters: Sequence[Name]) -> dict[str, Any]:
        listed, named = issubclass(type(args), (list, tuple)), issubclass(type(kwargs), dict)
        return {
            "args": self.sequence(args, parameters, -1) if listed else self.argument(args),
            "kwargs": self.mapping(kwargs, -1) if named else self.argument(kwargs),
        }

    def argument(self, value: Any, name: Name = "", depth: int = 0) -> Any:
        """One argument: the rules, then the site's own redactor, whose answer is held to the rules too."""
        if type(name) is tuple:
            return self.doubtful(value, name, depth)
        try:
            if name in self.sensitive and value is not None:
                return self.lost(REDACTED)
            plain = self.plain(value, name, depth)
            if self.redactor is None:
                return plain
            before = encode(plain)  # the redactor may change it in place
            again = Walk(self.rules)
            again.secrets, again.budget, again.breadth = self.secrets, self.budget, BREADTH + 1
            shown = again.plain(self.redactor(name, plain))
            is_same = again.exact and encode(shown) == before
            self.exact, self.hid = self.exact and is_same, self.hid or not is_same
            return shown
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            return self.lost(FAILED)

    def without(self, secrets: Sequence[str], plain: Any) -> Any:
        """Return what this walk made, without secrets that it hid elsewhere; no text may have been cut."""
        budget = self.budget.again()
        if not repeats(_leaves(plain), secrets, budget):
            return plain
        again = Walk(None)
        again.secrets, again.budget = secrets, budget
        again.depth, again.breadth = DEPTH + 2, BREADTH + 1
        return again.plain(plain)

    def doubtful(self, value: Any, names: Sequence[str], depth: int) -> Any:
        """An argument that may have any of these names: it shows when it would under each of them."""
        if value is not None and self.rules is not None and any(map(self.is_hidden, names)):
            return self.lost(REDACTED)
        if self.redactor is None or self.rules is None:
            return self.argument(value, "", depth)
        shown = [encode(answer) for answer in (self.argument(value, name, depth) for name in names)]
        return self.argument(value, names[0], depth) if len(set(shown)) == 1 else self.lost(REDACTED)

    def is_hidden(self, name: str) -> bool:
        return name in self.sensitive or self.rules.hides(name)

    def plain(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """Return ``value`` in JSON types, without what its name or its content gives away."""
        self.room -= 2
        if value is None:
            return None
        if name and self.rules is not None and self.rules.hides(name):
            return self.lost(REDACTED)
        kind = type(value)
        if kind is bool:
            return value
        if issubclass(kind, str):
            return self.text(value)
        if issubclass(kind, int):
            return self.number(int.__int__(value))
        if issubclass(kind, float):
            return self.number(float.__float__(value))
        if issubclass(kind, (dict, *SEQUENCES)):
            if depth >= self.depth:
                return self.lost(CUT)
            if issubclass(kind, dict):
                return self.mapping(value, depth)
            return self.sequence(value, getattr(kind, "_fields", ()), depth)
        if kind in CARRIED:
            self.typed = True
        else:
            self.exact = False
        if issubclass(kind, Enum):
            return self.plain(value._value_, "", depth + 1)
        return self.text(_described(value, kind, self.rules))

    def is_full(self, depth: int) -> bool:
        """Return whether no more is looked at inside of an argument; each argument itself is."""
        return depth >= 0 and (self.room <= 0 or self.budget.is_spent)

    def mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        visit = self.argument if depth < 0 else self.plain
        shown: dict[str, Any] = {}
        for key, item in islice(dict.items(value), self.breadth):
            if self.is_full(depth):
                break
            name, label = self.key(key)
            shown[label] = visit(item, name, depth + 1)
        if missing := dict.__len__(value) - len(shown):
            shown[CUT] = self.lost(f"{missing} more")
        return shown

    def key(self, key: Any) -> tuple[str, str]:
        """Return the name that the rules judge and the one that shows."""
        kind = type(key)
        if issubclass(kind, str):
            return str.__getitem__(key, slice(LONGEST_NAME + 1)), self.text(key, NAME)
        self.exact = False
        if issubclass(kind, bytes):
            name = bytes.__getitem__(key, slice(LONGEST_NAME + 1)).decode("latin-1")
            return name, self.text(_described(key, kind))
        if issubclass(kind, (tuple, frozenset)):
            return "", self.text(f"[{kind.__name__} object]", NAME)
        name = str(self.plain(key))
        return name, name

    def sequence(self, value: Any, names: Sequence[Name], depth: int) -> list[Any]:
        visit = self.argument if depth < 0 else self.plain
        kind = next(base for base in SEQUENCES if issubclass(type(value), base))
        self.exact = self.exact and kind in (list, tuple)
        items = list(islice(kind.__iter__(value), self.breadth))
        is_looked_at = self.rules is not None and kind in (list, tuple) and not self.is_full(depth)
        hidden = places(items, self.rules) if is_looked_at else ()
        shown: list[Any] = []
        for position, item in enumerate(items):
            if self.is_full(depth):
                break
            if position in hidden and item is not None:
                shown.append(self.lost(REDACTED))
                continue
            shown.append(visit(item, names[position] if position < len(names) else "", depth + 1))
        if missing := kind.__len__(value) - len(shown):
            shown.append(self.lost(f"{CUT} {missing} more"))
        return shown

    def number(self, value: float) -> Any:
        self.room -= 4
        if not -inf < value < inf:
            return self.lost(str(value))
        if abs(value) >= HUGE and type(value) is int:
            return self.lost(f"[{value.bit_length()}-bit integer]")
        if self.secrets and str(value) in self.secrets:
            return self.lost(REDACTED)
        if self.rules is not None and HARMLESS <= abs(value) < 10**19 and is_card(str(abs(int(value)))):
            return self.lost(REDACTED)
        return value

    def text(self, value: str, cap: int = MAX_BYTES) -> str:
        if type(value) is str and len(value) <= PLAIN and not self.secrets and PLAIN_TEXT.fullmatch(value):
            self.room -= len(value) + QUOTES
            return value
        if type(value) is str and len(value) <= SHORT and self.is_quiet(value):
            self.room -= len(value) + QUOTES
            return value
        shown, exact = scrub(value, min(cap, self.cap), self.rules, self.secrets, budget=self.budget, found=self.found)
        self.exact = self.exact and exact
        self.hid = self.hid or bool(self.found.texts)
        self.is_cut = self.is_cut or shown.endswith(CUT)
        self.room -= min(len(shown), LONG) + QUOTES
        return shown

    def is_quiet(self, value: str) -> bool:
        """Return whether a short text can be told at once to hold nothing that is hidden."""
        if not value.isprintable() or not (value.isascii() or len(value) <= SHORT // 4):
            return False
        if self.rules is not None and not is_quiet(value, self.rules):
            return False
        if not self.secrets:
            return True
        return "\\" not in value and "%" not in value and not any(secret in value for secret in self.secrets)


def _described(value: Any, kind: type, rules: Rules | None = None) -> str:
    """What stands for a value that JSON does not know, without asking an unknown class anything."""
    if issubclass(kind, AS_TEXT):
        try:
            return str(value)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            return f"[unprintable {kind.__name__}]"
    if issubclass(kind, (bytes, bytearray)):
        return f"[{(bytes if issubclass(kind, bytes) else bytearray).__len__(value)} bytes]"
    if issubclass(kind, Model):
        # From __dict__: a deferred key would be a query.
        fields = [field.attname for field in kind._meta.pk_fields]
        keys = [Walk(rules).plain(value.__dict__.get(field), field) for field in fields]
        return f"{kind._meta.label} {','.join(map(str, keys))}"
    return f"[{kind.__name__} object]"


def fit(plain: Any, exact: bool) -> tuple[Any, Captured]:
    """Return the structure and its JSON, both made to fit: strings are cut before whole values are."""
    text = encode(plain)
    size = len(text) if text.isascii() else len(text.encode())
    if size <= MAX_BYTES:
        return plain, Captured(text, exact)
    lengths = list(map(len, _texts(plain)))
    for cap, room in TIGHTER:
        saved = sum(length - cap for length in lengths if length > cap)
        if room == ROOM and (not saved or size - saved > 2 * MAX_BYTES):
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
        self._room -= 2
        if kind is str:
            shown = cut(plain, self._cap)
            self._room -= min(len(shown), LONG) + QUOTES
            return shown
        if kind is list:
            return self._list(plain)
        if kind is dict:
            return self._dict(plain)
        self._room -= 4
        return plain

    def _list(self, items: list[Any]) -> list[Any]:
        shown = []
        for item in items:
            if self._room <= 0:
                break
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


def _texts(plain: Any) -> Iterator[str]:
    queue = [plain]
    for value in queue:
        kind = type(value)
        if kind is str:
            yield value
        elif kind is list:
            queue += value
        elif kind is dict:
            queue += value.values()


def _leaves(plain: Any) -> Iterator[str]:
    """Yield the texts, names and numbers of what a walk has made."""
    queue = [plain]
    for value in queue:
        kind = type(value)
        if kind is str:
            yield value
        elif kind is list:
            queue += value
        elif kind is dict:
            queue += value
            queue += value.values()
        else:
            yield str(value)


def hidden_texts(
    args: Any, kwargs: Any, parameters: Sequence[Name], sensitive: Collection[str], budget: Budget | None = None
) -> Iterator[str]:
    """Yield the texts inside what capturing these arguments hides, shallow ones first."""
    walk = Walk.in_mode("redacted", sensitive=sensitive, budget=budget)
    queue: deque[tuple[Name, Any, bool]] = deque()
    for name, value in (*_children(args, parameters), *_children(kwargs)):
        hidden = any(each in sensitive for each in (name if type(name) is tuple else (name,)))
        if walk.redactor is not None and type(value) in (str, int):
            hidden = hidden or walk.argument(value, name) != value
        queue.append((name, value, hidden))
    left, texts_too = NODES, not walk.budget.is_spent
    while queue:
        name, value, hidden = queue.popleft()
        kind = type(value)
        if not hidden and name:
            hidden = any(map(walk.rules.hides, name if type(name) is tuple else (name,)))
        if issubclass(kind, (dict, *SEQUENCES)):
            children = _children(value) if left > 0 else ()
            left -= len(children)
            passwords = places(_items(value), walk.rules) if children and issubclass(kind, (list, tuple)) else ()
            for position, (key, item) in enumerate(children):
                is_hidden = hidden or position in passwords
                if is_hidden or key or texts_too or type(item) is not str:
                    queue.append((key, item, is_hidden))
        elif issubclass(kind, str) and not hidden:
            if not walk.budget.is_spent:
                yield from _hidden_parts(str.__getitem__(value, slice(OVERSCAN)), walk)
        elif hidden and value is not None and kind is not bool:
            yield _raw(value, kind)


def _hidden_parts(text: str, walk: Walk) -> Iterator[str]:
    if walk.budget.read(len(text)):
        for start, end in spans_of(text, walk.rules, (), budget=walk.budget):
            yield secret_at(text, start, end)


def _items(value: list[Any] | tuple[Any, ...]) -> list[Any]:
    base = list if issubclass(type(value), list) else tuple
    return list(islice(base.__iter__(value), BREADTH))


def _children(value: Any, names: Sequence[Name] = ()) -> list[tuple[Name, Any]]:
    kind = type(value)
    if issubclass(kind, dict):
        walk = Walk(None)
        return [(walk.key(key)[0], item) for key, item in islice(dict.items(value), NAME)]
    base = next((base for base in SEQUENCES if issubclass(kind, base)), None)
    if base is None:
        return []
    names = names or getattr(kind, "_fields", ())
    if not names:
        return [("", item) for item in islice(base.__iter__(value), NAME)]
    items = enumerate(islice(base.__iter__(value), NAME))
    return [(names[position] if position < len(names) else "", item) for position, item in items]


def _raw(value: Any, kind: type) -> str:
    if issubclass(kind, str):
        return str.__getitem__(value, slice(None))
    if issubclass(kind, bytes):
        return bytes.decode(value, errors="backslashreplace")
    if issubclass(kind, Enum):
        return _raw(value._value_, type(value._value_))
    return str(value) if kind in (int, float) else _described(value, kind)
