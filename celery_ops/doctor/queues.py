"""Whether somebody reads every queue, and whether messages wait for long."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.utils.translation import gettext as _

from ..conf import conf
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
    """Say which queues nobody consumes, and where messages wait."""
    try:
        backend = conf.load("QUEUE_BACKEND")()
        backend.learn(SEARCH)
        known_queues = backend.queues().queues
    except BackendUnavailable as failure:
        yield error("consumers", str(failure), _("Look whether QUEUE_BACKEND names what your broker is."))
        return
    deserted = [queue for queue in known_queues if queue.consumers == 0]
    paused = paused_queues.known() if deserted else {}
    yield _consumers([queue for queue in deserted if queue.name not in paused])
    yield _waiting([queue for queue in known_queues if queue.consumers and _is_late(queue)])


def _is_late(queue: QueueInfo) -> bool:
    return queue.oldest_age is not None and queue.oldest_age > LONG


def _consumers(deserted: list[QueueInfo]) -> Finding:
    hint = _("Start a worker with -Q and the queue's name, or stop sending to it.")
    if waiting := {queue.name for queue in deserted if queue.depth}:
        message = _("Messages wait in queues that no worker consumes: %(names)s.") % {"names": listed(waiting)}
        return error("consumers", message, hint)
    if named := {queue.name for queue in deserted if {"settings", "workers"} & set(queue.sources)}:
        message = _("No worker consumes these queues of the settings: %(names)s.") % {"names": listed(named)}
        return warning("consumers", message, hint)
    return ok("consumers", _("Every queue has a worker."))


def _waiting(late: list[QueueInfo]) -> Finding:
    if not late:
        return ok("waiting", _("Nothing has waited for longer than %(time)s.") % {"time": duration(LONG)})
    names = listed(f"{queue.name} ({duration(queue.oldest_age)})" for queue in late)
    message = _("Messages have waited for long: %(names)s.") % {"names": names}
    return warning("waiting", message, _("Add workers to these queues, or look for tasks that block them."))
