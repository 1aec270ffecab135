"""The states of many tasks at once, for lists of tasks that somebody ran. Workers are not asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.utils.translation import gettext as _

from .. import states
from ..conf import conf
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger
from ..one_state import state_of
from ..timezones import aware, now
from ..tracking import reading

logger = get_logger("celery_ops.details")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class States:
    """States by task id, None where it is unknown, and the ids of which no source has heard.

    ``troubles`` says which sources do not answer, a sentence each.
    """

    found: Mapping[str, str | None] = field(default_factory=dict)
    unheard: frozenset[str] = frozenset()
    troubles: tuple[str, ...] = ()

    def __or__(self, other: "States") -> "States":
        """Return what both say of tasks of their own."""
        troubles = dict.fromkeys((*self.troubles, *other.troubles))
        return States({**self.found, **other.found}, self.unheard | other.unheard, tuple(troubles))


def states_of(sent: Mapping[str, datetime]) -> States:
    """Return the states of tasks; ``sent`` says when each was sent, give or take minutes. Never raises for a source.

    The task backend is asked once for all of them, and the tracking store for those that are not over by its word.
    """
    troubles: list[str] = []
    backend = conf.load("TASK_BACKEND")()
    stored = {} if backend.is_live else _ask(lambda: backend.get_many(sent), troubles)
    open_ = {task_id: time for task_id, time in sent.items() if not _is_over(stored.get(task_id))}
    tracked = _ask(lambda: reading.find_tasks(open_), troubles)
    unheard = sent.keys() - stored.keys() - tracked.keys()
    by_id: dict[str, str | None] = {}
    for task_id, time in sent.items():
        is_unsaid = task_id in unheard and troubles
        state = state_of(stored.get(task_id), tracked.get(task_id), None)
        by_id[task_id] = None if is_unsaid else state_or_unknown(state, time)
    return States(by_id, frozenset(unheard), tuple(troubles))


def state_or_unknown(state: str, sent: datetime) -> str | None:
    """Return what a page says of the state of a task that was sent then; None is unknown.

    Celery calls pending whatever nobody has heard of. After ``RETENTION`` that is no news of a task but the lack of it.
    """
    is_old = now() - aware(sent) > timedelta(seconds=conf.retention_seconds)
    return None if state == states.PENDING and is_old else state


def _is_over(task: TaskInfo | None) -> bool:
    return task is not None and states.is_final(task.state)


def _ask(ask: Callable[[], dict[str, T]], troubles: list[str]) -> dict[str, T]:
    cause: Exception
    try:
        return ask()
    except BackendUnavailable as error:
        trouble, cause = str(error), error
    except StoreUnavailable as error:
        trouble, cause = _("The tracking store does not answer."), error
    logger.warning("A source of the tasks' states is missing: %s", cause)
    troubles.append(trouble)
    return {}
