"""Connections to the broker that give up in time, whatever the broker does.

A pooled connection that timed out may still hold an old question's answer, so each use here has one of its own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from kombu import Connection

from .conf import conf

#: Seconds for a page to reach the broker at all.
CONNECT_TIMEOUT: Final = 1.0

T = TypeVar("T")


class BrokerUnavailable(Exception):
    """The broker did not answer in time, or refused the connection; the message says which."""


def connection() -> Connection:
    """Return a new, unopened connection whose every step is bounded. Use it as a context manager."""
    app = conf.celery_app
    made = app.connection_for_write(connect_timeout=CONNECT_TIMEOUT)
    # asked of the class: the transport reads its options when it is made
    made.transport_options = {**made.transport_options, **_bounds(made.get_transport_cls().driver_type)}
    return made


@contextmanager
def opened(**options: Any) -> Iterator[Connection]:
    """Open a connection of its own, with more transport options; each of the broker's addresses is tried once."""
    with connection() as made:
        made.transport_options.update(options)
        made.ensure_connection(max_retries=max(0, len(made.alt) - 1), interval_start=0, interval_step=0)
        yield made


def broker() -> tuple[str, str]:
    """Return which app and which broker the settings mean now: what is kept of the broker's answers is kept by this."""
    app = conf.celery_app
    return app.oid, str(app.conf.broker_write_url)


def _bounds(driver: str) -> dict[str, Any]:
    if driver == "redis":
        return {
            "socket_timeout": CONNECT_TIMEOUT,
            "socket_connect_timeout": CONNECT_TIMEOUT,
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
    answer: list[T] = []
    failure: list[Exception] = []

    def run() -> None:
        try:
            answer.append(call())
        except Exception as error:
            failure.append(error)

    thread = threading.Thread(target=run, name="celery_ops broker call", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise BrokerUnavailable(f"{type(failure[0]).__name__}: {failure[0]}") from failure[0]
    if not answer:
        raise BrokerUnavailable(f"no answer within {seconds:g} s")
    return answer[0]
