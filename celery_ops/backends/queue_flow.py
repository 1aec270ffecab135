"""What comes into a queue and what is taken out of it, as counted in the last hour, beside what waits there now."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Final

from django.utils.translation import gettext as _

from ..exceptions import StoreUnavailable
from ..info import QueueInfo
from ..logs import get_logger
from ..metrics.cells import Cell
from ..metrics.insight import queues_and_site
from ..metrics.reading import Numbers
from ..metrics.switch import is_on
from ..metrics.windows import MINUTE, WINDOWS

logger = get_logger("celery_ops.backends")

#: Whole minutes that rates are of, beside the one under way.
RATED: Final = 5
#: Seconds after which all processes have told what they saw: they do so every five.
TOLD_AFTER: Final = 10
#: Which part of a growth by the numbers has to lie in the queue: tasks for later lie with their workers.
SHARE_WITHIN: Final = 0.8
#: Which part of a wait is certain: how long it took is kept within 5 %.
SHARE_CERTAIN: Final = 0.95


@dataclass(frozen=True, slots=True)
class QueueFlow:
    """Tasks a minute that come and are begun, over some five minutes; the rest in seconds. None is unknown.

    ``clears_in`` is when all that waits is begun, at these rates: None also while more comes than is begun.
    ``growing_for`` is for how long the queue has grown, minute by minute: 0 where it has not. ``longest_wait`` is that
    of the last hour, within 5 %. ``trend`` is what was in the queue at the end of each minute and is there now, None
    where that is not known: before the first minute in which anything was counted, unless something waited then.
    ``net`` is how many more came than were begun in each whole minute, ``since`` after those. ``now`` is in which
    minute of the hour these end, ``known_from`` from which on they say what waited.
    """

    arrival_rate: float | None = None
    drain_rate: float | None = None
    clears_in: float | None = None
    growing_for: float | None = None
    longest_wait: float | None = None
    trend: Sequence[int | None] = ()
    net: Sequence[int] = ()
    since: int = 0
    now: float = 0.0
    known_from: float = 0.0

    @property
    def is_growing(self) -> bool:
        """Whether more comes than is begun."""
        return self.drain_rate is not None and (self.arrival_rate or 0) > self.drain_rate

    @property
    def untold(self) -> int:
        """How many may have come of which whoever published them has not told yet."""
        return ceil((self.arrival_rate or 0) * TOLD_AFTER / MINUTE)

    @classmethod
    def of(cls, numbers: Numbers, now: float) -> "QueueFlow":
        """Return what numbers by the minute say up to ``now``."""
        sent, started = numbers.cells[Cell.SENT], numbers.cells[Cell.STARTED]
        net = [came - gone for came, gone in zip(sent, started, strict=True)]
        passed = now % MINUTE / MINUTE
        minutes = RATED + passed
        whole = len(net) - (1 if now % MINUTE >= TOLD_AFTER else 2)
        longest_wait = numbers.wait.percentile(100)
        flow = cls(
            sum(sent[-RATED - 1 :]) / minutes,
            longest_wait=longest_wait,
            net=net[:whole],
            since=sum(net[whole:]),
            now=len(net) - 1 + passed,
            known_from=_known_from(sent, started, longest_wait or 0.0),
        )
        if not any(started):  # by workers that count nothing, perhaps
            return flow
        return replace(flow, drain_rate=sum(started[-RATED - 1 :]) / minutes)

    def beside(self, queue: QueueInfo) -> "QueueFlow":
        """Return these numbers with what follows from how much waits in the queue now."""
        if self.arrival_rate is None:
            return self
        drain = 0.0 if self.drain_rate is None and queue.consumers == 0 else self.drain_rate
        if queue.depth is None or drain is None:
            return self
        oldest = self.now if queue.oldest_age is None else self.now - queue.oldest_age.total_seconds() / MINUTE
        return replace(
            self,
            drain_rate=drain,
            clears_in=_clears_in(queue.depth, drain - self.arrival_rate),
            growing_for=_growing_for(queue.depth, self.net) * MINUTE,
            trend=_trend(queue.depth, [*self.net, self.since], min(self.known_from, oldest), self.untold),
        )


UNKNOWN: Final = QueueFlow()


@dataclass(frozen=True, slots=True)
class CountedQueue:
    """A queue beside its numbers: it has the attributes of both."""

    info: QueueInfo
    flow: QueueFlow

    def __getattr__(self, name: str) -> Any:
        return getattr(self.info if hasattr(self.info, name) else self.flow, name)


@dataclass(frozen=True, slots=True)
class Flows:
    """What was counted in the last hour, of each queue by its name and of the whole site: None where nothing was.

    ``is_partial`` says that there are queues with numbers of their own that are not known.
    """

    queues: Mapping[str, QueueFlow] = field(default_factory=dict)
    site: QueueFlow | None = None
    numbers: Numbers | None = None
    is_partial: bool = False

    @property
    def note(self) -> str:
        """Why the numbers of some queues are unknown, in a sentence, or nothing."""
        if not self.is_partial:
            return ""
        return _(
            "More pairs of a task and a queue are counted than are told apart: what comes to other queues, and is begun"
            " of it, is unknown."
        )


def queue_flows() -> Mapping[str, QueueFlow]:
    """Return what was counted of each queue in the last hour, by its name: nothing while the store is away."""
    return flows().queues


def flows(now: float | None = None) -> Flows:
    """Return what was counted in the last hour: nothing while the store is away."""
    if not is_on():
        return Flows()
    now = time.time() if now is None else now
    try:
        by_queue, site, is_partial = queues_and_site(WINDOWS["1h"], now)
    except StoreUnavailable as error:
        logger.debug("Queues are shown without numbers: %s", error)
        return Flows()
    queues = {name: QueueFlow.of(numbers, now) for name, numbers in by_queue.items() if _is_used(numbers)}
    if not any(map(any, site.cells.values())):
        return Flows(queues, is_partial=is_partial)
    return Flows(queues, QueueFlow.of(site, now), site, is_partial)


def flow_of(queue: QueueInfo, flows: Mapping[str, QueueFlow]) -> QueueFlow:
    """Return what is known of a queue's numbers."""
    return flows.get(queue.name, UNKNOWN).beside(queue)


def _is_used(numbers: Numbers) -> bool:
    return any(numbers.cells[Cell.SENT]) or any(numbers.cells[Cell.STARTED])


def _clears_in(depth: int, surplus: float) -> float | None:
    """Return the seconds until so many are begun, where ``surplus`` more a minute are begun than come."""
    if not depth:
        return 0.0
    return depth / surplus * MINUTE if surplus > 0 else None


def _growing_for(depth: int, net: Sequence[int]) -> int:
    """Return for how many minutes a queue has grown in each one, as far as that is what waits in it now."""
    minutes = growth = 0
    for number in reversed(net):
        if number <= 0 or (growth + number) * SHARE_WITHIN > depth:
            break
        minutes, growth = minutes + 1, growth + number
    return minutes


def _known_from(sent: Sequence[int], started: Sequence[int], longest_wait: float) -> float:
    """Return from which minute on the numbers say what waited.

    That is the end of the first one in which anything was counted: what cannot be explained by what was counted, such
    as a start of what came by a process that counts nothing, did not wait in a queue that was not there. What waited
    for long was there before its start.
    """
    counted = [minute for minute, numbers in enumerate(zip(sent, started, strict=True)) if any(numbers)]
    if not counted or counted[0] == 0:
        return 0.0
    begun = [minute for minute, number in enumerate(started) if number]
    waited = SHARE_CERTAIN * longest_wait / MINUTE
    return min(counted[0] + 1, begun[-1] + 1 - waited) if begun else counted[0] + 1


def _trend(depth: int, net: Sequence[int], known_from: float, untold: int) -> list[int | None]:
    """Return what waited at the end of each minute, reckoned back from what waits now, as far as that is known.

    Of a queue that is empty now, and by the numbers never was, but for as few as are ``untold``, these have not waited:
    they were begun just now, and who began them was the first to tell.
    """
    depths = [depth]
    for number in reversed(net):
        depths.append(max(0, depths[-1] - number))
    *earlier, now = reversed(depths)
    trend = [waiting if minute >= known_from else None for minute, waiting in enumerate(earlier)]
    least = min((waiting for waiting in trend if waiting is not None), default=0)
    if depth == 0 and least <= untold:
        trend = [None if waiting is None else waiting - least for waiting in trend]
    return [*trend, now]
