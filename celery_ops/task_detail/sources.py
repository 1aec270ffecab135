"""Asking every source that may know a task; each one fails on its own, with a sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from django.db import DataError
from django.db import Error as DatabaseError

from .. import states
from ..backends.base import TaskBackend
from ..backends.on_its_way import live_task, out_of_sight, waiting_task
from ..databases import cannot_hold
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..info import AttemptCost, Payload, TaskExecution, TaskInfo, TrackedTask
from ..logs import get_logger
from ..models import ControlRecord, TaskRunRecord
from ..one_state import state_of
from ..sentences import Sentence as _
from ..tracking import accounts, reading, revoke_requests
from ..tracking.refs import ObjectRef
from ..tracking.stamp import RESERVED

logger = get_logger("celery_ops.details")

T = TypeVar("T")
U = TypeVar("U")

#: The name of a revoke in the journal.
REVOKE: Final = "revoke"
#: Journal rows of one task: it has one, unless somebody plays.
RECORDS: Final = 20


@dataclass(frozen=True, slots=True)
class SourceAnswers:
    """What each source said, and what those that are away might have.

    ``kept`` is what tracking keeps of the arguments, ``reruns`` the ids of the tasks that are this one once more.
    ``is_listed`` says whether the list of tasks could be asked.
    """

    stored: TaskInfo | None = None
    tracked: TrackedTask | None = None
    payload: Payload = field(default_factory=Payload)
    kept: accounts.KeptArguments | None = None
    refs: tuple[ObjectRef, ...] = ()
    reruns: tuple[str, ...] = ()
    live: TaskInfo | None = None
    revoke_requested_at: datetime | None = None
    records: tuple[TaskRunRecord, ...] = ()
    troubles: tuple[str, ...] = ()
    is_listed: bool = True
    costs: tuple[AttemptCost, ...] = ()
    deliveries: tuple[TaskExecution, ...] = ()
    workflow: str = ""

    @property
    def is_empty(self) -> bool:
        return self.stored is None and self.tracked is None and self.live is None and not self.records

    @property
    def is_unknown(self) -> bool:
        """Whether there is no such task, as far as anybody can say: its list answered, and nobody else knows it."""
        return self.is_empty and self.is_listed


class Sources:
    """Asks for one task. ``troubles`` collects what could not be asked.

    ``account`` is what the store has of it, when that was read already.
    """

    def __init__(self, task_id: str, backend: TaskBackend, account: accounts.Account | None = None) -> None:
        self.task_id = task_id
        self.backend = backend
        self.account = account
        self.troubles: list[str] = []

    def ask(self, *, ask_workers: bool = True) -> SourceAnswers:
        """Return what is known now; live workers and queues are asked while the task has not ended, if at all."""
        answers = self.ask_origin(ask_workers=ask_workers)
        reruns = tuple(self._reruns(answers.refs))
        revoke_requested_at = self._revoke_requested_at(answers.tracked) or (
            answers.stored.revoke_requested_at if answers.stored else None
        )
        troubles = tuple(dict.fromkeys(self.troubles))
        return replace(answers, reruns=reruns, revoke_requested_at=revoke_requested_at, troubles=troubles)

    def ask_origin(self, *, ask_workers: bool = True) -> SourceAnswers:
        """Return what it takes to run the task again: who did that before, or asked to revoke it, is left out."""
        stored = self._try(lambda: self.backend.get(self.task_id), None)
        is_listed = not self.troubles
        account = self.account or self._try(lambda: accounts.read_account(self.task_id), accounts.Account())
        kept = account.kept
        objects = (ref for ref, _task in account.places if not ref.label.startswith(RESERVED))
        refs = tuple(objects) or (kept.refs if kept else ())
        records = self._try(self._records, ())
        tracked = account.places[0][1] if account.places else None
        over = states.is_final(state_of(stored, tracked, None))
        is_kept = bool(stored or tracked or records)
        live = self._try(lambda: self._on_its_way(is_kept=is_kept), None) if ask_workers and not over else None
        return SourceAnswers(
            stored=stored,
            tracked=tracked,
            payload=account.payload,
            kept=kept,
            refs=refs,
            live=live,
            records=records,
            troubles=tuple(dict.fromkeys(self.troubles)),
            is_listed=is_listed,
            deliveries=account.executions,
            costs=account.costs,
            workflow=account.workflow,
        )

    def _on_its_way(self, *, is_kept: bool) -> TaskInfo | None:
        """What workers hold of it, and of a task that nobody else knows what its waiting message says."""
        held = None if self.backend.is_live else live_task(self.task_id)
        if held or is_kept:
            return held
        waiting = waiting_task(self.task_id)
        if waiting is None and (note := out_of_sight()):
            self.troubles.append(note)
        return waiting

    def _records(self) -> tuple[TaskRunRecord, ...]:
        try:
            return tuple(TaskRunRecord.objects.filter(task_id=self.task_id).order_by("-pk")[:RECORDS])
        except (ValueError, DataError):  # no database holds an id with a NUL or half a character
            return ()

    def _revoke_requested_at(self, tracked: TrackedTask | None) -> datetime | None:
        """Of a task that belongs to no object the journal knows it, or its own place in the store."""
        if tracked is not None and tracked.revoke_requested_at is not None:
            return tracked.revoke_requested_at
        alone = self._try(self._recorded_revoke, None)
        return alone or self._try(lambda: revoke_requests.revoke_noted_at(self.task_id), None)

    def _recorded_revoke(self) -> datetime | None:
        try:
            rows = ControlRecord.objects.filter(action=REVOKE, target=self.task_id).order_by("-pk")
            return rows.values_list("created_at", flat=True).first()
        except (ValueError, DataError):
            return None

    def _reruns(self, refs: tuple[ObjectRef, ...]) -> list[str]:
        """Journal rows may be gone by now, and so may what is tracked."""
        rows = self._try(self._recorded_reruns, ())
        tracked = self._try(lambda: reading.reruns_of(refs, self.task_id), ()) if refs else ()
        return list(dict.fromkeys([*rows, *tracked]))[:RECORDS]

    def _recorded_reruns(self) -> list[str]:
        try:
            rows = TaskRunRecord.objects.filter(retry_of=self.task_id).order_by("-pk")
            return list(rows.values_list("task_id", flat=True)[:RECORDS])
        except (ValueError, DataError):
            return []

    def _try(self, ask: Callable[[], T], otherwise: U) -> T | U:
        try:
            return ask()
        except BackendUnavailable as error:
            return self._without(otherwise, str(error), error)
        except StoreUnavailable as error:
            return self._without(otherwise, _("The tracking store does not answer."), error)
        except DatabaseError as error:
            if cannot_hold(error):
                return otherwise
            return self._without(otherwise, _("The journal does not answer."), error)

    def _without(self, otherwise: U, trouble: str, error: Any) -> U:
        logger.warning("A source of task %r is missing: %s", self.task_id, error)
        self.troubles.append(trouble)
        return otherwise
