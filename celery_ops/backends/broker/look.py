"""One look at all queues, or at one: the settings read, the workers asked, then the broker, within one deadline."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import chain, islice
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ... import connections
from ...connections.target import Target, reason
from ...exceptions import BrokerUnavailable
from ...info import QueueDetail, QueueInfo
from . import declarations, strays
from .consumption import Consumption, consumption
from .declarations import DELAYS, MOST_QUEUES, Declaration
from .transports import QueueReading, Transport

#: Queues that nobody names, and that are listed whatever the number of others.
MOST_STRAYS: Final = 100
#: Seconds for the workers and the broker together, and for the broker alone.
DEADLINE: Final = 2.2
BROKER_DEADLINE: Final = 1.5
#: Seconds for a broker over which the workers could not be asked: it has used up most of the page's time.
AFTER_SILENCE: Final = 0.4


@dataclass(frozen=True, slots=True)
class BrokerLook:
    """What was found out together. ``readings`` is None when the broker did not answer, and ``trouble`` says why.

    One look serves viewers of all languages: it has no words, but those that wait for their language.
    """

    settings: Mapping[str, Declaration]
    consumption: Consumption
    readings: Mapping[str, QueueReading] | None
    collected_at: datetime
    target: Target
    reason: str | Promise = ""
    is_in_time: bool = True
    strays: tuple[str, ...] = ()

    @property
    def trouble(self) -> str:
        if self.readings is not None:
            return " ".join(self._gaps())
        if not self.target.name:
            return _("The URL of the broker in the settings cannot be used.")
        return _("%(broker)s could not be asked: %(reason)s.") % {"broker": self.target, "reason": self.reason}

    def _gaps(self) -> Iterator[str]:
        """Yield what is missing although the broker answered."""
        if not self.consumption.is_known:
            yield _("The workers could not be asked, so what only they know is missing.")
        if not self.is_in_time:
            yield _("There was no time to ask about every queue.")
        if len(self.names()) == MOST_QUEUES:
            yield _("There may be more queues than the %(count)d shown.") % {"count": MOST_QUEUES}

    def names(self) -> list[str]:
        """Return all queues by name; when there are too many, those of the settings before others.

        Some in which messages wait that nobody knows of come first: they are looked for most.
        """
        on_broker = (
            name
            for name, reading in (self.readings or {}).items()
            if reading.is_there and (reading.depth or name not in DELAYS)
        )
        first = (name for name in self.strays if self.reading(name).is_there)
        return sorted(_most(chain(first, self.settings, self.consumption.declarations, on_broker)))

    def reading(self, name: str) -> QueueReading:
        return (self.readings or {}).get(name, QueueReading())

    def info(self, name: str) -> QueueInfo:
        reading = self.reading(name)
        return QueueInfo(
            name,
            depth=reading.depth,
            unacked=reading.unacked,
            consumers=self._consumers(name),
            oldest_age=None if reading.oldest is None else max(timedelta(0), self.collected_at - reading.oldest),
            paused=False,
            sources=tuple(self._sources(name)),
        )

    def _consumers(self, name: str) -> int | None:
        reading, workers = self.reading(name), self.consumption.of(name)
        if name in DELAYS and not reading.consumers:
            return None  # it needs none
        return len(workers) if reading.consumers is None and workers is not None else reading.consumers

    @property
    def delayed(self) -> int:
        """How many messages RabbitMQ lets wait for their time."""
        return sum(self.reading(name).depth or 0 for name in DELAYS)

    def detail(self, name: str) -> QueueDetail:
        reading = self.reading(name)
        declared = declarations.merged(name, self.settings, self.consumption.declarations)
        return QueueDetail(
            self.info(name),
            bindings=tuple(dict.fromkeys((*declared.bindings, *reading.bindings))),
            durable=declared.durable,
            arguments=declared.arguments,
            workers=self.consumption.of(name),
            priorities=reading.priorities,
            messages=reading.messages,
            trouble=self.trouble,
        )

    def _sources(self, name: str) -> Iterator[str]:
        if name in self.settings:
            yield "settings"
        if name in self.consumption.declarations:
            yield "workers"
        if self.reading(name).is_there:
            yield "broker"


def look(app: Any, target: Target, transport: Transport, only: str | None = None) -> BrokerLook:
    """Return what is known of every queue now, or of ``only`` that one with its head. Raises nothing."""
    end = time.monotonic() + DEADLINE
    settings, consumed = declarations.of_settings(app), consumption(only)
    known: tuple[Mapping[str, Declaration], ...] = (settings, consumed.declarations, declarations.of_process(app))
    named = (*known, declarations.of_objectives(app, known))
    unnamed = _strays(strays.of(target, can_wait=consumed.is_known), named, only)
    described = (*named, unnamed, declarations.delays(target.driver, *named))
    first = islice(unnamed, MOST_STRAYS) if only is None else (name for name in (only,) if _is_in(described, name))
    declared = {name: declarations.merged(name, *described) for name in _most(chain(first, *described))}
    seconds = min(BROKER_DEADLINE, end - time.monotonic()) if consumed.is_known else 0.0
    readings, why = _read(target, transport, declared, only, max(seconds, AFTER_SILENCE))
    is_in_time = only is not None or declared.keys() <= (readings or {}).keys()
    now, first_strays = datetime.now(timezone.utc), tuple(unnamed)[:MOST_STRAYS]
    return BrokerLook(settings, consumed, readings, now, target, why, is_in_time, first_strays)


def _strays(
    bound: strays.Strays, described: Sequence[Mapping[str, Declaration]], only: str | None
) -> Mapping[str, Declaration]:
    """Return the queues that nobody else names: those in which tasks wait, or the one that is asked for."""
    if only is not None:
        return {only: bound.declarations[only]} if only in bound.declarations else {}
    return {name: Declaration(name) for name in bound.waiting if not _is_in(described, name)}


def _is_in(described: Sequence[Mapping[str, Declaration]], name: str) -> bool:
    return any(name in source for source in described)


def _read(
    target: Target, transport: Transport, declared: Mapping[str, Declaration], only: str | None, seconds: float
) -> tuple[Mapping[str, QueueReading] | None, str | Promise]:
    if not target.name:
        return None, ""
    until = time.monotonic() + 0.8 * seconds
    try:
        return connections.within(seconds, lambda: transport.read(declared, only, until)), ""
    except BrokerUnavailable as error:
        return None, reason(error)


def _most(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))[:MOST_QUEUES]
