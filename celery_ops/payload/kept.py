"""What tracking or the journal keeps of what tasks were given: their sources may lack it, and so cannot tell what their
outcomes must not repeat."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from django.db import Error as DatabaseError

from .. import redaction
from ..databases import storable
from ..exceptions import StoreUnavailable
from ..info import TaskInfo
from ..logs import get_logger
from ..models import TaskRunRecord
from ..timezones import milliseconds
from ..tracking import accounts, capture
from ..tracking.accounts import KeptArguments
from . import payload

logger = get_logger("celery_ops.details")

#: Tasks that the store is asked about at once: bytes of its replies are not counted, so these are.
AT_ONCE: Final = 250


def with_kept(task: TaskInfo, kept: KeptArguments | None, records: Sequence[TaskRunRecord] = ()) -> TaskInfo:
    """Return a task with what is kept of its arguments where its source has none, and of its error.

    ``records`` are its rows of the journal, newest first. It ``hides`` something where its source does not have all
    and something of what is kept is hidden; what a redactor of the site's hides leaves no mark of ours anywhere.
    """
    args, kwargs, is_whole = _arguments(task, kept, records)
    if args is None and kwargs is None:
        return task
    given = replace(task, args=args, kwargs=kwargs)
    return replace(
        task if task.args or task.kwargs else given,
        told_error=task.told_error or (kept.error if kept is not None and kept.state == task.state else None),
        hides=_hides(task, given, is_whole=is_whole),
    )


def _hides(task: TaskInfo, given: TaskInfo, *, is_whole: bool) -> bool:
    if redaction.asks_the_site() and not is_whole:
        return True
    return task.hides or (payload.hides_any(given) and not payload.knows_arguments(task))


def _arguments(task: TaskInfo, kept: KeptArguments | None, records: Sequence[TaskRunRecord]) -> tuple[Any, Any, bool]:
    """Return what is kept, and whether nothing of it was hidden or cut."""
    if kept is not None and kept.arguments:
        return _kept(task.name or kept.name, kept.arguments)
    if records:
        return records[0].args, records[0].kwargs, records[0].is_exact
    return None, None, True


def _kept(name: str, fact: str) -> tuple[Any, Any, bool]:
    try:
        whole = capture.kept_arguments(fact)
    except ValueError:  # no process of ours has written it
        whole = None
    return (*capture.redacted_arguments(name, fact), False) if whole is None else (*whole, True)


def all_with_kept(tasks: Sequence[TaskInfo], *, errors_alone: bool = False) -> list[TaskInfo]:
    """Return tasks of a list as ``with_kept`` does. A store or a journal that is away changes nothing.

    With ``errors_alone`` nothing is asked of those without an error, or with the one that their worker told.
    """
    return Kept().of(tasks, errors_alone=errors_alone)


class Kept:
    """Asks store and journal for many tasks; ``is_whole`` says whether all that were asked have answered."""

    def __init__(self) -> None:
        self.is_whole = True

    def of(self, tasks: Sequence[TaskInfo], *, errors_alone: bool = False) -> list[TaskInfo]:
        wanted = [task for task in tasks if may_lack(task, errors_alone=errors_alone)]
        if not wanted:
            return list(tasks)
        kept = self._tracked(wanted)
        records = self._records([task.id for task in wanted if not (task.id in kept and kept[task.id].arguments)])
        told = {task.id: with_kept(task, kept.get(task.id), records.get(task.id, ())) for task in wanted}
        return [told.get(task.id, task) for task in tasks]

    def _tracked(self, tasks: Sequence[TaskInfo]) -> dict[str, KeptArguments]:
        kept: dict[str, KeptArguments] = {}
        try:
            for begin in range(0, len(tasks), AT_ONCE):
                published = {task.id: milliseconds(task.seen_at) for task in tasks[begin : begin + AT_ONCE]}
                kept |= accounts.read_kept_of_many(published)
        except StoreUnavailable as error:
            self.is_whole = False
            logger.debug("Results are shown without what their tasks were given: %s", error)
        return kept

    def _records(self, task_ids: Sequence[str]) -> Mapping[str, Sequence[TaskRunRecord]]:
        try:
            rows = TaskRunRecord.objects.filter(task_id__in=storable(task_ids)).order_by("pk") if task_ids else ()
            return {row.task_id: (row,) for row in rows}
        except DatabaseError as error:
            self.is_whole = False
            logger.debug("Results are shown without what the journal has of their tasks: %s", type(error).__name__)
            return {}


def may_lack(task: TaskInfo, *, errors_alone: bool = False) -> bool:
    """Return whether a task's source does not have all arguments, or may have some that were redacted unmarked."""
    if errors_alone and not task.error:
        return False
    if redaction.asks_the_site():
        return True
    return not ((errors_alone and task.told_error) or payload.knows_arguments(task))
