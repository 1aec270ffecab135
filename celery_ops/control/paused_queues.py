"""What the lists and pages of queues say of those that are paused: the journal knows, no backend does."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import Error as DatabaseError

from ..backends.base import QueueBackend
from ..backends.broker.declarations import MOST_QUEUES
from ..conf import conf
from ..exceptions import BackendUnavailable
from ..info import QueueDetail, QueueInfo, QueueReport
from ..logs import get_logger
from .standing import Paused, paused_queues

logger = get_logger("celery_ops.acting")

Pauses = Mapping[str, Paused]


def pauses() -> Pauses:
    """Return the paused queues in one query, none when the database does not answer, and tell this process of them.

    A queue that only paused workers consume is one that nobody else names: RabbitMQ tells of no queue that is not
    asked for.
    """
    try:
        paused = paused_queues()
    except DatabaseError:
        logger.warning("It is not known which queues are paused", exc_info=True)
        return {}
    for name in paused:
        _introduce(name)
    return paused


def with_paused(report: QueueReport, paused: Pauses) -> QueueReport:
    """Return the report with what is paused marked, and added where the backend does not know it."""
    listed = {queue.name: queue for queue in report.queues}
    missing = [QueueInfo(name, paused=True) for name in paused if name not in listed]
    queues = [replace(queue, paused=True) if name in paused else queue for name, queue in listed.items()]
    if missing:
        queues = sorted((*queues, *missing), key=lambda queue: queue.name)
    return replace(report, queues=tuple(queues))


def queues(backend: QueueBackend, *, wait: float = 0.0, named: str = "") -> QueueReport:
    """Return a backend's report with what is paused marked. Raises BackendUnavailable.

    ``wait`` are the seconds that may be taken to find queues that only the broker has, beyond what a page takes.
    ``named`` is the name of one that is to be in it, if somebody knows it.
    """
    backend.learn(wait)
    paused = pauses()
    return with_paused(with_named(backend.queues(), backend, named), paused)


def with_named(report: QueueReport, backend: QueueBackend, name: str) -> QueueReport:
    """Return the report with the queue of this name: where there are very many, the backend lists the first ones."""
    if not name or len(report.queues) < MOST_QUEUES or any(queue.name == name for queue in report.queues):
        return report
    try:
        detail = backend.queue(name)
    except BackendUnavailable:
        return report
    return replace(report, queues=(*report.queues, detail.info)) if detail else report


def queue(backend: QueueBackend, name: str, *, wait: float = 0.0) -> tuple[QueueDetail | None, Paused | None]:
    """Return what is known of one queue, None when nobody knows it, and its pause. Raises BackendUnavailable.

    ``wait`` is as for ``queues``.
    """
    backend.learn(wait)
    paused = pauses()
    return marked_detail(backend, name, paused), paused.get(name)


def marked_detail(backend: QueueBackend, name: str, paused: Pauses) -> QueueDetail | None:
    """Return what is known of one queue, None when nobody knows it. Raises BackendUnavailable."""
    detail = backend.queue(name)
    if name not in paused:
        return detail
    detail = detail or QueueDetail(QueueInfo(name))
    return replace(detail, info=replace(detail.info, paused=True))


def _introduce(name: str) -> Any:
    try:
        return conf.celery_app.amqp.queues[name]  # made when it is missing, as for whoever publishes to it
    except KeyError:  # the site's configuration forbids that
        return None
