"""Asking workers: one broadcast, one deadline, and the silent ones named."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .. import connections
from ..conf import conf

#: Seconds for which a worker that has been heard stays listed.
REMEMBERED: Final = 86400


@dataclass(frozen=True, slots=True)
class Replies:
    """Who was asked, who answered what, and who did not."""

    asked: tuple[str, ...] = ()
    answered: Mapping[str, Any] = field(default_factory=dict)

    @property
    def silent(self) -> tuple[str, ...]:
        return tuple(host for host in self.asked if host not in self.answered)


class KnownWorkers:
    """The workers heard by this process, so that a question need not always wait for its whole deadline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, float] = {}
        self._expected: frozenset[str] = frozenset()

    def hear(self, hostnames: set[str]) -> None:
        """Note one round's answers: a worker silent in it is still asked, and not waited for until heard again."""
        now = time.monotonic()
        with self._lock:
            self._heard.update(dict.fromkeys(hostnames, now))
            self._expected = frozenset(hostnames)

    @property
    def listed(self) -> set[str]:
        oldest = time.monotonic() - REMEMBERED
        with self._lock:
            return {host for host, heard in self._heard.items() if heard > oldest}

    @property
    def expected(self) -> frozenset[str]:
        return self._expected

    def forget(self) -> None:
        with self._lock:
            self._heard.clear()
            self._expected = frozenset()


known_workers = KnownWorkers()


def broadcast(command: str, **arguments: Any) -> Replies:
    """Ask every worker within ``CONTROL_TIMEOUT`` seconds and return the replies by hostname.

    Done sooner once all that answered the last time have answered. Raises BrokerUnavailable.
    """
    timeout = float(conf.CONTROL_TIMEOUT)

    def ask() -> list[Any]:
        with connections.connection() as connection:
            return conf.celery_app.control.broadcast(
                command,
                arguments=arguments,
                reply=True,
                timeout=timeout,
                limit=len(known_workers.expected) or None,
                connection=connection,
            )

    answered = _by_host(connections.within(connections.CONNECT_TIMEOUT + timeout, ask))
    asked = known_workers.listed | set(answered)
    known_workers.hear(set(answered))
    return Replies(tuple(sorted(asked)), answered)


def revoke(task_id: str, *, terminate: bool = False, signal: str = "TERM") -> Replies:
    """Ask every worker to drop a task, and with ``terminate`` to stop the process that runs it."""
    return broadcast("revoke", task_id=task_id, terminate=terminate, signal=signal)


def _by_host(replies: Any) -> dict[str, Any]:
    """Workers are not trusted: what is not ``{hostname: reply}`` is left out."""
    found: dict[str, Any] = {}
    for reply in replies if isinstance(replies, list) else ():
        if isinstance(reply, dict):
            found.update({host: answer for host, answer in reply.items() if isinstance(host, str)})
    return found
