"""The limits of JSON that people send: nothing that breaks a worker, a broker or this process gets through."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from math import isfinite
from typing import Any, Final

from django.utils.translation import gettext as _

from ...exceptions import BadInput

#: Bytes of all the arguments of a task.
LARGEST: Final = 64 * 1024
#: Lists and objects inside one another.
DEEPEST: Final = 20
#: Digits of a number.
DIGITS: Final = 100
HUGE: Final = 10**DIGITS
#: Characters of somebody's name in a message.
LONGEST_NAME: Final = 60
#: kombu makes objects of what has this key, and a worker that cannot make it loses the message.
POISON: Final = "__type__"

_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKETS = re.compile(r"[\[\]{}]")


def load(text: str | bytes) -> Any:
    """Return what JSON text says. Raises BadInput for what is not JSON or is beyond the limits, and nothing else."""
    source = _decoded(text)
    if _depth(source) > DEEPEST:
        raise BadInput(_too_deep())
    try:
        value = json.loads(
            source,
            object_pairs_hook=_object,
            parse_int=_int,
            parse_float=_float,
            parse_constant=_constant,
        )
    except BadInput:
        raise
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise BadInput(
            _("This is not JSON (line %(line)s, column %(column)s). Text needs double quotes.") % where
        ) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(_("This is not JSON.")) from error
    check(value)
    return value


def check(value: Any) -> None:
    """Raise BadInput when a value is not plain JSON or is beyond the limits."""
    left = [(value, 1)]
    nodes = 0
    while left:
        part, depth = left.pop()
        nodes += 1
        if nodes > LARGEST:
            raise BadInput(_too_large())
        left += [(inner, depth + 1) for inner in _checked(part, depth)]
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if len(text) > LARGEST or len(text.encode()) > LARGEST:
        raise BadInput(_too_large())


def check_text(text: str) -> str:
    """Return text that can be sent and stored. Raises BadInput for NUL, for surrogates and for more than the limit."""
    if len(text) > LARGEST:
        raise BadInput(_too_large())
    if _UNSENDABLE.search(text):
        raise BadInput(_("Take out the characters that cannot be sent: NUL or half a surrogate pair."))
    return text


def check_number(value: float) -> None:
    """Raise BadInput for NaN, for infinity and for more than 100 digits."""
    if isinstance(value, float) and not isfinite(value):
        raise BadInput(_not_finite())
    if isinstance(value, int) and not -HUGE < value < HUGE:
        raise BadInput(_too_long())


def named(name: Any) -> str:
    """Return somebody's name for something, fit for a message."""
    return "".join(character if character.isprintable() else "\ufffd" for character in str(name)[:LONGEST_NAME])


def _checked(value: Any, depth: int) -> Iterable[Any]:
    """Check one value by itself and return what is inside it."""
    if isinstance(value, (list, dict)) and depth > DEEPEST:
        raise BadInput(_too_deep())
    if isinstance(value, dict):
        for key in value:
            _check_key(key)
        return value.values()
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, (int, float)):
        check_number(value)
    elif value is not None:
        raise BadInput(_("Only JSON values can be sent: text, numbers, true, false, null, lists and objects."))
    return ()


def _check_key(key: Any) -> None:
    if not isinstance(key, str):
        raise BadInput(_("The keys of a JSON object are text."))
    if key == POISON:
        raise BadInput(_("Take out the key “__type__”: workers would not read it as data."))
    check_text(key)


def _decoded(text: str | bytes) -> str:
    if len(text) > LARGEST:
        raise BadInput(_too_large())
    if isinstance(text, (bytes, bytearray)):
        try:
            return bytes(text).decode()
        except UnicodeDecodeError:
            raise BadInput(_("This is not UTF-8 text.")) from None
    if len(check_text(text).encode()) > LARGEST:
        raise BadInput(_too_large())
    return text


def _depth(source: str) -> int:
    """Return how deep the brackets outside of strings go: before a parser goes there itself."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", source)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        numbers = Counter(key for key, _value in pairs)
        twice = next(key for key, number in numbers.items() if number > 1)
        raise BadInput(_("The key “%(key)s” is there twice.") % {"key": named(twice)})
    return members


def _int(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise BadInput(_too_long())
    return int(text)


def _float(text: str) -> float:
    if sum(map(str.isdigit, text)) > DIGITS:
        raise BadInput(_too_long())
    number = float(text)
    check_number(number)
    return number


def _constant(_text: str) -> float:
    raise BadInput(_not_finite())


def _too_large() -> str:
    return _("This is more than 64 KiB. Send less, or a reference to it.")


def _too_deep() -> str:
    return _("This is nested more than 20 levels deep. Send something flatter.")


def _too_long() -> str:
    return _("Enter a number of at most 100 digits.")


def _not_finite() -> str:
    return _("Enter a finite number: NaN and infinity cannot be sent.")
