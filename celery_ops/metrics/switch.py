"""What the site's settings say of counting: asked at each event, and looked up where they have changed."""

from typing import Any

from ..conf import conf
from ..tracking import prefix

_source: Any = None
_is_on = _is_asked = _is_prefetching_counted = False


def is_on() -> bool:
    """Return whether the site wants to be counted: what ``METRICS`` says."""
    if conf.source is not _source:
        _look()
    return _is_on


def is_asked() -> bool:
    """Return whether it depends on who asks whose numbers these are, by what ``is_on`` has seen."""
    return _is_asked


def is_prefetching_counted() -> bool:
    """Return whether numbers have Flower's names, one of which no other has, by what ``is_on`` has seen."""
    return _is_prefetching_counted


def _look() -> None:
    global _source, _is_on, _is_asked, _is_prefetching_counted
    _source, _is_on, _is_asked = conf.source, bool(conf.METRICS), prefix.is_asked()
    _is_prefetching_counted = conf.METRICS_NAMES == "flower"
