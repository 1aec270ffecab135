"""What a list may show of outcomes whose source does not say what their tasks were given."""

import dataclasses
from collections.abc import Sequence

from django.db import Error as DatabaseError

from .. import redaction
from ..backends.results.conditions import storable
from ..exceptions import StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger
from ..models import TaskRunRecord
from ..one_state import fuller
from ..timezones import milliseconds
from ..tracking import accounts, capture

logger = get_logger("celery_ops.details")


def with_kept_arguments(listed: Sequence[TaskInfo], tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
    """Return tasks of a list that were read whole, with what tracking or the journal keeps of arguments that their
    source lacks.

    What is hidden there is marked, and so an outcome that may repeat it is hidden, too. An error is what the list has
    of it where tracking had a say: its worker knew all arguments. A store or a journal that is away changes nothing.
    """
    errors = {task.id: task.error for task in listed if task.attempts is not None}
    told = [dataclasses.replace(task, error=fuller(errors.get(task.id), task.error)) for task in tasks]
    return _journalled(_tracked(told))


def _tracked(tasks: list[TaskInfo]) -> list[TaskInfo]:
    unsaid = {task.id: milliseconds(task.seen_at) for task in tasks if not (task.args or task.kwargs)}
    try:
        kept = accounts.read_kept_of_many(unsaid) if unsaid else {}
    except StoreUnavailable as error:
        logger.debug("Results are shown without what their tasks were given: %s", error)
        return tasks
    facts = {task_id: task.arguments for task_id, task in kept.items() if task.arguments}
    return [_given(task, facts[task.id]) if task.id in facts else task for task in tasks]


def _journalled(tasks: list[TaskInfo]) -> list[TaskInfo]:
    """The tasks, with what the journal has of the arguments of those that were run by hand."""
    unsaid = [task.id for task in tasks if not (task.args or task.kwargs)]
    try:
        rows = TaskRunRecord.objects.filter(task_id__in=storable(unsaid)).order_by("pk") if unsaid else ()
        given = {row.task_id: (row.args, row.kwargs) for row in rows}
    except DatabaseError as error:
        logger.debug("Results are shown without what the journal has of their tasks: %s", type(error).__name__)
        return tasks
    given |= {task.id: (task.args, task.kwargs) for task in tasks if task.id not in given}
    return [dataclasses.replace(task, args=given[task.id][0], kwargs=given[task.id][1]) for task in tasks]


def _given(task: TaskInfo, fact: str) -> TaskInfo:
    """What only the site's own redactor hides leaves no mark, so then nothing shows that may repeat it."""
    args, kwargs = capture.redacted_arguments(task.name, fact)
    task = dataclasses.replace(task, args=args, kwargs=kwargs)
    if capture.is_whole(fact) or not redaction.asks_the_site():
        return task
    return dataclasses.replace(
        task,
        result=task.result and redaction.REDACTED,
        meta=task.meta and redaction.REDACTED,
        traceback=task.traceback and redaction.REDACTED,
    )
