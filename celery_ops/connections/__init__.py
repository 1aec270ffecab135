"""Connections to the broker that give up in time, whatever the broker does.

A pooled connection that timed out may still hold an old question's answer, so each use here has one of its own.
"""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from kombu.connection import Connection

from ..concurrency import Asked
from ..conf import conf
from ..exceptions import BrokerUnavailable, NoAnswer

#: Seconds for a page to reach the broker at all.
CONNECT_TIMEOUT: Final = 1.0

#: Seconds for which a connection that published is kept, and how many of them a process keeps.
IDLE: Final = 10.0
MOST_IDLE: Final = 4

T = TypeVar("T")


def connection() -> Connection:
    """Return a new, unopened connection whose every step is bounded. Use it as a context manager."""
    app = conf.celery_app
    made = app.connection_for_write(connect_timeout=CONNECT_TIMEOUT)
    # asked of the class: the transport reads its options when it is made
    made.transport_options = {**made.transport_options, **_bounds(made)}
    return made


def addresses() -> Iterator[Connection]:
    """Yield an unopened connection for each of the broker's addresses, the one that is tried first first."""
    first = connection()
    yield first
    for url in first.alt[1:]:
        other = connection()
        other.switch(url)
        yield other


def ensure(made: Connection) -> Connection:
    """Open a connection at the first of the broker's addresses that answers; each is tried once, without a pause."""
    return made.ensure_connection(max_retries=max(0, len(made.alt) - 1), interval_start=0, interval_step=0)


@contextmanager
def publishing() -> Iterator[Connection]:
    """Lend a connection to publish with. One that was used a moment ago and did not fail is lent again.

    Connecting takes several times as long as publishing. What fails inside costs the connection, so that no answer
    that comes late is taken for another's.
    """
    key = (os.getpid(), *broker())
    made = _kept.take(key) or connection()
    try:
        if len(made.alt) > 1:  # else whoever publishes opens it
            ensure(made)
        yield made
    except BaseException:
        made.close()
        raise
    _kept.give(key, made)


class _Kept:
    """The connections that nobody uses just now, the one used last at the end."""

    def __init__(self) -> None:
        self._idle: deque[tuple[Any, Connection, float]] = deque()

    def take(self, key: Any) -> Connection | None:
        while self._idle:
            try:
                owner, kept, since = self._idle.pop()
            except IndexError:  # another thread was quicker
                return None
            if owner == key and time.monotonic() - since < IDLE and not _is_stale(kept):
                return kept
            if owner[0] == key[0]:  # a parent's are the parent's to close
                kept.close()
        return None

    def give(self, key: Any, kept: Connection) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append((key, kept, time.monotonic()))
        else:
            kept.close()


_kept = _Kept()


def _is_stale(kept: Connection) -> bool:
    """Whether something waits to be read, which on a connection that only publishes is its end.

    Of the transports that have no one socket Redis looks for itself, and those in memory cannot end.
    """
    sock = getattr(kept.connection, "sock", None) if kept.connected else None
    if sock is None:
        return False
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


@contextmanager
def opened(**options: Any) -> Iterator[Connection]:
    """Open a connection of its own, with more transport options; each of the broker's addresses is tried once."""
    with connection() as made:
        made.transport_options.update(options)
        yield ensure(made)


def broker() -> tuple[str, str]:
    """Return which app and which broker the settings mean now: what is kept of the broker's answers is kept by this."""
    app = conf.celery_app
    return app.oid, str(app.conf.broker_write_url)


def _bounds(made: Connection) -> dict[str, Any]:
    driver = made.get_transport_cls().driver_type
    if driver == "redis":
        from .redis import bounds

        given = (made.transport_options or {}).get("sentinel_kwargs")
        return {
            **bounds(CONNECT_TIMEOUT),
            "sentinel_kwargs": {**(given or {}), **bounds(CONNECT_TIMEOUT)},
            "retry_on_timeout": False,
            "max_retries": 0,
            "polling_interval": None,
        }
    if driver == "amqp":
        seconds = CONNECT_TIMEOUT + conf.CONTROL_TIMEOUT
        return {"connect_timeout": CONNECT_TIMEOUT, "read_timeout": seconds, "write_timeout": seconds}
    return {"max_retries": 0}


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return ``call()``, or raise BrokerUnavailable when it fails or takes longer than ``seconds``.

    The call runs in a thread of its own: some transports wait for ever on a broker that is frozen.
    """
    try:
        return Asked(call, "broker call").answer(seconds)
    except NoAnswer:
        raise BrokerUnavailable(f"no answer within {seconds:g} s") from None
    except Exception as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
