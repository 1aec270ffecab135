"""Which tasks live workers have registered: asked every ten seconds at most, since it changes with a deploy.

That is for the whole site, where its processes have a store or a cache in common.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ... import connections
from ...exceptions import BackendUnavailable, BrokerUnavailable
from ...info import RegisteredTask
from ...sentences import Sentence as _
from ..caching import Shared
from . import gather, packing, replies
from .sharing import Board

#: What every worker is asked.
QUESTION: Final = {"registered": {"taskinfoitems": list(replies.LIMITS)}}

#: Seconds for which an answer serves the site, and for which a broker that did not answer is not asked again.
SECONDS: Final = 10.0

#: By task name and hostname.
Registered = Mapping[str, Mapping[str, RegisteredTask]]


@dataclass(frozen=True, slots=True)
class RegisteredTasks:
    """What the workers have, None when the broker did not answer; ``age`` is in seconds."""

    tasks: Registered | None
    age: float = 0.0


_shared: Shared[RegisteredTasks] = Shared(SECONDS)


def registered_tasks() -> Registered:
    """Return the tasks of every worker that answers, by task name and hostname. Raises BackendUnavailable."""
    tasks = _shared.get(connections.broker(), _answer, lambda answer: answer.age).tasks
    if tasks is None:
        raise BackendUnavailable(_("The broker does not answer, so it is not known which tasks the workers have."))
    return tasks


def forget() -> None:
    """Have the next question go to the workers."""
    _shared.forget()
    Board().forget("registered")


def _answer() -> RegisteredTasks:
    """Ask, unless another of the site's processes has asked a moment ago."""
    board = Board()
    note = board.recall("registered")
    if note is not None and (lists := packing.unpacked_lists(note.value)) is not None:
        return RegisteredTasks(_tasks(lists), SECONDS - min(SECONDS, note.left or SECONDS))
    try:
        lists = gather.ask(QUESTION).to("registered")
    except BrokerUnavailable:
        return RegisteredTasks(None)
    board.tell("registered", packing.packed_lists(lists), SECONDS)
    return RegisteredTasks(_tasks(lists))


def _tasks(lists: Mapping[str, Any]) -> Registered:
    tasks: dict[str, dict[str, RegisteredTask]] = {}
    for hostname, lines in sorted(lists.items()):
        for task in replies.registered(lines, hostname) or ():
            tasks.setdefault(task.name, {})[hostname] = task
    return tasks
