"""Apps of a test's own, and what their workers would say."""

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from unittest import mock

from celery import Celery
from kombu import Queue

from celery_ops.backends.broker import backend, consumption, look
from celery_ops.backends.broker.backend import BrokerQueueBackend
from celery_ops.backends.remote.gather import Answers
from celery_ops.backends.remote.presence import Standing
from celery_ops.backends.remote.snapshot import Snapshot
from celery_ops.info import NO_REPLY, QueueDetail, QueueInfo

NOTHING: Mapping[str, Any] = {}
#: Seconds after which a look is given up where it is not to be, however busy the machine.
LONG = 20.0


def make_app(url: str, *queues: Queue, **conf: Any) -> Celery:
    app = Celery("brokers", broker=url, set_as_current=False)
    app.conf.update(task_queues=queues or None, broker_connection_retry_on_startup=True, **conf)
    return app


@contextlib.contextmanager
def using(settings: Any, app: Celery, queues: Mapping[str, Any] | Exception = NOTHING, **more: Any) -> Iterator[Celery]:
    """Let this be the site's app, and its workers say ``queues`` of their queues, by hostname."""
    settings.CELERY_OPS = {"APP": app}
    backend.forget()
    answers = {"side_effect": queues} if isinstance(queues, Exception) else {"return_value": heard(queues, **more)}
    with mock.patch.object(consumption, "snapshot", **answers):
        try:
            yield app
        finally:
            backend.forget()


@contextlib.contextmanager
def unhurried() -> Iterator[None]:
    """Let no look at the broker be given up."""
    with (
        mock.patch.multiple(look, DEADLINE=LONG, BROKER_DEADLINE=LONG),
        mock.patch.object(backend, "HEADS_DEADLINE", LONG),
    ):
        yield


def heard(queues: Mapping[str, Any], silent: Collection[str] = (), trouble: str = "") -> Snapshot:
    """Return what workers say, as the shared snapshot has it; the silent ones said it before."""
    words = {host: {"active_queues": reply} for host, reply in queues.items()}
    replies = {host: parts for host, parts in words.items() if host not in silent}
    now = datetime.now(timezone.utc)
    return Snapshot(Answers(tuple(words), replies, now), words, trouble, dict.fromkeys(silent, Standing(NO_REPLY, now)))


def publish(app: Celery, queue: str, *, task: str = "brokers.task", times: int = 1, **options: Any) -> list[str]:
    """Send a task, if not told otherwise one that no worker has; return the ids."""
    with app.connection_for_write() as connection:
        return [
            app.send_task(task, (number,), queue=queue, connection=connection, **options).id for number in range(times)
        ]


def declare(app: Celery, *names: str) -> None:
    with app.connection_for_write() as connection, connection.channel() as channel:
        for name in names:
            app.amqp.queues[name].bind(channel).declare()


def queues_of(planted: Sequence[QueueDetail]) -> list[Queue]:
    return [Queue(detail.info.name, detail.info.name, routing_key=detail.info.name) for detail in planted]


def plant(app: Celery, planted: Sequence[QueueDetail]) -> None:
    """Put what a contract's suite plants into the broker."""
    declare(app, *(detail.info.name for detail in planted))
    for detail in planted:
        for message in detail.messages or ():
            publish(app, detail.info.name, task=message.name, task_id=message.task_id)


def queue(name: str) -> QueueInfo:
    """Return what the list says of a queue now."""
    backend.forget()
    return next(info for info in BrokerQueueBackend().queues().queues if info.name == name)


def detail(name: str) -> QueueDetail:
    backend.forget()
    queue_detail = BrokerQueueBackend().queue(name)
    assert queue_detail is not None
    return queue_detail


def timed(call: Any) -> tuple[Any, float]:
    begin = time.monotonic()
    return call(), time.monotonic() - begin


def consuming(*names: str) -> list[Mapping[str, Any]]:
    """Return what a worker answers when it is asked for its queues."""
    return [Queue(name, name, routing_key=name).as_dict(recurse=True) for name in names]
