"""Workers by remote control: what they say of themselves, and what they are told."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext_lazy

from ..exceptions import BackendUnavailable, BrokerUnavailable
from ..info import ONLINE, RegisteredTask, WorkerDetail, WorkerInfo, WorkerReport
from ..sentences import Sentence as _
from .base import WorkerBackend
from .broker import backend
from .remote import gather, presence, registered, replies, snapshot
from .remote.known_workers import is_hostname, known_workers
from .remote.looks import Answers, Standing
from .remote.snapshot import Snapshot

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
        latest = snapshot.snapshot()
        others = [_remembered(host, latest.last_words.get(host, {}), standing) for host, standing in _others(latest)]
        workers = [*_answering(latest), *(detail.info for detail in others)]
        workers.sort(key=lambda worker: worker.hostname)
        return WorkerReport(tuple(workers), latest.collected_at, trouble=latest.trouble)

    def worker(self, hostname: str) -> WorkerDetail | None:
        """Ask the worker itself, with one question. A silent one is shown as it was heard last."""
        if not is_hostname(hostname):
            return None
        try:
            answers = gather.ask(DETAIL, [hostname])
            standing = None if hostname in answers.replies else snapshot.standing(hostname)
        except BrokerUnavailable as error:
            raise BackendUnavailable(_("The broker does not answer, so the worker cannot be asked.")) from error
        if hostname in answers.replies:
            is_twice = hostname in answers.twice | snapshot.twice()
            return _online(hostname, answers.replies[hostname], DETAIL, answers.collected_at, is_twice=is_twice)
        return _remembered(hostname, snapshot.last_words(hostname), standing) if standing else None

    def pool_of(self, hostname: str) -> str | None:
        parts = snapshot.last_words(hostname)
        return replies.detail(hostname, parts, parts.keys() & {"stats"}).info.pool

    def registered(self) -> Mapping[str, Mapping[str, RegisteredTask]]:
        return registered.registered_tasks()


#: The look whose replies were read last, and what they say: every viewer of a look reads the same.
_read: tuple[Snapshot | None, tuple[WorkerInfo, ...]] = (None, ())


def _answering(latest: Snapshot) -> tuple[WorkerInfo, ...]:
    global _read
    look, workers = _read
    if look is not latest:
        details = (
            _online(host, parts, snapshot.QUESTIONS, latest.collected_at, is_twice=host in latest.twice)
            for host, parts in latest.answers.replies.items()
        )
        workers = tuple(detail.info for detail in details)
        _read = latest, workers
    return workers


def _others(latest: Snapshot) -> Iterator[tuple[str, Standing]]:
    """Yield the workers that did not answer, and how they are; one that was heard since is online."""
    heard = known_workers().listed.items()
    since = {host: Standing(ONLINE, moment) for host, moment in heard if moment > latest.collected_at}
    others = {**latest.silent, **latest.absent, **since}
    yield from ((host, standing) for host, standing in others.items() if host not in latest.answers.replies)


def _online(
    hostname: str, parts: Mapping[str, Any], methods: Collection[str], heard: datetime, *, is_twice: bool
) -> WorkerDetail:
    detail = replies.detail(hostname, parts, methods, last_seen=heard)
    return replace(detail, info=replace(detail.info, is_twice=is_twice)) if is_twice else detail


def _remembered(hostname: str, parts: Mapping[str, Any], standing: Standing) -> WorkerDetail:
    """A worker as it was heard last; how much it does now is unknown."""
    detail = replies.detail(hostname, parts, parts.keys() & DETAIL.keys(), last_seen=standing.last_seen)
    info = replace(detail.info, state=standing.state, active=None, reserved=None, scheduled=None)
    return replace(detail, info=info, missing=tuple(DETAIL))


# -- commands ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replies:
    """Who was told something, who answered what, and who did not; ``lost`` answered, and then nothing any more."""

    asked: tuple[str, ...] = ()
    answered: Mapping[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()

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
    backend.expire()
    asked = answers.asked if destination is not None else tuple(_there(answers))
    return Replies(asked, answers.to(command))


def with_signs_of_life(replies: Replies) -> Replies:
    """Ask those who answered whether they still do. A broker that is away meanwhile says nothing about them."""
    try:
        answers = gather.ask({"ping": {}}, list(replies.answered))
    except BrokerUnavailable:
        return replies
    return replace(replies, lost=answers.silent)


def _there(answers: Answers) -> Iterator[str]:
    """Yield those who were asked, without the silent ones of which it is known that they are there no more."""
    departed = presence.departed_workers(answers.silent, presence.look()) if answers.silent else {}
    yield from (host for host in answers.asked if host not in departed)


def revoke(
    task_id: str | list[str], *, terminate: bool = False, signal: str = "TERM", timeout: float | None = None
) -> Replies:
    """Ask every worker to drop one task or several, and with ``terminate`` to stop the processes that run them."""
    return broadcast("revoke", {"task_id": task_id, "terminate": terminate, "signal": signal}, timeout=timeout)
