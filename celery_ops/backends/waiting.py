"""The tasks that wait: published, as the store and the heads of the queues know, and no worker has begun them yet."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..conf import conf
from ..connections import broker
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import MessageInfo, TaskInfo, TrackedTask
from ..logs import get_logger
from ..sentences import heard, said_of
from ..states import PENDING, RECEIVED
from ..tracking import newest, prefix
from ..tracking.reading import tasks_in
from ..tracking.refs import ObjectRef
from ..tracking.store import TASK
from .caching import Shared
from .tracked import info

logger = get_logger("celery_ops.backends")

#: Of so many tracked tasks, the newest ones, those that wait are listed.
NEWEST: Final = 1000
#: Queues whose heads are looked at.
QUEUES: Final = 10
#: Seconds for which what was found serves every viewer, and for which a broker that was away is not asked again.
SHARED_FOR: Final = 2.0
AWAY_FOR: Final = 30.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Tasks that wait, each once; ``is_partial`` says that there may be more."""

    tasks: tuple[TaskInfo, ...] = ()
    is_partial: bool = False


def waiting() -> Waiting:
    """Return the tasks that wait, a source that is away left out. Two seconds old at most; raises nothing."""
    return _shared.get((broker(), prefix.current_or_none()), _waiting_now)


def why_away() -> str:
    """Return why the broker was not asked lately, in a sentence, or nothing."""
    until, error = _away.get(broker(), (0.0, None))
    if error is None or until < time.monotonic():
        return ""
    return heard(text := str(error), said_of(text))


def forget() -> None:
    """Have the next viewer's question asked anew."""
    _shared.forget()
    _away.clear()


_shared: Shared[Waiting] = Shared(SHARED_FOR)
_away: dict[tuple[str, str], tuple[float, BackendUnavailable]] = {}


def _waiting_now() -> Waiting:
    tracked, is_partial = _tracked()
    tasks = {task.id: task for task in _heads()}
    for task in tracked:
        head = tasks.get(task.id)
        tasks[task.id] = task if head is None else _together(task, head)
    return Waiting(tuple(tasks.values()), is_partial)


def _together(tracked: TaskInfo, message: TaskInfo) -> TaskInfo:
    return TaskInfo(
        tracked.id,
        tracked.name or message.name,
        tracked.state,
        queue=message.queue,
        created_at=tracked.created_at or message.created_at,
        eta=message.eta,
        args=message.args,
        parent_id=tracked.parent_id,
    )


def _tracked() -> tuple[list[TaskInfo], bool]:
    try:
        places = newest.newest_tasks(NEWEST)
        if places is None:
            return [], True
        return [info(task) for task in _unbegun(places)], len(places) >= NEWEST
    except StoreUnavailable:
        return [], True


def _unbegun(places: dict[str, list[ObjectRef]]) -> Iterator[TrackedTask]:
    objects = {task_id: [ref for ref in refs if ref.label != TASK] for task_id, refs in places.items()}
    for task in tasks_in(objects).values():
        if task.state in (PENDING, RECEIVED) and not task.started_at:
            yield task


def _heads() -> Iterable[TaskInfo]:
    if why_away():
        return []
    try:
        heads = conf.load("QUEUE_BACKEND")().heads(QUEUES)
    except BackendUnavailable as error:
        logger.info("What waits in the queues is not listed: %s", error)
        _away[broker()] = time.monotonic() + AWAY_FOR, error
        return []
    return [task_of(queue, message) for queue, message in heads if message.task_id]


def task_of(queue: str, message: MessageInfo) -> TaskInfo:
    """Return what a waiting message says of its task."""
    return TaskInfo(
        message.task_id,
        message.name,
        queue=queue,
        created_at=message.published_at,
        eta=message.eta,
        args=message.arguments or None,
    )
