"""What the site's settings say of counting: asked at each event, and looked up where they have changed."""

from typing import Any

from ..conf import conf
from ..tracking import prefix

_source: Any = None
_is_on = _is_asked = False


def is_on() -> bool:
    """Return whether the site wants to be counted: what ``METRICS`` says."""
    if conf.source is not _source:
        _look()
    return _is_on


def is_asked() -> bool:
    """Return whether it depends on who asks whose numbers these are, by what ``is_on`` has seen."""
    return _is_asked


def _look() -> None:
    global _source, _is_on, _is_asked
    _source, _is_on, _is_asked = conf.source, bool(conf.METRICS), prefix.is_asked()
