"""The broker, and all that can only be asked over it: the workers, their tasks, the queues."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from .. import connections
from ..connections import target
from ..exceptions import BrokerUnavailable
from . import drift, exposure, memory, queues, workers
from .finding import Finding, error, ok


def check() -> Iterator[Finding]:
    """Go from the broker outwards: what lies behind a dead part is not checked."""
    place = target.target()
    if not place.name:
        hint = _("Correct broker_url, or install what its transport needs.")
        yield error("broker", _("The URL of the broker in the settings cannot be used."), hint)
        return
    try:
        connections.within(2 * connections.CONNECT_TIMEOUT, _open)
    except BrokerUnavailable as failure:
        said = {"broker": str(place), "reason": target.reason(failure)}
        message = _("%(broker)s does not answer: %(reason)s.") % said
        yield error("broker", message, _("Start it, or correct broker_url and its password."))
        return
    yield ok("broker", _("%(broker)s answers.") % {"broker": place})
    yield from exposure.check()
    yield from memory.of_broker(place)
    answers = yield from workers.check()
    if answers is not None and answers.replies:
        yield from drift.check(answers)
        yield from queues.check()


def _open() -> None:
    with connections.opened():
        """It is closed again at once."""
