"""Whether somebody reads every queue, whether messages wait for long, and whether they are kept until then."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any, Final

import kombu
from django.utils.translation import gettext as _

from ..backends.broker.declarations import DELAYS
from ..conf import conf
from ..connections import target
from ..control import paused_queues
from ..exceptions import BackendUnavailable
from ..formatting import duration
from ..info import QueueInfo
from .finding import Finding, error, listed, ok, warning

#: From here on a message has waited for long.
LONG: Final = timedelta(minutes=10)
#: Seconds to find the queues that only the broker has.
SEARCH: Final = 1.0


def check() -> Iterator[Finding]:
    """Say which queues nobody consumes, where messages wait, and where they are deleted meanwhile."""
    if target.target().driver == "redis":
        yield _expiring()
    try:
        backend = conf.load("QUEUE_BACKEND")()
        backend.learn(SEARCH)
        known_queues = backend.queues().queues
    except BackendUnavailable as failure:
        yield error("consumers", str(failure), _("Look whether QUEUE_BACKEND names what your broker is."))
        return
    deserted = [queue for queue in known_queues if queue.consumers == 0]
    doubtful = {queue.name for queue in known_queues if queue.consumers is None} - {*DELAYS}
    paused = paused_queues.pauses() if deserted or doubtful else {}
    yield _consumers([queue for queue in deserted if queue.name not in paused], doubtful - paused.keys())
    yield _waiting([queue for queue in known_queues if queue.consumers])


def _expiring() -> Finding:
    """kombu 5.7 lets the messages of a queue that expires live for so long in Redis, whoever consumes it."""
    queues = conf.celery_app.amqp.queues.values() if kombu.VERSION[:2] >= (5, 7) else ()
    if names := {queue.name for queue in queues if _expires(queue)}:
        message = _("Redis deletes what waits in these queues while workers are busy, as they expire: %(names)s.")
        hint = _("Declare them without expires: Redis does not go by who consumes a queue, as RabbitMQ does.")
        return warning("queue-expiry", message % {"names": listed(names)}, hint)
    return ok("queue-expiry", _("What waits in the queues of the settings does not expire with them."))


def _expires(queue: Any) -> bool:
    return bool(queue.expires or (queue.queue_arguments or {}).get("x-expires"))


def _is_late(queue: QueueInfo) -> bool:
    return queue.oldest_age is not None and queue.oldest_age > LONG


def _is_untold(queue: QueueInfo) -> bool:
    """Whether messages wait, or may do, and nobody says for how long: RabbitMQ does not."""
    return queue.oldest_age is None and queue.depth != 0


def _consumers(deserted: list[QueueInfo], doubtful: Collection[str] = ()) -> Finding:
    hint = _("Start a worker with -Q and the queue's name, or stop sending to it.")
    if waiting := {queue.name for queue in deserted if queue.depth}:
        message = _("Messages wait in queues that no worker consumes: %(names)s.") % {"names": listed(waiting)}
        return error("consumers", message, hint)
    if named := {queue.name for queue in deserted if {"settings", "workers"} & set(queue.sources)}:
        message = _("No worker consumes these queues of the settings: %(names)s.") % {"names": listed(named)}
        return warning("consumers", message, hint)
    if doubtful:
        return ok("consumers", _("Nobody says whether these have a worker: %(names)s.") % {"names": listed(doubtful)})
    return ok("consumers", _("Every queue has a worker."))


def _waiting(consumed: list[QueueInfo]) -> Finding:
    if late := [queue for queue in consumed if _is_late(queue)]:
        names = listed(f"{queue.name} ({duration(queue.oldest_age)})" for queue in late)
        message = _("Messages have waited for long: %(names)s.") % {"names": names}
        return warning("waiting", message, _("Add workers to these queues, or look for tasks that block them."))
    if untold := {queue.name for queue in consumed if _is_untold(queue)}:
        message = _("Nobody says for how long messages wait in these: %(names)s.")
        return ok("waiting", message % {"names": listed(untold)})
    return ok("waiting", _("Nothing has waited for longer than %(time)s.") % {"time": duration(LONG)})
