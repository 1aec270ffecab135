"""A bounded walk through a value: what shows of it.

Nothing here calls into a value it does not know: a hostile ``__str__`` or an unevaluated QuerySet sleeps on.
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from itertools import islice
from math import inf
from typing import Any, Final, TypeVar
from uuid import UUID

from billiard.exceptions import SoftTimeLimitExceeded

from ..logs import get_logger, is_new
from .budget import Budget
from .commands import places
from .describing import described
from .fitting import BRACKETS, BYTES, COMMA, COUNTED, MAX_BYTES, NUMBER, QUOTES, ROOM, encode
from .keys import LONGEST_NAME, NAME, Rules
from .named_values import PAIR, SECOND, VALUE_NAMES, is_hidden_name, names_hidden
from .numbers import is_card
from .repeats import SECRETS_A_READING, Secrets
from .replaced import replaced
from .site import site
from .text import CUT, REDACTED, HiddenTexts, is_quiet, scrub

logger = get_logger("celery_ops.redaction")

FAILED: Final = "[redaction failed]"
DEPTH: Final = 5
BREADTH: Final = 20

HUGE: Final = 10**40
HARMLESS: Final = 10**12  # card numbers and all other patterns are longer than twelve characters
PLAIN: Final = 12
SHORT: Final = NAME  # what fits wherever a text may stand
LONG_NUMBER: Final = 13  # what is counted for one that may be a card's
#: UUIDs name things, and stay.
UUID_TEXT: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UUID_LENGTH: Final = 36
#: Short texts of these characters hold nothing that a rule knows.
PLAIN_TEXT: Final = re.compile(r"[\w .,;/()!?+*]*")
SEQUENCES: Final = (list, tuple, set, frozenset)
CARRIED: Final = frozenset((date, datetime, time, Decimal, UUID))  # what kombu's JSON carries with its type

#: The name of a value, or all that it may have where nobody can tell them apart.
Name = str | tuple[str, ...]
N = TypeVar("N", str, Name)


class Walk:
    """A bounded walk through a value that counts what it may still write and whether anything was lost."""

    __slots__ = (
        "breadth",
        "budget",
        "depth",
        "exact",
        "hid",
        "hidden",
        "is_cut",
        "labels",
        "missed",
        "redactor",
        "replaced",
        "room",
        "rules",
        "secrets",
        "sensitive",
        "typed",
    )

    def __init__(self, rules: Rules | None) -> None:
        self.rules = rules
        self.room = ROOM
        self.exact = True
        self.hidden = HiddenTexts()
        self.is_cut = False
        self.labels: dict[str, str] = {}  # what shows of short names
        self.hid = False  # whether anything was hidden, which others may repeat
        self.missed = False  # whether there is more than was looked at, which may be hidden as well
        self.typed = False  # whether a value lost nothing but its type
        self.depth = DEPTH
        self.breadth = BREADTH
        self.redactor = None
        self.replaced: list[str] = []  # by the redactor, which others may repeat
        self.budget = Budget()
        self.secrets: Secrets | None = None
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
        walk.secrets = Secrets(secrets) if secrets else None
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
            "args": self.sequence(args, parameters, -1, self.argument) if listed else self.argument(args),
            "kwargs": self.mapping(kwargs, -1) if named else self.argument(kwargs),
        }

    def argument(self, value: Any, name: Name = "", depth: int = 0) -> Any:
        """One argument: the rules, then the site's own redactor, whose answer is held to the rules too."""
        if isinstance(name, tuple):
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
            if not is_same:
                self.replaced += replaced(json.loads(before), shown)
            return shown
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # its words may quote the value
            if is_new("redaction", type(error)):
                logger.warning(
                    "An argument is hidden since redacting it failed with %s. Said once.", type(error).__name__
                )
            return self.lost(FAILED)

    def doubtful(self, value: Any, names: Sequence[str], depth: int) -> Any:
        """An argument that may have any of these names: it shows when it would under each of them."""
        if value is not None and self.rules is not None and any(map(self.is_hidden, names)):
            return self.lost(REDACTED)
        if self.redactor is None or self.rules is None:
            return self.argument(value, "", depth)
        shown = [encode(answer) for answer in (self.argument(value, name, depth) for name in names)]
        return self.argument(value, names[0], depth) if len(set(shown)) == 1 else self.lost(REDACTED)

    def is_hidden(self, name: str) -> bool:
        return name in self.sensitive or (self.rules is not None and self.rules.hides(name))

    def plain(self, value: Any, name: str = "", depth: int = 0) -> Any:
        """Return ``value`` in JSON types, without what its name or its content gives away."""
        self.room -= COMMA
        if value is None:
            self.room -= NUMBER
            return None
        if name and self.rules is not None and self.rules.hides(name):
            return self.lost(REDACTED)
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind is int:
            return self.number(value)
        if kind is list or kind is tuple:
            return self.inside(value, kind, depth)
        return self.other(value, kind, depth)

    def other(self, value: Any, kind: type, depth: int) -> Any:
        """A value of a type that is seldom met, or that is not known."""
        if kind is bool:
            self.room -= NUMBER
            return value
        if issubclass(kind, str):
            return self.text(value)
        if issubclass(kind, int):
            return self.number(int.__int__(value))
        if issubclass(kind, float):
            return self.number(float.__float__(value))
        if issubclass(kind, (dict, *SEQUENCES)):
            return self.inside(value, kind, depth)
        if kind in CARRIED:
            self.typed = True
        else:
            self.exact = False
        if issubclass(kind, Enum):
            return self.plain(value._value_, "", depth + 1)
        return self.text(described(value, kind, self.model_key))

    def model_key(self, value: Any, name: str) -> Any:
        return Walk(self.rules).plain(value, name)

    def inside(self, value: Any, kind: type, depth: int) -> Any:
        """A list, a dict or the like, one level deeper."""
        self.room -= BRACKETS
        if depth >= self.depth:
            self.missed = True
            return self.lost(CUT)
        if kind in (list, dict) and not value:
            return kind()
        self.budget.step()
        if issubclass(kind, dict):
            return self.mapping(value, depth)
        return self.sequence(value, getattr(kind, "_fields", ()), depth, self.plain)

    # Each argument is looked at, and no more inside of one when there is neither room nor budget.
    def mapping(self, value: dict[Any, Any], depth: int) -> dict[str, Any]:
        visit = self.argument if depth < 0 else self.plain
        hides_value = depth >= 0 and self.rules is not None and names_hidden(value, self.rules)
        shown: dict[str, Any] = {}
        for key, item in islice(dict.items(value), self.breadth):
            if depth >= 0 and (self.room <= 0 or self.budget.is_spent):
                break
            if hides_value and type(key) is str and key in VALUE_NAMES and item is not None:
                shown[key] = self.lost(REDACTED)
                continue
            name, label = self.known_key(key) if type(key) is str and len(key) <= SHORT else self.key(key)
            shown[label] = visit(item, name, depth + 1)
        if missing := dict.__len__(value) - len(shown):
            self.missed = True
            shown[CUT] = self.lost(f"{missing} more")
        return shown

    def known_key(self, key: str) -> tuple[str, str]:
        """Return a short name and what shows of it: rows of a table have the same names."""
        if (label := self.labels.get(key)) is None:
            label = self.labels[key] = self.text(key, NAME)
        else:
            self.room -= len(label) + QUOTES
        return key, label

    def key(self, key: Any) -> tuple[str, str]:
        """Return the name that the rules judge and the one that shows."""
        kind = type(key)
        if issubclass(kind, str):
            return str.__getitem__(key, slice(LONGEST_NAME + 1)), self.text(key, NAME)
        self.exact = False
        if issubclass(kind, bytes):
            name = bytes.__getitem__(key, slice(LONGEST_NAME + 1)).decode("latin-1")
            return name, self.text(described(key, kind, self.model_key))
        if issubclass(kind, (tuple, frozenset)):
            return "", self.text(f"[{kind.__name__} object]", NAME)
        name = str(self.plain(key))
        return name, name

    def sequence(
        self, value: Any, names: Sequence[N], depth: int, visit: Callable[[Any, N | str, int], Any]
    ) -> list[Any]:
        is_listed = issubclass(type(value), (list, tuple))
        self.exact = self.exact and is_listed
        items, size = first_items(value, self.breadth)
        hidden: Collection[int] = ()
        if self.rules is not None and is_listed:
            is_pair = depth >= 0 and size == PAIR and is_hidden_name(items[0], self.rules)
            hidden = SECOND if is_pair else places(items, self.rules)
        shown: list[Any] = []
        for position, item in enumerate(items):
            if depth >= 0 and (self.room <= 0 or self.budget.is_spent):
                break
            if position in hidden and item is not None:
                shown.append(self.lost(REDACTED))
                continue
            shown.append(visit(item, names[position] if position < len(names) else "", depth + 1))
        if missing := size - len(shown):
            self.missed = True
            shown.append(self.lost(f"{CUT} {missing} more"))
        return shown

    def number(self, value: float) -> Any:
        self.room -= NUMBER
        if -HARMLESS < value < HARMLESS and not self.secrets:
            return value
        if not -inf < value < inf:
            return self.lost(str(value))
        if abs(value) >= HUGE and type(value) is int:
            return self.lost(f"[{value.bit_length()}-bit integer]")
        if self.secrets and str(value) in self.secrets.whole:
            return self.lost(REDACTED)
        if self.rules is not None and HARMLESS <= abs(value) < 10**19:
            self.room -= LONG_NUMBER - NUMBER
            if is_card(str(abs(int(value)))):
                return self.lost(REDACTED)
        return value

    def text(self, value: str, cap: int = MAX_BYTES) -> str:
        if type(value) is str and len(value) <= PLAIN and not self.secrets and PLAIN_TEXT.fullmatch(value):
            self.room -= len(value) + QUOTES
            return value
        if type(value) is str and len(value) <= SHORT and self.is_quiet(value, cap):
            self.room -= len(value) + QUOTES
            return value
        shown, exact = scrub(value, cap, self.rules, self.secrets, budget=self.budget, hidden=self.hidden)
        self.exact = self.exact and exact
        self.hid = self.hid or bool(self.hidden.texts)
        self.is_cut = self.is_cut or shown.endswith(CUT)
        self.room -= min(len(shown), COUNTED) + QUOTES
        return shown

    def is_quiet(self, value: str, cap: int) -> bool:
        """Return whether a short text can be told at once to hold nothing that is hidden, and to be no longer."""
        if not (value.isprintable() and (value.isascii() or len(value) <= cap // BYTES)):
            return False
        is_uuid = len(value) == UUID_LENGTH and UUID_TEXT.fullmatch(value)
        if self.rules is not None and not is_uuid and not is_quiet(value, self.rules):
            return False
        if not self.secrets:
            return True
        self.budget.step(len(self.secrets.forms(value)) // SECRETS_A_READING)
        return not self.secrets.are_in(value)


def first_items(value: Any, number: int) -> tuple[Sequence[Any], int]:
    """Return the first items of a list, a tuple or a set, and how many there are."""
    kind = type(value)
    if kind is list or kind is tuple:
        return value[:number], len(value)
    base = kind if kind in SEQUENCES else next(base for base in SEQUENCES if issubclass(kind, base))
    return list(islice(base.__iter__(value), number)), base.__len__(value)
