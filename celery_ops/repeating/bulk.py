"""All tasks of a filtered list once more: in chunks, each of which may be asked for twice and is sent once.

The journal of runs has a row for each task, and its key is made of the bulk's own and the old id: whoever goes on where
another process died sends nothing twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from ..acting import bulk
from ..acting.bulk import Done, Named, Preview, left_out, progress_of, query_of, stop
from ..acting.progress import Progress, Tally
from ..backends.base import TaskBackend
from ..backends.results_conditions import storable
from ..details.original import NotRepeatable, Original, originals_of
from ..info import TaskInfo
from ..listing import TaskQuery
from ..models import ControlRecord, TaskRunRecord
from ..running.allowlist import Runnable, options_of
from ..running.launcher import Run, launch_all
from ..wording import clean
from .allowed import OVER, Refused, check_fits, check_over, permitted, warning
from .repeat import chosen, key, run_of

__all__ = ["ACTION", "advance", "preview", "progress_of", "start", "stop"]

ACTION: Final = "retry"

#: Tasks of one chunk.
CHUNK: Final = 250
#: How long a row may say that its task is being sent.
SENDING: Final = timedelta(minutes=1)


def preview(backend: TaskBackend, query: TaskQuery, user: Any) -> Preview:
    """Return what a bulk of this query would take. Raises BackendUnavailable and StoreUnavailable."""
    counted = bulk.counted(backend, query)
    judged = _Judge(user)
    names = counted.by(0)
    return Preview(
        count=sum(names.values()),
        most=sum(n for (name, state), n in counted.found.items() if state in OVER and judged.found(name)),
        is_partial=counted.is_partial,
        names=tuple(judged.named(name, number) for name, number in names.items()),
        states=counted.by(1),
        sample=tuple((task, reason) for task, reason, _original in judged.all(counted.first)),
    )


def start(
    user: Any, filters: Mapping[str, list[str]], query: TaskQuery, counted: int, bulk_key: UUID | None = None
) -> ControlRecord:
    """Write down that ``user`` runs again what ``filters`` find now, as ``acting.bulk.start`` does."""
    return bulk.start(ACTION, user, filters, query, counted, bulk_key)


def advance(
    record: ControlRecord, backend: TaskBackend, query: TaskQuery, user: Any, seconds: float = bulk.SECONDS
) -> Progress:
    """Run again what comes next, as ``acting.bulk.advance`` does."""
    judge = _Judge(user)
    return bulk.advance(
        record, backend, query_of(query, backend), lambda tasks: _done(_chunk(record, tasks, judge)), CHUNK, seconds
    )


def _done(tally: Tally) -> Done:
    return Done(tally, unsent() if unsent() in tally.skipped else "")


def _chunk(record: ControlRecord, tasks: Sequence[TaskInfo], judge: "_Judge") -> Tally:
    bulk_key = UUID(record.parameters["key"])
    keys = {task.id: key(bulk_key, task.id) for task in tasks}
    others = _others(record, keys)
    options = chosen(keys)
    reasons: dict[str, str] = {}
    runs: list[Run] = []
    for task, reason, original in judge.all([task for task in tasks if task.id not in others]):
        found = judge.found(original.name) if isinstance(original, Original) else None
        if reason or found is None:
            reasons[task.id] = reason
        else:
            runs.append(run_of(original, found, bulk_key, options.get(task.id, {})))
    sent = launch_all(runs, judge.user) if runs else []
    tally = left_out({**others, **reasons})
    return tally.and_(_sent(sent))


def _others(record: ControlRecord, keys: Mapping[str, UUID]) -> dict[str, str]:
    """The tasks that are left alone whatever they were given: by id, with the reason."""
    ids = storable(keys)
    rows = TaskRunRecord.objects.exclude(send_state=TaskRunRecord.SendState.FAILED)
    again = rows.filter(retry_of__in=ids).values_list("retry_of", "submission")
    said = _("It was run again already.")
    found = {task_id: said for task_id, submission in again if submission != keys.get(task_id)}
    later = rows.filter(task_id__in=ids, created_at__gte=record.created_at).values_list("task_id", flat=True)
    return {**found, **dict.fromkeys(later, _("It was sent after this began."))}


def _sent(rows: Sequence[TaskRunRecord]) -> Tally:
    doubtful = timezone.now() - SENDING
    reasons = {}
    for row in rows:
        if row.send_state == TaskRunRecord.SendState.FAILED:
            reasons[row.retry_of] = unsent()
        elif row.send_state == TaskRunRecord.SendState.REQUESTED and row.created_at < doubtful:
            reasons[row.retry_of] = _("An earlier try may or may not have sent it: see the journal.")
    done = [row for row in rows if row.retry_of not in reasons]
    return Tally(len(done), tuple((row.retry_of, row.task_id) for row in done)).and_(left_out(reasons))


def unsent() -> str:
    """Return what is said of a task that the broker did not take."""
    return _("The broker did not take it.")


class _Judge:
    """Whether tasks are run again; what goes by a task's name is asked once."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._names: dict[str, Runnable | Refused] = {}
        self._room: dict[str, int] = {}

    def named(self, name: str, count: int) -> Named:
        found = self._asked(name)
        if isinstance(found, Refused):
            return Named(clean(name), count, found.reason)
        return Named(clean(name), count, warning=warning(found))

    def found(self, name: str) -> Runnable | None:
        found = self._asked(name)
        return None if isinstance(found, Refused) else found

    def all(self, tasks: Sequence[TaskInfo]) -> Iterator[tuple[TaskInfo, str, Original | NotRepeatable]]:
        """Yield each task with the reason why it is not run again, empty when it is, and what it was given."""
        self._room = {}
        originals = originals_of(tasks)
        for task in tasks:
            original = originals[task.id]
            yield task, self._reason(original), original

    def _reason(self, original: Original | NotRepeatable) -> str:
        found = self._asked(original.name)
        if isinstance(found, Refused):
            return found.reason
        try:
            check_over(original.state)
            if isinstance(original, NotRepeatable):
                return original.reason
            check_fits(found, original.args, original.kwargs)
        except Refused as error:
            return error.reason
        return "" if self._has_room(original.name) else _("It was run as often as max_per_minute allows.")

    def _has_room(self, name: str) -> bool:
        most = options_of(name).get("max_per_minute")
        if not most:
            return True
        if name not in self._room:
            since = timezone.now() - timedelta(minutes=1)
            self._room[name] = most - TaskRunRecord.objects.filter(task_name=name, created_at__gte=since).count()
        self._room[name] -= 1
        return self._room[name] >= 0

    def _asked(self, name: str) -> Runnable | Refused:
        if name not in self._names:
            try:
                self._names[name] = permitted(name, self.user)
            except Refused as error:
                self._names[name] = error
        return self._names[name]
