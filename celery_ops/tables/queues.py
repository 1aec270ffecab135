"""The table of queues, and what is said of one in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.template.loader import get_template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _
from django_tables2 import Column

from ..backends.base import QueueBackend
from ..backends.queue_flow import UNKNOWN, QueueFlow
from ..charts.sparkline import Sparkline
from ..formatting import clean, duration, listed
from ..info import QueueInfo
from .base import OpsTable
from .columns import (
    LengthColumn,
    LinkColumn,
    NumberColumn,
    TextColumn,
)
from .links import PageLink, queue_link

#: How many have to wait for the picture of the last hour to be as high as it may be: one that waits is no full queue.
FULL: Final = 10
#: Who knows a queue, in words.
SOURCES = {"settings": _("settings"), "workers": _("workers"), "broker": _("broker")}


@dataclass(frozen=True, slots=True)
class PausedBy:
    """Who paused a queue, empty when nobody in particular did, and since when."""

    who: str
    since: datetime


class PausedColumn(Column):
    """Whether a queue is paused, by whom and since when."""

    def render(self, value: str, record: "QueueRow") -> str:
        if record.pause is None:
            return value
        return get_template("celery_ops/queues/paused.html").render({"pause": record.pause})


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue in a list: texts that a page can carry."""

    name: str
    url: str
    depth: int | None
    unacked: int | None
    consumers: int | None
    oldest: str
    oldest_age: timedelta | None
    paused: str
    is_unattended: bool
    sources: str
    pause: PausedBy | None = None
    flow: QueueFlow = UNKNOWN

    @property
    def arrival_rate(self) -> float | None:
        return self.flow.arrival_rate

    @property
    def drain_rate(self) -> float | None:
        return self.flow.drain_rate

    @property
    def clears_in(self) -> float | None:
        return self.flow.clears_in

    @property
    def clears(self) -> str:
        """When all that waits is begun, in words; empty when that is unknown."""
        return clears(self.flow)

    @property
    def longest_wait(self) -> float | None:
        return self.flow.longest_wait

    @property
    def longest(self) -> str:
        """The longest wait of the last hour, in words."""
        return duration(None if self.longest_wait is None else timedelta(seconds=self.longest_wait))

    @property
    def rates(self) -> str:
        """How many come and are begun a minute, in words."""
        return rates(self.flow)

    @property
    def trend(self) -> Sparkline | None:
        """What waited in the last hour."""
        if not self.flow.trend:
            return None
        label = gettext("Waiting over the last hour: %(now)s now, %(most)s at most")
        numbers = {"now": self.flow.trend[-1], "most": max(number or 0 for number in self.flow.trend)}
        return Sparkline(self.flow.trend, label % numbers, least=FULL)

    @property
    def link(self) -> PageLink:
        return PageLink(self.name, self.url)

    @classmethod
    def of(cls, queue: QueueInfo, pause: PausedBy | None = None, flow: QueueFlow = UNKNOWN) -> "QueueRow":
        """``pause`` says who paused it and when, ``flow`` what was counted of it."""
        link = queue_link(queue.name)
        return cls(
            name=link.name,
            url=link.url,
            depth=queue.depth,
            unacked=queue.unacked,
            consumers=queue.consumers,
            oldest=_oldest(queue),
            oldest_age=queue.oldest_age,
            paused=yes_or_no(queue.paused),
            is_unattended=is_unattended(queue),
            sources=known_to(queue),
            pause=pause,
            flow=flow,
        )


def rates(flow: QueueFlow) -> str:
    """Return how many come and are begun a minute, empty when it is unknown."""
    if flow.arrival_rate is None:
        return ""
    begun = gettext("unknown") if flow.drain_rate is None else rate(flow.drain_rate)
    return gettext("%(come)s in, %(begun)s out") % {"come": rate(flow.arrival_rate), "begun": begun}


def rate(a_minute: float) -> str:
    return number_format(a_minute, 1 if 0 < a_minute < 10 else 0, force_grouping=True)


def clears(flow: QueueFlow) -> str:
    """Return when all that waits in a queue is begun, empty when that is unknown."""
    if flow.clears_in == 0:
        return gettext("none waits")
    if flow.clears_in is not None:
        return gettext("about %(time)s") % {"time": about(flow.clears_in)}
    if flow.drain_rate is None:
        return ""
    if flow.growing_for:
        return gettext("growing for %(n)s min") % {"n": int(flow.growing_for // 60)}
    return gettext("growing") if flow.is_growing else gettext("steady")


def about(seconds: float) -> str:
    """Return a length of time in one unit: what is reckoned is not known by the second."""
    if seconds < 90:
        return gettext("%(n)s s") % {"n": max(1, round(seconds))}
    if seconds < 90 * 60:
        return gettext("%(n)s min") % {"n": round(seconds / 60)}
    if seconds < 36 * 3600:
        return gettext("%(n)s h") % {"n": round(seconds / 3600)}
    return gettext("%(n)s d") % {"n": number_format(round(seconds / 86400), force_grouping=True)}


def yes_or_no(value: bool | None) -> str:
    if value is None:
        return ""
    return gettext("yes") if value else gettext("no")


def is_unattended(queue: QueueInfo) -> bool:
    """Return whether messages wait in a queue, which is not paused, and nobody takes them."""
    return bool(queue.depth) and queue.consumers == 0 and not queue.paused


def is_held_up(queue: QueueInfo) -> bool:
    """Return whether messages wait in a queue that is paused: nobody is to take them."""
    return bool(queue.depth and queue.paused)


def is_stuck(queue: QueueInfo) -> bool:
    """Return whether messages wait in a queue and nobody will take them until somebody does something."""
    return is_unattended(queue) or is_held_up(queue)


def stuck_first(queues: Iterable[Any]) -> list[Any]:
    """Return queues, counted or not, as a list has them unless another order is asked for."""
    return sorted(queues, key=lambda queue: not is_stuck(queue))


def _oldest(queue: QueueInfo) -> str:
    if queue.oldest_age is None and queue.depth == 0:
        return pgettext("messages", "none")
    return duration(queue.oldest_age)


def known_to(queue: QueueInfo) -> str:
    """Return who knows a queue, in words."""
    return listed(str(SOURCES.get(source, clean(source))) for source in queue.sources)


class ConsumersColumn(NumberColumn):
    """How many consumers, and a mark where one is missing."""

    def render(self, value: int, record: QueueRow | None = None) -> str:
        number = super().render(value)
        if record is None or not record.is_unattended:
            return number
        return format_html("{} {}", get_template("celery_ops/queues/unattended.html").render(), number)


class QueueTable(OpsTable):
    caption = _("Queues")
    name = LinkColumn(verbose_name=_("Queue"))
    depth = NumberColumn(verbose_name=_("Waiting"))
    unacked = NumberColumn(verbose_name=_("Unacknowledged"))
    consumers = ConsumersColumn(verbose_name=_("Consumers"))
    oldest = LengthColumn(verbose_name=_("Oldest message"), order_by=("oldest_age",))
    trend = TextColumn(verbose_name=_("Last hour"), orderable=False)
    arrival_rate = LengthColumn(verbose_name=_("Per minute"), accessor="rates", order_by=("arrival_rate",))
    clears_in = LengthColumn(verbose_name=_("Time to clear"), accessor="clears", order_by=("clears_in",))
    longest_wait: LengthColumn | None = LengthColumn(
        verbose_name=_("Longest wait"), accessor="longest", order_by=("longest_wait",)
    )
    paused = PausedColumn(verbose_name=_("Paused"))
    sources: TextColumn | None = TextColumn(verbose_name=_("Known to"))

    class Meta(OpsTable.Meta):
        attrs = {"class": "table celery-ops-queues-table"}
        default = _("unknown")
        row_attrs = {"data-key": lambda record: record.name}


#: What is shown of numbers.
COUNTED: Final = ("trend", "arrival_rate", "clears_in", "longest_wait")


def absent_columns(backend: QueueBackend, *, is_counted: bool) -> list[str]:
    """Return the columns that a backend can never fill, and those of numbers where there are none.

    Where there are some, who knows a queue is left to its own page: a row has no room for both.
    """
    supported = {"unacked": backend.supports_unacked, "oldest": backend.supports_oldest_age}
    absent = [name for name, is_supported in supported.items() if not is_supported]
    return [*absent, "sources"] if is_counted else [*absent, *COUNTED]
