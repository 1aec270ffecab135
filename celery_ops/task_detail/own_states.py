"""The states that running tasks give themselves (``update_state``): only their results know them, never a signal."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from django.db import Error as DatabaseError
from django.db import connections, transaction

from .. import states
from ..conf import conf
from ..exceptions import BackendUnavailable
from ..info import TrackedTask
from ..logs import get_logger

logger = get_logger("celery_ops.details")


def with_own_states(tasks: Sequence[TrackedTask]) -> list[TrackedTask]:
    """Return tracked tasks, those that run in the state that they gave themselves. Never raises for a source.

    The task backend is asked once for all of them, and not at all while none runs.
    """
    running = [task.id for task in tasks if task.state == states.STARTED]
    own = _own_states(running) if running else {}
    return [replace(task, state=own[task.id]) if task.id in own else task for task in tasks]


def _own_states(task_ids: Sequence[str]) -> dict[str, str]:
    backend = conf.load("TASK_BACKEND")()
    if not backend.tells_own_states:
        return {}
    try:
        with _savepoints():
            stored = backend.get_many(task_ids)
    except (BackendUnavailable, DatabaseError) as error:
        logger.warning("The states that tasks give themselves are not known: %s", error)
        return {}
    return {task_id: task.state for task_id, task in stored.items() if states.is_custom(task.state)}


@contextmanager
def _savepoints() -> Iterator[None]:
    """Keep the transactions of the page that a panel stands on whole, whatever fails in here."""
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block:
                stack.enter_context(transaction.atomic(using=connection.alias))
        yield
