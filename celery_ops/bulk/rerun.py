"""All tasks of a filtered list once more: in chunks, each of which may be asked for twice and is sent once.

The journal of runs has a row for each task, and its key is made of the bulk's own and the old id: whoever goes on where
another process died sends nothing twice.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import EncodeError

from ..backends.base import TaskBackend
from ..backends.results.conditions import storable
from ..exceptions import NotRerunnable, RerunRefused, SentNothing
from ..formatting import clean
from ..info import TaskInfo
from ..models import ControlRecord, TaskRunRecord
from ..rerun.claims import NOT_SENT, Reruns, reruns_of, submission_of_task
from ..rerun.policy import OVER, check_fits, check_over, permitted, warning
from ..rerun.sending import chosen_options, run_of
from ..running.allowlist import Runnable
from ..running.claims import no_room, room
from ..running.launcher import Launched, Run, launch_all
from ..task_detail.original import Original, originals_of
from ..task_query import Count, TaskQuery
from . import base as bulk
from .base import BulkPreview, Done, TasksOfName, left_out, progress_of, query_of, stop
from .progress import BulkProgress, Tally

__all__ = ["ACTION", "advance", "preview", "progress_of", "start", "stop"]

ACTION: Final = "retry"

#: Tasks of one chunk.
CHUNK: Final = 250
#: Seconds for which a preview judges one task after the other.
JUDGING: Final = 0.7
#: How long a row may say that its task is being sent.
SENDING: Final = timedelta(minutes=1)


def preview(backend: TaskBackend, query: TaskQuery, user: Any) -> BulkPreview:
    """Return what a bulk of this query would take, by the rule that it goes by.

    Raises BackendUnavailable, StoreUnavailable and DatabaseError.
    """
    counted = bulk.counted(backend, query)
    judge = _Judge(user)
    verdicts = list(_judged(counted.first, judge))
    names = counted.by(0)
    by_name = sum(n for (name, state), n in counted.found.items() if state in OVER and judge.found(name))
    taken = sum(not verdict.reason for verdict in verdicts)
    is_exact = len(verdicts) == sum(names.values()) and not counted.is_partial
    return BulkPreview(
        count=sum(names.values()),
        most=taken if is_exact else by_name,
        is_partial=counted.is_partial,
        names=tuple(judge.named(name, number) for name, number in names.items()),
        states=counted.by(1),
        sample=tuple((verdict.task, verdict.reason) for verdict in verdicts[: bulk.SAMPLE]),
        judged=len(verdicts),
        left_out=dict(Counter(verdict.reason for verdict in verdicts if verdict.reason).most_common()),
    )


def _judged(tasks: Sequence[TaskInfo], judge: "_Judge") -> Iterator["Verdict"]:
    """Yield a verdict on each task, for as long as somebody waits for a page: at least on the first chunk."""
    until = time.monotonic() + JUDGING
    for begin in range(0, len(tasks), CHUNK):
        yield from judge.all(tasks[begin : begin + CHUNK])
        if time.monotonic() > until:
            return


def start(
    user: Any, filters: Mapping[str, list[str]], query: TaskQuery, counted: Count, bulk_key: UUID | None = None
) -> ControlRecord:
    """Write down that ``user`` runs again what ``filters`` find now, as ``bulk.base.start`` does."""
    return bulk.start(ACTION, user, filters, query, counted, bulk_key)


def advance(
    record: ControlRecord, backend: TaskBackend, query: TaskQuery, user: Any, seconds: float = bulk.SECONDS
) -> BulkProgress:
    """Run again what comes next, as ``bulk.base.advance`` does."""
    judge = _Judge(user)
    return bulk.advance(
        record, backend, query_of(query, backend), lambda tasks: _done(_chunk(record, tasks, judge)), CHUNK, seconds
    )


def _done(tally: Tally) -> Done:
    return Done(tally, unsent() if unsent() in tally.skipped else "")


def _chunk(record: ControlRecord, tasks: Sequence[TaskInfo], judge: "_Judge") -> Tally:
    bulk_key = UUID(record.parameters["key"])
    keys = {task.id: submission_of_task(bulk_key, task.id) for task in tasks}
    options = chosen_options(keys)
    judge.begin(keys, _sent_since(record, keys))
    reasons: dict[str, str] = {}
    runs: list[Run] = []
    for verdict in judge.all(tasks):
        found = judge.found(verdict.original.name)
        if isinstance(verdict.original, NotRerunnable) or verdict.reason or found is None:
            reasons[verdict.task.id] = verdict.reason
        else:
            given = options.get(verdict.task.id, {})
            runs.append(run_of(verdict.original, found, keys[verdict.task.id], given, verdict.reruns.claim))
    outcomes = launch_all(runs, judge.user) if runs else []
    return left_out(reasons).and_(_sent([run.retry_of for run in runs], outcomes))


def _sent_since(record: ControlRecord, keys: Mapping[str, UUID]) -> set[str]:
    """Tasks that were run from here after the bulk began: a list may find its own runs."""
    rows = TaskRunRecord.objects.filter(task_id__in=storable(keys), created_at__gte=record.created_at)
    return set(rows.exclude(send_state=TaskRunRecord.SendState.FAILED).values_list("task_id", flat=True))


def _sent(task_ids: Sequence[str], outcomes: Sequence[Launched]) -> Tally:
    reasons: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for task_id, outcome in zip(task_ids, outcomes, strict=True):
        if reason := _why_not_sent(outcome):
            reasons[task_id] = reason
        else:
            pairs.append((task_id, outcome.task_id))
    return Tally(len(pairs), tuple(pairs)).and_(left_out(reasons))


def _why_not_sent(outcome: Launched) -> str:
    if isinstance(outcome, SentNothing):
        return outcome.reason
    if not isinstance(outcome, TaskRunRecord):
        return str(outcome)
    if outcome.send_state == TaskRunRecord.SendState.FAILED:
        return unwritable() if outcome.error.startswith(EncodeError.__name__) else unsent()
    is_old = outcome.created_at < timezone.now() - SENDING
    if outcome.send_state == TaskRunRecord.SendState.REQUESTED and is_old:
        return _("An earlier try may or may not have sent it: see the journal.")
    return ""


def unwritable() -> str:
    """Return what is said of a task whose arguments the site's serializer does not take."""
    return _("Its arguments cannot be written as a message.")


def unsent() -> str:
    """Return what is said of a task that the broker did not take."""
    return _("The broker did not take it.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a task is not run again, empty when it is, with what it was given and how it was run again before."""

    task: TaskInfo
    reason: str
    original: Original | NotRerunnable
    reruns: Reruns


class _Judge:
    """Whether tasks are run again, for the preview as for the sending; what goes by a task's name is asked once."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._names: dict[str, Runnable | RerunRefused] = {}
        self.begin()

    def begin(self, keys: Mapping[str, UUID] | None = None, later: Collection[str] = ()) -> None:
        """Judge a chunk: ``keys`` are its own submissions, which are no others', ``later`` what came after it."""
        self._keys, self._later = keys or {}, later
        self._room: dict[str, int | None] = {}

    def named(self, name: str, count: int) -> TasksOfName:
        found = self._asked(name)
        if isinstance(found, RerunRefused):
            return TasksOfName(clean(name), count, found.reason)
        return TasksOfName(clean(name), count, warning=warning(found))

    def found(self, name: str) -> Runnable | None:
        found = self._asked(name)
        return None if isinstance(found, RerunRefused) else found

    def all(self, tasks: Sequence[TaskInfo]) -> Iterator[Verdict]:
        """Yield a verdict on each task. Raises StoreUnavailable and DatabaseError."""
        originals, reruns = originals_of(tasks), reruns_of(task.id for task in tasks)
        for task in tasks:
            original, again = originals[task.id], reruns[task.id]
            yield Verdict(task, self._others(again) or self._reason(original, again), original, again)

    def _others(self, reruns: Reruns) -> str:
        if reruns.task_id in self._later:
            return _("It was sent after this began.")
        own = self._keys.get(reruns.task_id)
        sent = [row for row in reruns.rows if row.send_state != NOT_SENT]
        is_others = any(own is None or row.submission != own for row in sent)
        return _("It was run again already.") if is_others else ""

    def _reason(self, original: Original | NotRerunnable, reruns: Reruns) -> str:
        found = self._asked(original.name)
        if isinstance(found, RerunRefused):
            return found.reason
        try:
            check_over(original.state)
            if isinstance(original, NotRerunnable):
                return original.reason
            check_fits(found, original.args, original.kwargs)
        except RerunRefused as error:
            return error.reason
        is_own = any(row.submission == self._keys.get(reruns.task_id) for row in reruns.rows if row.submission)
        return "" if is_own or self._has_room(original.name) else no_room()

    def _has_room(self, name: str) -> bool:
        if name not in self._room:
            self._room[name] = room(name)
        left = self._room[name]
        if left is None:
            return True
        self._room[name] = left - 1
        return left > 0

    def _asked(self, name: str) -> Runnable | RerunRefused:
        if name not in self._names:
            try:
                self._names[name] = permitted(name, self.user)
            except RerunRefused as error:
                self._names[name] = error
        return self._names[name]
