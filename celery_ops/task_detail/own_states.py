"""What only results know of tracked tasks, and no signal told: the states that running tasks give themselves
(``update_state``), and the end of one whose process was lost before it could say it.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from django.db import Error as DatabaseError
from django.db import connections, transaction

from .. import states
from ..conf import conf
from ..exceptions import BackendUnavailable
from ..info import TaskInfo, TrackedTask
from ..logs import get_logger
from ..one_state import error_of, state_of
from ..payload import payload
from ..payload.kept import all_with_kept

logger = get_logger("celery_ops.details")


#: States of which a task's result may know better.
OPEN: Final = (states.STARTED, states.LOST)


def with_own_states(tasks: Sequence[TrackedTask]) -> list[TrackedTask]:
    """Return tracked tasks, those that run or are lost as their results know them. Never raises for a source.

    The task backend is asked once for all of them, and not at all where all have ended or wait.
    """
    begun = [task.id for task in tasks if task.state in OPEN]
    stored = _stored(begun) if begun else {}
    return [_as_stored(task, stored[task.id]) if task.id in stored else task for task in tasks]


def _as_stored(task: TrackedTask, stored: TaskInfo) -> TrackedTask:
    state = state_of(stored, task, None)
    if not states.is_final(state):
        return replace(task, state=state)
    if state != states.SUCCESS and task.executions > 1:  # that may be the end of the execution before
        return task
    error = payload.error_text(replace(stored, error=error_of(state, stored, task))) or None
    return replace(task, state=state, finished_at=stored.finished_at, error=error)


def _stored(task_ids: Sequence[str]) -> dict[str, TaskInfo]:
    backend = conf.load("TASK_BACKEND")()
    if not backend.tells_own_states:
        return {}
    try:
        with _savepoints():
            tasks = dict(backend.get_many(task_ids))
            failed = [task for task in tasks.values() if task.error]
            given = all_with_kept(backend.with_arguments(failed), errors_alone=True) if failed else ()
            return tasks | {task.id: task for task in given}
    except (BackendUnavailable, DatabaseError) as error:
        logger.warning("The states that tasks give themselves are not known: %s", error)
        return {}


@contextmanager
def _savepoints() -> Iterator[None]:
    """Keep the transactions of the page that a panel stands on whole, whatever fails in here."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                stack.enter_context(transaction.atomic(using=connection.alias))
        yield
