"""Which tasks live workers have registered: asked every ten seconds at most, since it changes with a deploy."""

from collections.abc import Mapping
from typing import Final

from django.utils.translation import gettext as _

from ... import connections
from ...exceptions import BackendUnavailable, BrokerUnavailable
from ...info import RegisteredTask
from ..caching import Shared
from . import gather, replies

#: What every worker is asked.
QUESTION: Final = {"registered": {"taskinfoitems": list(replies.LIMITS)}}

#: By task name and hostname; None when the broker did not answer, which is not asked again at once either.
Registered = Mapping[str, Mapping[str, RegisteredTask]]

_shared: Shared[Registered | None] = Shared(10.0)


def registered_tasks() -> Registered:
    """Return the tasks of every worker that answers, by task name and hostname. Raises BackendUnavailable."""
    tasks = _shared.get(connections.broker(), _ask)
    if tasks is None:
        raise BackendUnavailable(_("The broker does not answer, so it is not known which tasks the workers have."))
    return tasks


def forget() -> None:
    """Have the next question go to the workers."""
    _shared.forget()


def _ask() -> Registered | None:
    try:
        answers = gather.ask(QUESTION)
    except BrokerUnavailable:
        return None
    tasks: dict[str, dict[str, RegisteredTask]] = {}
    for hostname, reply in sorted(answers.to("registered").items()):
        for task in replies.registered(reply, hostname) or ():
            tasks.setdefault(task.name, {})[hostname] = task
    return tasks
