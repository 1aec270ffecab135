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
from kombu.exceptions import EncodeError

from ..backends.base import TaskBackend
from ..databases import storable
from ..exceptions import NotRerunnable, RerunRefused, SentNothing
from ..formatting import clean
from ..info import TaskInfo
from ..models import ControlRecord, TaskRunRecord
from ..rerun.claims import NOT_SENT, Reruns, reruns_of, submission_of_task
from ..rerun.policy import OVER, check_fits, check_over, permitted, warning
from ..rerun.sending import chosen_options, run_of
from ..running.allowlist import Runnable
from ..running.claims import no_room, room
from ..running.launcher import Run, launch_all
from ..running.rows import Launched
from ..sentences import Sentence as _
from ..task_detail.original import Original, originals_of
from ..task_query import TaskQuery
from .base import BulkAction, ChunkOutcome, DoChunk
from .preview import SAMPLE, BulkPreview, TasksOfName, task_counts
from .progress import Tally, left_out

#: Seconds for which a preview judges one task after the other.
JUDGING: Final = 0.7
#: How long a row may say that its task is being sent.
SENDING: Final = timedelta(minutes=1)


class RerunAction(BulkAction):
    """Running all tasks of a list again."""

    name = "retry"
    chunk_size = 250

    def preview(self, backend: TaskBackend, query: TaskQuery, user: Any) -> BulkPreview:
        counts = task_counts(backend, query)
        judge = _Judge(user)
        verdicts = list(self._verdicts(counts.first, judge))
        runnable = {name for name in counts.names if judge.runnable(name)}
        by_name = sum(n for (name, state), n in counts.numbers.items() if state in OVER and name in runnable)
        reasons = Counter(verdict.reason for verdict in verdicts if verdict.reason)
        is_exact = len(verdicts) == counts.total and not counts.is_partial
        return BulkPreview(
            count=counts.total,
            most=len(verdicts) - reasons.total() if is_exact else by_name,
            is_partial=counts.is_partial,
            names=tuple(judge.tasks_of_name(name, number) for name, number in counts.names.items()),
            states=counts.states,
            sample=tuple((verdict.task, verdict.reason) for verdict in verdicts[:SAMPLE]),
            judged=len(verdicts),
            left_out=dict(reasons.most_common()),
        )

    def _verdicts(self, tasks: Sequence[TaskInfo], judge: "_Judge") -> Iterator["Verdict"]:
        """Yield a verdict on each task, for as long as somebody waits for a page: at least on the first chunk."""
        until = time.monotonic() + JUDGING
        for begin in range(0, len(tasks), self.chunk_size):
            yield from judge.verdicts(tasks[begin : begin + self.chunk_size])
            if time.monotonic() > until:
                return

    def doer(self, record: ControlRecord, user: Any) -> DoChunk:
        return _Rerunner(record, user).chunk


class _Rerunner:
    """Runs one chunk after the other again; of one that comes twice nothing is sent twice."""

    def __init__(self, record: ControlRecord, user: Any) -> None:
        self.record, self.user = record, user
        self.judge = _Judge(user)

    def chunk(self, tasks: Sequence[TaskInfo]) -> ChunkOutcome:
        bulk_key = UUID(self.record.parameters["key"])
        keys = {task.id: submission_of_task(bulk_key, task.id) for task in tasks}
        options = chosen_options(keys)
        self.judge.begin(keys, _sent_since(self.record, keys))
        reasons: dict[str, str] = {}
        runs: list[Run] = []
        for verdict in self.judge.verdicts(tasks):
            task_id, original = verdict.task.id, verdict.original
            runnable = self.judge.runnable(original.name)
            if isinstance(original, NotRerunnable) or verdict.reason or runnable is None:
                reasons[task_id] = verdict.reason
            else:
                chosen = options.get(task_id, {})
                runs.append(run_of(original, runnable, keys[task_id], chosen, verdict.reruns.claim))
        outcomes = launch_all(runs, self.user) if runs else []
        tally = left_out(reasons).and_(_tally_of([run.retry_of for run in runs], outcomes))
        return ChunkOutcome(tally, unsent() if unsent() in tally.skipped else "")


def _sent_since(record: ControlRecord, keys: Mapping[str, UUID]) -> set[str]:
    """Tasks that were run from here after the bulk began: a list may find its own runs."""
    rows = TaskRunRecord.objects.filter(task_id__in=storable(keys), created_at__gte=record.created_at)
    return set(rows.exclude(send_state=TaskRunRecord.SendState.FAILED).values_list("task_id", flat=True))


def _tally_of(task_ids: Sequence[str], outcomes: Sequence[Launched]) -> Tally:
    reasons: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for task_id, outcome in zip(task_ids, outcomes, strict=True):
        reason = _why_not_sent(outcome)
        if reason or not isinstance(outcome, TaskRunRecord):
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

    def tasks_of_name(self, name: str, count: int) -> TasksOfName:
        permission = self._permission(name)
        if isinstance(permission, RerunRefused):
            return TasksOfName(clean(name), count, permission.reason)
        return TasksOfName(clean(name), count, warning=warning(permission))

    def runnable(self, name: str) -> Runnable | None:
        permission = self._permission(name)
        return None if isinstance(permission, RerunRefused) else permission

    def verdicts(self, tasks: Sequence[TaskInfo]) -> Iterator[Verdict]:
        """Yield a verdict on each task. Raises StoreUnavailable and DatabaseError."""
        originals, reruns_by_id = originals_of(tasks), reruns_of(task.id for task in tasks)
        for task in tasks:
            original, reruns = originals[task.id], reruns_by_id[task.id]
            yield Verdict(task, self._others(reruns) or self._reason(original, reruns), original, reruns)

    def _others(self, reruns: Reruns) -> str:
        if reruns.task_id in self._later:
            return _("It was sent after this began.")
        own = self._keys.get(reruns.task_id)
        sent = [row for row in reruns.rows if row.send_state != NOT_SENT]
        is_others = any(own is None or row.submission != own for row in sent)
        return _("It was run again already.") if is_others else ""

    def _reason(self, original: Original | NotRerunnable, reruns: Reruns) -> str:
        permission = self._permission(original.name)
        if isinstance(permission, RerunRefused):
            return permission.reason
        try:
            check_over(original.state)
            if isinstance(original, NotRerunnable):
                return original.reason
            check_fits(permission, original.args, original.kwargs)
        except RerunRefused as error:
            return error.reason
        own = self._keys.get(reruns.task_id)
        is_own = own is not None and reruns.has(own)
        return "" if is_own or self._has_room(original.name) else no_room()

    def _has_room(self, name: str) -> bool:
        if name not in self._room:
            self._room[name] = room(name)
        left = self._room[name]
        if left is None:
            return True
        self._room[name] = left - 1
        return left > 0

    def _permission(self, name: str) -> Runnable | RerunRefused:
        if name not in self._names:
            try:
                self._names[name] = permitted(name, self.user)
            except RerunRefused as error:
                self._names[name] = error
        return self._names[name]
