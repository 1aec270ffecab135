"""Asking several backends at once, so that a page with two of them away waits once."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ..backends.remote import glance
from ..concurrency import Asked
from ..databases import asks_writer, writer
from ..exceptions import NoAnswer
from ..tracking import prefix
from .ops import Part, part

#: Seconds that a page waits for its parts, all of them together.
PATIENCE: Final = 2.35


class PendingPart:
    """A part of a page that is on its way: ``answer`` waits for it, and no longer than the page does."""

    def __init__(self, ask: Callable[[], Any], until: float) -> None:
        self._asked, self._until = Asked(_as_viewer(partial(part, ask)), "page part"), until

    def answer(self) -> Part[Any]:
        """Return the part. Raises what asking raised, as a fault of the site's own backend."""
        try:
            return self._asked.answer(self._until - monotonic())
        except NoAnswer:
            return Part(trouble=_("There was no answer within %(n)s s.") % {"n": f"{PATIENCE:g}"})


def _as_viewer(ask: Callable[[], Part[Any]]) -> Callable[[], Part[Any]]:
    """Return what asks in the viewer's language, zone and tenant, of the same database: its own thread has none."""
    language, zone, viewers = translation.get_language(), timezone.get_current_timezone(), prefix.current_or_none()
    from_writer, at_a_glance = asks_writer(), glance.current()

    def asking() -> Part[Any]:
        with (
            translation.override(language),
            timezone.override(zone),
            prefix.using(viewers),
            writer(from_writer),
            glance.glancing(at_a_glance),
        ):
            return ask()

    return asking


def pending_parts(*asks: Callable[[], Any]) -> list[PendingPart]:
    """Ask all at once, each in a thread of its own. Only their answers are waited for."""
    until = monotonic() + PATIENCE
    return [PendingPart(ask, until) for ask in asks]
