"""Whether the site wants to be counted."""

from typing import Any

from ..conf import conf

_source: Any = None
_is_on = False


def is_on() -> bool:
    """Return what ``METRICS`` says: asked at each event, and looked up where the setting has changed."""
    global _source, _is_on
    if (source := conf.source) is not _source:
        _source, _is_on = source, bool(conf.METRICS)
    return _is_on
