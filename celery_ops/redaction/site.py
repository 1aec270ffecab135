"""The rules of this site and its own redactor, as its settings say now."""

from typing import Any

from ..conf import DEFAULTS, conf
from .keys import Rules

_current: tuple[Any, Any, Rules, Any] | None = None


def site() -> tuple[Rules, Any]:
    """Return the rules and the redactor of the site, made again when its settings are others."""
    global _current
    settings = conf.source
    keys = settings.get("REDACT_KEYS", DEFAULTS["REDACT_KEYS"])
    path = settings.get("REDACTOR", DEFAULTS["REDACTOR"])
    if _current is None or _current[0] is not keys or _current[1] is not path:
        words = (keys,) if isinstance(keys, str) else tuple(keys)
        rules = Rules(tuple(word for word in words if word and isinstance(word, str)))
        _current = (keys, path, rules, conf.load("REDACTOR"))
    return _current[2:]
