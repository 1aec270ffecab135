"""The tasks that ran more than once lately, each with its executions: what the record of redeliveries leads to."""

from dataclasses import dataclass

from ..info import TaskExecution, TrackedTask
from . import index, redelivery_record
from .executions import executions_of, open_hosts
from .histories import History, complete, doubtful_hosts, history_of_one, is_kept, oldest_kept, tracked_tasks
from .recorder import recorder
from .store import TASK


@dataclass(frozen=True, slots=True)
class Delivered:
    """A task that was begun more than once, and each time that it was."""

    task: TrackedTask
    executions: tuple[TaskExecution, ...]


def recent() -> list[Delivered]:
    """Return the tasks that were begun more than once today and yesterday (UTC), the newest of them.

    In five round trips, whatever there is. Raises StoreUnavailable.
    """
    histories = [history for history in _histories() if _was_begun_again(history)]
    hosts = doubtful_hosts(histories).union(*(open_hosts(*history.tasks[0]) for history in histories))
    starts = complete(histories, hosts=hosts)
    delivered: list[Delivered] = []
    for history in histories:
        executions = executions_of(*history.tasks[0], starts)
        delivered += (Delivered(task, executions) for task in tracked_tasks(history, starts))
    return delivered


def _histories() -> list[History]:
    published = redelivery_record.noted()
    objects = index.objects_of_many(published) if published else {}
    places = {task_id: refs[0] for task_id, refs in objects.items() if refs[0].label != TASK}
    refs = list(dict.fromkeys(places.values()))
    kept = dict(zip(refs, recorder().ask(lambda store: store.read(refs)) if refs else (), strict=True))
    return [history_of_one(ref, kept[ref], task_id) for task_id, ref in places.items()]


def _was_begun_again(history: History) -> bool:
    derived, life = history.tasks[0]
    return derived.executions > 1 and is_kept(derived, life, oldest_kept(history.ref))
