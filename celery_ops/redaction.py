"""What never shows and is never stored: arguments, results and messages become short, clean, redacted text.

Nothing here calls into a value it does not know: a hostile ``__str__`` or an unevaluated QuerySet sleeps on.
"""

import json
import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from itertools import islice
from math import inf
from typing import Any, Final
from uuid import UUID

from billiard.exceptions import SoftTimeLimitExceeded
from django.db.models import Model

from .conf import conf
from .patterns import CUT, LONGEST_NAME, NAME, OVERSCAN, REDACTED, Rules, cut, is_card, scrub, spans_of

FAILED: Final = "[redaction failed]"
MAX_BYTES: Final = 2048
DEPTH: Final = 5
BREADTH: Final = 20

SECRETS: Final = 64
NODES: Final = 2000
HUGE: Final = 10**40
HARMLESS: Final = 10**12  # card numbers and all other patterns are longer than twelve characters
PLAIN: Final = 12
TIGHTER: Final = ((1024, 8192), (512, 4096), (256, 4096), (128, 2048), (32, 1500), (32, 800), (16, 300))
UUID_TEXT: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WORD: Final = re.compile(r"[^\W\d][\w.-]*")
UNPLAIN: Final = re.compile(r"\\|\de\+")  # an escape may be part of a secret, and 4.1e+15 be a card
SEQUENCES: Final = (list, tuple, set, frozenset)
AS_TEXT: Final = (date, time, timedelta, Decimal, UUID)
CARRIED: Final = frozenset((date, datetime, time, Decimal, UUID))  # what kombu's JSON carries with its type

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Captured:
    """Text of at most 2 KiB. ``exact`` is False when it is not the whole value as JSON would carry it.

    ``typed`` says that nothing is missing but the types of dates, times, Decimals and UUIDs.
    """

    text: str
    exact: bool
    typed: bool = False


def _or_else(fallback: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except SoftTimeLimitExceeded:
                raise
            except Exception:
                return fallback

        return wrapper

    return decorate


@_or_else(Captured(FAILED, False))
def capture_arguments(
    args: Any,
    kwargs: Any,
    *,
    parameters: Sequence[str] = (),
    sensitive: Collection[str] = (),
    mode: str = "redacted",
) -> Captured:
    """Return a task's arguments as the JSON text ``{"args": [...], "kwargs": {...}}``. Never raises.

    ``parameters`` names the positional arguments in order, ``sensitive`` those that never show. ``mode`` is
    ``none``, ``redacted`` or ``full``; the bounds hold in each.
    """
    if mode == "none":
        return Captured("", False)
    args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
    if text := _tiny(args, kwargs, parameters, sensitive):
        return Captured(text, True)
    walk = _Walk.in_mode(mode, sensitive=sensitive)
    captured = _fit(walk.arguments(args, kwargs, parameters), walk.exact)[1]
    return Captured(captured.text, False, typed=captured.exact) if walk.typed else captured


@_or_else(Captured(FAILED, False))
def capture_value(value: Any, *, name: str = "", mode: str = "redacted", secrets: Sequence[str] = ()) -> Captured:
    """Return a result as JSON text, without the given ``secrets`` (see ``secrets_of``). Never raises."""
    if mode == "none":
        return Captured("", False)
    walk = _Walk.in_mode(mode, secrets=secrets)
    captured = _fit(walk.argument(value, name), walk.exact)[1]
    return Captured(captured.text, False, typed=captured.exact) if walk.typed else captured


@_or_else(Captured(FAILED, False))
def capture_text(text: str | None, *, secrets: Sequence[str] = (), tail: bool = False) -> Captured:
    """Return an error message, or with ``tail`` the last part of a traceback, redacted. Never raises."""
    if not issubclass(type(text), str):
        return Captured("", text is None)
    return Captured(*scrub(text, MAX_BYTES, _site()[0], secrets, tail))


@_or_else(FAILED)
def redact(value: Any, name: str = "") -> Any:
    """Return ``value`` in JSON types, redacted and within 2 KiB, for showing. Never raises."""
    walk = _Walk.in_mode("redacted")
    return _fit(walk.argument(value, name), walk.exact)[0]


@_or_else(())
def secrets_of(
    args: Any, kwargs: Any, *, parameters: Sequence[str] = (), sensitive: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the texts of 4 characters or more, at most 64, that redaction hides in arguments. Never raises.

    Give them to ``capture_value`` and ``capture_text``: results and messages like to repeat them.
    """
    found = (text for text in _hidden(args, kwargs, parameters, sensitive) if len(text) >= 4)
    return tuple(dict.fromkeys(islice(found, SECRETS)))


def plain_text() -> Callable[[str], bool]:
    """Return what says whether nothing in a short text of arguments can be hidden, whichever words in it are names.

    What cannot be told at once is not plain. The rules are those of now.
    """
    rules, redactor = _site()

    @_or_else(False)
    def is_plain(text: str) -> bool:
        if redactor is not None or len(text) > LONGEST_NAME or UNPLAIN.search(text):
            return False
        if rules.hides(text) or any(map(rules.hides, WORD.findall(text))):
            return False
        return scrub(text, MAX_BYTES, rules) == (text, True)

    return is_plain


_current: tuple[Any, Any, Rules, Any] | None = None


def _site() -> tuple[Rules, Any]:
    """The rules and the redactor of the site, made again when its settings are others."""
    global _current
    keys, path = conf.REDACT_KEYS, conf.REDACTOR
    if _current is None or _current[0] is not keys or _current[1] is not path:
        words = (keys,) if isinstance(keys, str) else tuple(keys)
        rules = Rules(tuple(word for word in words if word and isinstance(word, str)))
        _current = (keys, path, rules, conf.load("REDACTOR"))
    return _current[2:]


def _tiny(args: Any, kwargs: Any, parameters: Sequence[str], sensitive: Collection[str]) -> str | None:
    """A few numbers, words and UUIDs, which every tracked publish pays for, at a third of the price; else None."""
    rules, redactor = _site()
    if redactor is not None or type(args) not in (tuple, list) or type(kwargs) is not dict:
        return None
    if len(args) > BREADTH or len(kwargs) > BREADTH:
        return None
    listed, named = [], []
    for position, value in enumerate(args):
        name = parameters[position] if position < len(parameters) else ""
        if (text := _plainly(value)) is None or (name and (name in sensitive or rules.hides(name))):
            return None
        listed.append(text)
    for name, value in kwargs.items():
        if type(name) is not str or len(name) > NAME or not (name.islower() and name.isidentifier()):
            return None
        if (text := _plainly(value)) is None or name in sensitive or rules.hides(name):
            return None
        named.append(f'"{name}": {text}')
    text = f'{{"args": [{", ".join(listed)}], "kwargs": {{{", ".join(named)}}}}}'
    return text if len(text) <= MAX_BYTES // 4 else None


def _plainly(value: Any) -> str | None:
    """The JSON of a value that cannot hold a secret by itself, else None."""
    kind = type(value)
    if kind is int and -HARMLESS < value < HARMLESS:
        return str(value)
    if kind is str and ((len(value) <= PLAIN and value.isalnum()) or (len(value) == 36 and UUID_TEXT.fullmatch(value))):
        return f'"{value}"'
    return None


class _Walk:
    """A bounded walk through a value that counts what it may still write and whether anything was lost."""

    __slots__ = ("breadth", "cap", "depth", "exact", "redactor", "room", "rules", "secrets", "sensitive", "typed")

    def __init__(self, rules: Rules | None, cap: int = MAX_BYTES, room: int = 4 * MAX_BYTES) -> None:
        self.rules = rules
        self.cap = cap
        self.room = room
        self.exact = True
        self.typed = False  # whether a value lost nothing but its type
        self.depth = DEPTH
        self.breadth = BREADTH
        self.redactor = None
        self.secrets: Sequence[str] = ()
        self.sensitive: Collection[str] = ()

    @classmethod
    def in_mode(cls, mode: str, *, secrets: Sequence[str] = (), sensitive: Collection[str] = ()) -> "_Walk":
        if mode == "full":
            return cls(None)
        rules, redactor = _site()
        walk = cls(rules)
        walk.redactor = redactor
        walk.secrets = secrets
        walk.sensitive = sensitive
        return walk

    def lost(self, text: str) -> str:
        self.exact = False
        self.room -= len(text)
        return text

    def arguments(self, args: Any, kwargs: Any, parameters: Sequence[str]) -> dict[str, Any]:
        listed, named = issubclass(type(args), (list, tuple)), issubclass(type(kwargs), dict)
        return {
            "args": self.sequence(args, parameters, -1) if listed else self.argument(args),
            "kwargs": self.mapping(kwargs, -1) if named else self.argument(kwargs),
        }

    def argument(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """One argument: the rules, then the site's own redactor, whose answer is held to the rules too."""
        try:
            if name in self.sensitive and value is not None:
                return self.lost(REDACTED)
            plain = self.plain(value, name, depth)
            if self.redactor is None:
                return plain
            before = encode(plain)  # the redactor may change it in place
            again = _Walk(self.rules)
            again.secrets, again.breadth = self.secrets, BREADTH + 1
            shown = again.plain(self.redactor(name, plain))
            self.exact = self.exact and again.exact and encode(shown) == before
            return shown
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            return self.lost(FAILED)

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

    def mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        visit = self.argument if depth < 0 else self.plain
        shown: dict[str, Any] = {}
        for key, item in islice(dict.items(value), self.breadth):
            if self.room <= 0:
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

    def sequence(self, value: Any, names: Sequence[str], depth: int) -> list[Any]:
        visit = self.argument if depth < 0 else self.plain
        kind = next(base for base in SEQUENCES if issubclass(type(value), base))
        self.exact = self.exact and kind in (list, tuple)
        shown: list[Any] = []
        for position, item in enumerate(islice(kind.__iter__(value), self.breadth)):
            if self.room <= 0:
                break
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
        if type(value) is str and len(value) <= PLAIN and value.isalnum() and not self.secrets:
            self.room -= len(value)
            return value
        shown, exact = scrub(value, min(cap, self.cap), self.rules, self.secrets)
        self.exact = self.exact and exact
        self.room -= len(shown)
        return shown


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
        keys = [_Walk(rules).plain(value.__dict__.get(field), field) for field in fields]
        return f"{kind._meta.label} {','.join(map(str, keys))}"
    return f"[{kind.__name__} object]"


def _fit(plain: Any, exact: bool) -> tuple[Any, Captured]:
    """Return the structure and its JSON, both made to fit: strings are cut before whole values are."""
    text = encode(plain)
    if len(text) <= MAX_BYTES and (text.isascii() or len(text.encode()) <= MAX_BYTES):
        return plain, Captured(text, exact)
    for cap, room in TIGHTER:
        walk = _Walk(None, cap, room)
        walk.depth, walk.breadth = DEPTH + 2, BREADTH + 1
        smaller = walk.plain(plain)
        text = encode(smaller)
        if len(text.encode()) <= MAX_BYTES:
            return smaller, Captured(text, False)
    return CUT, Captured(cut(text, MAX_BYTES), False)


def _hidden(args: Any, kwargs: Any, parameters: Sequence[str], sensitive: Collection[str]) -> Iterator[str]:
    """Yield the texts inside what capturing these arguments hides, shallow ones first."""
    walk = _Walk.in_mode("redacted", sensitive=sensitive)
    queue: deque[tuple[str, Any, bool]] = deque()
    for name, value in (*_children(args, parameters), *_children(kwargs)):
        hidden = name in sensitive
        if walk.redactor is not None and type(value) in (str, int):
            hidden = hidden or walk.argument(value, name) != value
        queue.append((name, value, hidden))
    for _ in range(NODES):
        if not queue:
            return
        name, value, hidden = queue.popleft()
        kind = type(value)
        hidden = hidden or (bool(name) and walk.rules.hides(name))
        if issubclass(kind, (dict, *SEQUENCES)):
            queue.extend((key, item, hidden) for key, item in _children(value))
        elif issubclass(kind, str) and not hidden:
            text = str.__getitem__(value, slice(OVERSCAN))
            yield from (text[start:end].rpartition(":")[2] for start, end in spans_of(text, walk.rules, ()))
        elif hidden and value is not None and kind is not bool:
            yield _raw(value, kind)


def _children(value: Any, names: Sequence[str] = ()) -> list[tuple[str, Any]]:
    kind = type(value)
    if issubclass(kind, dict):
        walk = _Walk(None)
        return [(walk.key(key)[0], item) for key, item in islice(dict.items(value), NAME)]
    base = next((base for base in SEQUENCES if issubclass(kind, base)), None)
    if base is None:
        return []
    names = names or getattr(kind, "_fields", ())
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
