"""One task on its way from its publisher to a result: held by a worker, or waiting in a queue."""

import re
from dataclasses import dataclass
from typing import Final

from django.utils.translation import get_language

from ..conf import conf
from ..connections import broker
from ..exceptions import BackendUnavailable
from ..info import TaskInfo
from ..sentences import Sentence as _
from ..tracking import prefix
from . import waiting
from .caching import Shared
from .live import LiveTaskBackend
from .remote.snapshot import snapshot

#: What a viewer types may be an id: Celery's have digits, and a search for words asks no broker.
MAY_BE_ID: Final = re.compile(r"(?=\D*\d)\S+")


@dataclass(frozen=True, slots=True)
class OnItsWay:
    """The task of an id, or None; ``note`` says why it may be there all the same."""

    task: TaskInfo | None = None
    note: str = ""


_shared: Shared[OnItsWay] = Shared(waiting.SHARED_FOR)


def look_for(text: str) -> OnItsWay:
    """Return the task whose whole id a text is. Two seconds old at most; raises nothing.

    A text that is no id, and a broker that has just been found away, are not asked about.
    """
    if not MAY_BE_ID.fullmatch(text):
        return OnItsWay()
    if why := waiting.why_away():
        return OnItsWay(note=why)
    key = (broker(), prefix.current_or_none(), get_language(), text)
    return _shared.get(key, lambda: _look_for(text))


def _look_for(task_id: str) -> OnItsWay:
    try:
        task = live_task(task_id) or waiting_task(task_id)
        return OnItsWay(task, "" if task else out_of_sight())
    except BackendUnavailable as error:
        return OnItsWay(note=str(error))


def forget() -> None:
    """Have the next viewer's question asked anew."""
    _shared.forget()


def live_task(task_id: str) -> TaskInfo | None:
    """Return what the workers hold of a task now. Raises BackendUnavailable, also when there is but an old copy."""
    task = LiveTaskBackend().get(task_id)
    if snapshot().trouble:
        raise BackendUnavailable(_("The broker does not answer, so the workers cannot be asked."))
    return task


def waiting_task(task_id: str) -> TaskInfo | None:
    """Return what the message of a task says that waits in a queue. Raises BackendUnavailable."""
    backend = conf.load("QUEUE_BACKEND")()
    backend.learn()
    message = backend.waiting_message(task_id)
    return waiting.task_of(*message) if message else None


def out_of_sight() -> str:
    """Return what waits where nobody can list it, in a sentence, or nothing. Raises BackendUnavailable."""
    note: str = conf.load("QUEUE_BACKEND")().out_of_sight()
    return note
