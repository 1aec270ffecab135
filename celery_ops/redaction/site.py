"""The rules of this site and its own redactor, as its settings say now."""

from typing import Any

from ..conf import conf
from .keys import Rules

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
