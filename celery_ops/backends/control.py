"""Workers by remote control: what they say of themselves, and what they are told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..connections import BrokerUnavailable
from ..info import NO_REPLY, ONLINE, RegisteredTask, WorkerDetail, WorkerReport
from . import broker, gather, registered, replies, snapshot
from .base import BackendUnavailable, WorkerBackend
from .known import known_workers

#: What one worker is asked for its own page.
DETAIL: Final[Mapping[str, Mapping[str, Any]]] = {
    **snapshot.QUESTIONS,
    **registered.QUESTION,
    "conf": {"with_defaults": False},
}


class ControlWorkerBackend(WorkerBackend):
    """Asks the workers themselves, over the broker. One that is silent stays listed for a day."""

    label = gettext_lazy("Remote control")
    description = gettext_lazy("What every worker says of itself when it is asked.")
    data_source = gettext_lazy("The workers, over the broker")

    def workers(self) -> WorkerReport:
        seen = snapshot.snapshot()
        answered, heard = seen.answers.replies, known_workers().listed
        details = [_online(host, parts, snapshot.QUESTIONS, seen.collected_at) for host, parts in answered.items()]
        details += [
            _remembered(host, seen.last_words.get(host, {}), moment, silent=moment <= seen.collected_at)
            for host, moment in heard.items()
            if host not in answered
        ]
        workers = sorted((detail.info for detail in details), key=lambda worker: worker.hostname)
        return WorkerReport(tuple(workers), seen.collected_at, trouble=seen.trouble)

    def worker(self, hostname: str) -> WorkerDetail | None:
        """Ask the worker itself, with one question. A silent one is shown as it was heard last."""
        if not gather.is_hostname(hostname):
            return None
        try:
            answers = gather.ask(DETAIL, [hostname])
        except BrokerUnavailable as error:
            raise BackendUnavailable(_("The broker does not answer, so the worker cannot be asked.")) from error
        if hostname in answers.replies:
            return _online(hostname, answers.replies[hostname], DETAIL, answers.collected_at)
        heard = known_workers().listed.get(hostname)
        return _remembered(hostname, snapshot.last_words(hostname), heard) if heard else None

    def registered(self) -> Mapping[str, Mapping[str, RegisteredTask]]:
        return registered.registered_tasks()


def _online(hostname: str, parts: Mapping[str, Any], methods: Collection[str], heard: datetime) -> WorkerDetail:
    return replies.detail(hostname, parts, methods, last_seen=heard)


def _remembered(hostname: str, parts: Mapping[str, Any], heard: datetime, *, silent: bool = True) -> WorkerDetail:
    """A worker as it was heard last; how much it does now is unknown."""
    detail = replies.detail(hostname, parts, parts.keys() & DETAIL.keys(), last_seen=heard)
    state = NO_REPLY if silent else ONLINE
    info = replace(detail.info, state=state, active=None, reserved=None, scheduled=None)
    return replace(detail, info=info, missing=tuple(DETAIL))


# -- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replies:
    """Who was told something, who answered what, and who did not."""

    asked: tuple[str, ...] = ()
    answered: Mapping[str, Any] = field(default_factory=dict)

    @property
    def silent(self) -> tuple[str, ...]:
        return tuple(host for host in self.asked if host not in self.answered)


def broadcast(
    command: str,
    arguments: Mapping[str, Any] | None = None,
    destination: Collection[str] | None = None,
    *,
    timeout: float | None = None,
) -> Replies:
    """Tell every worker, or those of the destination, and return what they answered within ``timeout`` seconds.

    Without ``timeout`` these are ``CONTROL_TIMEOUT``. Raises ValueError when the destination is empty,
    BrokerUnavailable when the broker does not answer.
    """
    answers = gather.ask({command: arguments or {}}, destination, timeout=timeout)
    snapshot.expire()
    broker.expire()
    return Replies(answers.asked, answers.to(command))


def revoke(
    task_id: str | list[str], *, terminate: bool = False, signal: str = "TERM", timeout: float | None = None
) -> Replies:
    """Ask every worker to drop one task or several, and with ``terminate`` to stop the processes that run them."""
    return broadcast("revoke", {"task_id": task_id, "terminate": terminate, "signal": signal}, timeout=timeout)
