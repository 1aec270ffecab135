"""Asking several backends at once, so that a page with two of them away waits once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from django.db import connections
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ..exceptions import StoreUnavailable
from ..tracking import prefix
from .ops import Part, part

#: Seconds that a page waits for its parts, all of them together.
PATIENCE: Final = 2.35


class PendingPart:
    """A part of a page that is on its way: ``answer`` waits for it, and no longer than the page does."""

    def __init__(self, ask: Callable[[], Any], until: float) -> None:
        self._ask, self._until = ask, until
        self._part: Part[Any] | None = None
        self._failure: Exception | None = None
        self._language, self._time_zone = translation.get_language(), timezone.get_current_timezone()
        self._prefix = _prefix()
        self._thread = threading.Thread(target=self._run, name="celery_ops page part", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with self._viewers():
                self._part = part(self._ask)
        except Exception as error:  # a fault of the site's own backend, for the page to raise
            self._failure = error
        finally:
            connections.close_all()

    @contextmanager
    def _viewers(self) -> Iterator[None]:
        """The viewer's language, zone and tenant: a thread of its own has none."""
        with translation.override(self._language), timezone.override(self._time_zone), prefix.using(self._prefix):
            yield

    def answer(self) -> Part[Any]:
        """Return the part. Raises what asking raised."""
        self._thread.join(max(0, self._until - monotonic()))
        if self._failure is not None:
            raise self._failure
        return self._part or Part(trouble=_("There was no answer within %(n)s s.") % {"n": f"{PATIENCE:g}"})


def _prefix() -> str:
    """The viewer's: in another thread there is no tenant."""
    try:
        return prefix.current()
    except StoreUnavailable:
        return ""


def together(*asks: Callable[[], Any]) -> list[PendingPart]:
    """Ask all at once, each in a thread of its own. Only their answers are waited for."""
    until = monotonic() + PATIENCE
    return [PendingPart(ask, until) for ask in asks]
