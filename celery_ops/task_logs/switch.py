"""Whose lines the site wants to be kept: asked at each line, and looked up where its settings have changed."""

from typing import Any, Final

from ..conf import conf
from ..tracking.recorder import recorder
from ..tracking.store import NoStore

NONE: Final = "none"
TRACKED: Final = "tracked"
ALL: Final = "all"

_source: Any = None
_wanted: str = NONE


def wanted() -> str:
    """Return ``"none"``, ``"tracked"`` or ``"all"``: what ``LOGS`` says, and none where there is no store."""
    if conf.source is not _source:
        _look()
    return _wanted


def _look() -> None:
    global _source, _wanted
    source, value = conf.source, conf.LOGS
    if value not in (TRACKED, ALL) or isinstance(recorder().store, NoStore):
        value = NONE
    _source, _wanted = source, value
