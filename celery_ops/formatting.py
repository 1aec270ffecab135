"""How values read on a page: text that a page can carry, times, durations and counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html, html_safe
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from .info import StartedBy
from .redaction.text import CUT, DIRTY
from .task_query import Count
from .timezones import aware

#: Characters of a name or an id that a page shows: sources may say anything.
LONGEST_NAME: Final = 1000
#: Characters of an id that tell it from its neighbours.
SHORT_ID: Final = 8
#: Seconds from which a time reads as its date.
WEEKS: Final = 4 * 7 * 86400

#: A word of a dotted name with what ends it.
PARTS: Final = re.compile(r"[^._]*[._]+|[^._]+")

#: A language and a time zone.
Reader = tuple[str | None, str]
#: How many of which unit in seconds, 0 for less than one, and whether it is past.
Age = tuple[int, int, bool]


def reader() -> Reader:
    """Return what all words and times on a page depend on, beside what they say."""
    return get_language(), repr(timezone.get_current_timezone())  # two of a site's own may have one name


def clean(text: str | None, longest: int = LONGEST_NAME) -> str:
    """Return a source's text without what no page can carry, cut to ``longest`` characters."""
    text = text or ""
    if len(text) > longest:
        text = text[:longest] + CUT
    return presentable(text)


def presentable(text: str) -> str:
    """Return a text, however long, without what no page can carry."""
    return text if text.isprintable() else DIRTY.sub("\ufffd", text)


def is_clean(text: str) -> bool:
    """Return whether a page can carry a name as it is, and a form bring it back."""
    return 0 < len(text) <= LONGEST_NAME and text.isprintable()


def listed(words: Iterable[str]) -> str:
    """Return words one after the other, with what the language has between them."""
    return pgettext("between the words of a list", ", ").join(words)


def breakable(name: str) -> list[str]:
    """Return a dotted name in the parts between which a line may break."""
    return PARTS.findall(name)


def duration(value: timedelta | None) -> str:
    """Return a length of time in one or two units, empty when it is unknown."""
    if value is None:
        return ""
    return _duration(value.total_seconds(), get_language())


@lru_cache(maxsize=1024)  # a page says the same durations many times
def _duration(seconds: float, language: str | None) -> str:
    if seconds < 1:
        return _("%(n)s ms") % {"n": round(seconds * 1000)}
    if seconds < 60:
        return _("%(n)s s") % {"n": number_format(seconds, 1)}
    whole = int(seconds)
    if whole < 3600:
        return _("%(m)s min %(s)s s") % {"m": whole // 60, "s": whole % 60}
    if whole < 86400:
        return _("%(h)s h %(m)s min") % {"h": whole // 3600, "m": whole // 60 % 60}
    return _("%(d)s d %(h)s h") % {"d": number_format(whole // 86400), "h": whole // 3600 % 24}


def cpu_time(seconds: float | None) -> str:
    """Return seconds of CPU as a length of time, empty when they are unknown."""
    return "" if seconds is None else duration(timedelta(seconds=seconds))


def memory(size: int | None) -> str:
    """Return a size in bytes in units that people read, empty when it is unknown."""
    return "" if size is None else filesizeformat(size).replace("\xa0", " ")


def started_by_words(by: StartedBy) -> str:
    """Return who started something, and from which URL when that has a name."""
    who, url_name = clean(by.username) or clean(by.pk), clean(by.url_name)
    return _("%(who)s from %(url_name)s") % {"who": who, "url_name": url_name} if url_name else who


def grouped(number: int) -> str:
    """Return a whole number as the language groups it: 1,234 or 1.234."""
    return number_format(number, force_grouping=True)


def delivered_words(executions: int) -> str:
    """Return that a message was delivered more than once, and how often; empty where it was not."""
    if executions < 2:
        return ""
    if executions == 2:
        return _("delivered twice")
    return ngettext("delivered %(n)s time", "delivered %(n)s times", executions) % {"n": executions}


def count(value: Count) -> str:
    """Return ``1,234``, or ``10,000+`` when counting stopped there."""
    number = grouped(value.number)
    return f"{number}+" if value.capped else number


@html_safe
@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a page shows it: ``iso`` for machines, ``exact`` in the viewer's zone, ``ago`` at a glance.

    ``{{ moment }}`` writes it as a ``<time>``.
    """

    iso: str
    exact: str
    ago: str

    def __str__(self) -> str:
        return format_html('<time datetime="{}" title="{}">{}</time>', self.iso, self.exact, self.ago)

    @classmethod
    def of(cls, value: datetime | None, now: datetime) -> "Moment | None":
        """Either may be naive: it is in the site's time zone then."""
        if value is None:
            return None
        try:
            local = timezone.localtime(aware(value))
        except (OverflowError, ValueError):  # the first or the last day that a datetime can say
            return cls(value.isoformat(), value.isoformat(" "), "")
        return cls(local.isoformat(), local.strftime("%Y-%m-%d %H:%M:%S %Z"), ago(local, aware(now)))


def ago(value: datetime, now: datetime) -> str:
    """Return how long before ``now`` in one unit, and the date when that is weeks; times to come read ``in …``."""
    number, size, is_past = _age((now - value).total_seconds())
    if size == WEEKS:
        return value.strftime("%Y-%m-%d")
    return _ago(number, size, get_language(), is_past=is_past) if size else _("just now")


def age(value: datetime | None, now: datetime) -> Age | None:
    """Return what ``Moment.of(value, now)`` says of ``now``: the same where it reads the same."""
    try:
        return None if value is None else _age((aware(now) - aware(value)).total_seconds())
    except (OverflowError, ValueError):  # the first or the last day that a datetime can say
        return None


def _age(seconds: float) -> Age:
    length = abs(seconds)
    if length >= WEEKS:
        return 0, WEEKS, True
    size = next((size for size in _UNITS if length >= size), 0)
    return int(length // size) if size else 0, size, seconds > 0


#: Seconds of the units that a time reads in.
_UNITS: Final = (86400, 3600, 60, 1)


@lru_cache(maxsize=1024)  # a page says the same few words many times
def _ago(number: int, size: int, language: str | None, *, is_past: bool) -> str:
    units = {86400: _("%(n)s d"), 3600: _("%(n)s h"), 60: _("%(n)s min"), 1: _("%(n)s s")}
    time = units[size] % {"n": number}
    return (_("%(time)s ago") if is_past else _("in %(time)s")) % {"time": time}
