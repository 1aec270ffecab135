"""A page that a person waits for: it does not wait for the workers while there is a look of a moment ago.

It says that it has asked, and its script fetches what they answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Glance:
    """What one page was shown: ``is_old`` when the workers were still being asked."""

    is_old: bool = False


_glance: ContextVar[Glance | None] = ContextVar("celery_ops_glance", default=None)


@contextmanager
def glancing(glance: Glance | None) -> Iterator[None]:
    """Have snapshots inside be taken at a glance; with None they are waited for, as they are elsewhere."""
    token = _glance.set(glance)
    try:
        yield
    finally:
        _glance.reset(token)


def current() -> Glance | None:
    return _glance.get()
