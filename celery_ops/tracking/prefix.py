"""The first part of every key: on a site with tenants it says whose a fact is, and is asked for at each use.

What is written later than it happened, or in a process that serves all tenants, is kept under the prefix of its moment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded

from ..conf import DEFAULTS, conf
from ..exceptions import StoreUnavailable

_fixed: Final[ContextVar[str]] = ContextVar("celery_ops_prefix", default="")
#: The site's settings, and what they say of this: every publish asks more than once.
_known: tuple[Any, Any] = (None, "")


def current() -> str:
    """Return the prefix that holds here and now.

    Raises StoreUnavailable when the site's callable cannot tell: nobody's facts are shown or written as another's.
    """
    if fixed := _fixed.get():
        return fixed
    setting = _setting()
    if isinstance(setting, str):
        return setting
    try:
        named = setting()
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        raise StoreUnavailable(f"STORE_PREFIX raises {type(error).__name__}") from error
    if not isinstance(named, str) or not named.strip():
        raise StoreUnavailable("STORE_PREFIX returns no text")
    return named


def current_or_none() -> str:
    """Return the prefix, empty when the site cannot tell: for who shows nothing that is tracked then."""
    try:
        return current()
    except StoreUnavailable:
        return ""


def is_asked() -> bool:
    """Return whether the prefix depends on who asks."""
    return callable(_setting())


def of_workers() -> str:
    """Return what the keys of workers begin with: they run every tenant's tasks."""
    return DEFAULTS["STORE_PREFIX"] if is_asked() else _setting()


def _setting() -> Any:
    global _known
    source, setting = _known
    if source is not conf.source:
        source, setting = _known = conf.source, conf.STORE_PREFIX
    return setting


@contextmanager
def using(name: str) -> Iterator[None]:
    """Let ``name`` be the prefix inside, whatever the site says then; an empty one changes nothing.

    A decorator, too.
    """
    token = _fixed.set(name or _fixed.get())
    try:
        yield
    finally:
        _fixed.reset(token)
