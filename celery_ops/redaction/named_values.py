"""Values with their names beside them: ``("password", …)`` and ``{"name": "password", "value": …}``."""

import re
from typing import Any, Final

from .keys import NAME, Rules

PAIR: Final = 2
SECOND: Final = frozenset({1})
NAMES: Final = ("name", "key", "Name", "Key")
VALUE_NAMES: Final = ("value", "Value")
WORD: Final = re.compile(r"[\w.\-]+")


def is_hidden_name(item: Any, rules: Rules) -> bool:
    """Return whether a value is a text that names what is hidden, and no sentence with such a word."""
    return type(item) is str and len(item) <= NAME and rules.hides(item) and WORD.fullmatch(item) is not None


def names_hidden(value: dict[Any, Any], rules: Rules) -> bool:
    """Return whether a dict has a value and beside it the name of what is hidden."""
    has = dict.__contains__
    if not (has(value, VALUE_NAMES[0]) or has(value, VALUE_NAMES[1])):  # each dict of a row pays for it
        return False
    return any(is_hidden_name(dict.get(value, name), rules) for name in NAMES)
