"""The queues of the broker: what the settings name, what the workers consume, and what the broker itself has."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ... import connections
from ...connections import keyspace, target
from ...exceptions import BackendUnavailable, BrokerUnavailable
from ...info import MessageInfo, QueueDetail, QueueReport
from ...sentences import Sentence as gettext
from ..base import QueueBackend
from ..caching import Shared
from . import declarations, look, strays
from .declarations import LONGEST_NAME
from .look import BrokerLook
from .transports import Transport, transport

#: Seconds for which one set of questions serves every viewer.
SHARED_FOR: Final = 1.0

#: Seconds for finding single messages, and for changing what waits.
MESSAGE_DEADLINE: Final = 1.5
#: Seconds for looking at what waits first.
HEADS_DEADLINE: Final = 0.5

T = TypeVar("T")

_looks: Shared[BrokerLook] = Shared(SHARED_FOR)
_last_looks: dict[str, BrokerLook] = {}


def expire() -> None:
    """Have the next viewer's question asked again: something has just been changed."""
    _looks.forget()


def forget() -> None:
    """Forget what was found and close what is open; the next viewer's questions are asked anew."""
    _looks.forget()
    _last_looks.clear()
    strays.forget()
    keyspace.forget()


def _note(delayed: int) -> str:
    if not delayed:
        return ""
    return ngettext(
        "RabbitMQ holds %(n)s message until its time comes: it cannot be listed, and its task is not known before.",
        "RabbitMQ holds %(n)s messages until their time comes: they cannot be listed, and their tasks are not known"
        " before.",
        delayed,
    ) % {"n": delayed}


class BrokerQueueBackend(QueueBackend):
    """Depths from Redis and RabbitMQ, and from kombu's memory and file transports; elsewhere they are unknown.

    A broker that does not answer raises nothing here: the last report is returned again, with its ``trouble``, or
    else the queues that the settings name, their numbers unknown.
    """

    label = _("Broker")
    description = _("The queues that the settings name, workers consume or the broker has, as the broker counts them.")

    @property
    def data_source(self) -> Any:
        return str(self._target)

    @property
    def supports_unacked(self) -> bool:
        return self._transport.supports_unacked

    @property
    def supports_oldest_age(self) -> bool:
        return self._transport.supports_oldest_age

    @property
    def supports_messages(self) -> bool:
        return self._transport.supports_messages

    @property
    def supports_changes(self) -> bool:
        return self._transport.supports_changes

    def learn(self, wait: float = 0.0) -> None:
        """Begin to search a Redis for the queues that only it has: nothing that a page asks for may take that long."""
        before = strays.of(self._target, can_wait=False)
        strays.begin(self._target, wait)
        if strays.of(self._target, can_wait=False) != before:  # what others have just looked at lacks these
            expire()

    def queues(self) -> QueueReport:
        broker_look = self._look()
        if broker_look.readings is not None:
            _last_looks[self._target.identity] = broker_look
        last = _last_looks.get(self._target.identity, broker_look)
        queues = tuple(map(last.info, last.names()))
        return QueueReport(queues, last.collected_at, broker_look.trouble, _note(last.delayed))

    def queue(self, name: str) -> QueueDetail | None:
        if not 0 < len(name) <= LONGEST_NAME:
            return None
        broker_look = self._look(name)
        if broker_look.info(name).sources:
            return broker_look.detail(name)
        if broker_look.readings is None or not broker_look.consumption.is_known:  # it may well exist
            raise BackendUnavailable(broker_look.trouble)
        return None

    def waiting_message(self, task_id: str) -> tuple[str, MessageInfo] | None:
        names = [queue.name for queue in self.queues().queues if queue.depth]
        return self._within_deadline(lambda: self._transport.message(names, task_id)) if names else None

    def heads(self, most: int) -> list[tuple[str, MessageInfo]]:
        """Of the queues that the settings and this process name: no worker is asked."""
        if not self.supports_messages:
            return []
        declared = {**declarations.of_process(self.app), **declarations.of_settings(self.app)}

        def read() -> list[tuple[str, MessageInfo]]:
            until = time.monotonic() + HEADS_DEADLINE
            readings = self._transport.read(declared, None, until)
            depths = {name: reading.depth or 0 for name, reading in readings.items()}
            full = sorted((name for name in declared if depths.get(name)), key=lambda name: -depths[name])[:most]
            heads: list[tuple[str, MessageInfo]] = []
            for name in full:
                head = self._transport.read({name: declared[name]}, name, until).get(name)
                heads += [(name, message) for message in (head and head.messages) or ()]
            return heads

        return self._within_deadline(read, HEADS_DEADLINE)

    def waiting_messages(self, name: str, task_ids: Sequence[str]) -> list[str]:
        return self._within_deadline(lambda: self._transport.waiting(name, task_ids))

    def delete_messages(self, name: str, task_ids: Sequence[str]) -> list[str]:
        return self._within_deadline(lambda: self._transport.delete(name, task_ids))

    def move_messages(self, name: str, task_ids: Sequence[str], to: str) -> list[str]:
        return self._within_deadline(lambda: self._transport.move(name, task_ids, to))

    def _within_deadline(self, do: Callable[[], T], seconds: float = MESSAGE_DEADLINE) -> T:
        try:
            return connections.within(seconds, do)
        except BrokerUnavailable as error:
            names = {"broker": str(self._target), "reason": target.reason(error)}
            raise BackendUnavailable(gettext("%(broker)s could not be asked: %(reason)s.") % names) from error

    @cached_property
    def _target(self) -> target.Target:
        return target.target()

    @cached_property
    def _transport(self) -> Transport:
        return transport(self._target.driver, self._target.identity)

    def _look(self, only: str | None = None) -> BrokerLook:
        return _looks.get(
            (self._target.identity, only), lambda: look.look(self.app, self._target, self._transport, only)
        )
