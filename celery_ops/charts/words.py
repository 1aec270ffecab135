"""How numbers read beside a chart: short, in the viewer's language, with their unit."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from .. import states

#: From how many on a count is said in thousands, and what these are called.
SHORT_FROM: Final = 10_000
LARGE: Final = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
#: Seconds of each unit, the longest first. A duration is said in the longest one of which there is one.
UNITS: Final = (
    (86_400.0, gettext_lazy("%(n)s d")),
    (3_600.0, gettext_lazy("%(n)s h")),
    (60.0, gettext_lazy("%(n)s min")),
    (1.0, gettext_lazy("%(n)s s")),
    (0.001, gettext_lazy("%(n)s ms")),
)
#: What Celery's states are called, as on their badges.
STATES: Final[Mapping[str, str | Promise]] = {
    states.PENDING: pgettext_lazy("state of a task", "Pending"),
    states.RECEIVED: pgettext_lazy("state of a task", "Received"),
    states.STARTED: pgettext_lazy("state of a task", "Started"),
    states.RETRY: pgettext_lazy("state of a task", "Retry"),
    states.SUCCESS: pgettext_lazy("state of a task", "Success"),
    states.FAILURE: pgettext_lazy("state of a task", "Failure"),
    states.REVOKED: pgettext_lazy("state of a task", "Revoked"),
    states.REJECTED: pgettext_lazy("state of a task", "Rejected"),
    states.IGNORED: pgettext_lazy("state of a task", "Ignored"),
    states.LOST: pgettext_lazy("state of a task", "Lost"),
}


def state(name: str) -> str:
    """Return a state in words, empty for one that is not Celery's."""
    return str(STATES.get(name, ""))


def number(value: float) -> str:
    """Return ``1,234`` or ``0.5``."""
    if isinstance(value, int) and 0 <= value < 1000:
        return str(value)
    return _number(value, get_language())


@lru_cache(maxsize=2048)  # a page says the same numbers many times
def _number(value: float, language: str | None) -> str:
    whole = value == int(value)
    return number_format(int(value) if whole else _rounded(value), force_grouping=whole)


def count(value: float) -> str:
    """Return a count that has little room: ``9,999``, ``12k``, ``1.2M``."""
    if abs(value) < SHORT_FROM:
        return number(value)
    size, letter = next((size, letter) for size, letter in LARGE if abs(value) >= size)
    return f"{number(_rounded(value / size))}{letter}"


def seconds(value: float | None) -> str:
    """Return a duration in one unit and about three digits: ``230 ms``, ``3.2 s``. In words when it is unknown."""
    return _("unknown") if value is None else _seconds(value, get_language())


@lru_cache(maxsize=2048)
def _seconds(value: float, language: str | None) -> str:
    size, words = unit_of(value)
    return words % {"n": number(_rounded(value / size))}


def unit_of(value: float) -> tuple[float, str]:
    """Return the seconds of the unit that a duration is said in, and its words with a place for the number."""
    return next(((size, str(words)) for size, words in UNITS if value >= size), (UNITS[-1][0], str(UNITS[-1][1])))


def share(value: float | None) -> str:
    """Return a part of a whole, from 0 to 1, in per cent: ``0.4 %``, ``12 %``. In words when it is unknown."""
    if value is None:
        return _("unknown")
    percent = value * 100
    shown = number(_rounded(percent))
    if 0 < percent < 0.05:
        shown = f"< {number(0.1)}"
    elif 99.95 <= percent < 100:
        shown = f"> {number(99.9)}"
    return _("%(n)s %%") % {"n": shown}


def _rounded(value: float) -> float:
    """Three digits of a number below 100, and no fraction of one above."""
    if abs(value) >= 100:
        return round(value)
    return round(value, 1)
