"""Asking every source that may know a task; each one fails on its own, with a sentence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from django.db import DataError
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from .. import states
from ..backends.base import BackendUnavailable, TaskBackend
from ..backends.live import LiveTaskBackend
from ..backends.snapshot import snapshot
from ..info import Payload, TaskInfo, TrackedTask
from ..models import TaskRunRecord
from ..tracking import reading
from ..tracking.refs import ObjectRef
from ..tracking.store import StoreUnavailable

logger = logging.getLogger("celery_ops.details")

T = TypeVar("T")

#: Journal rows of one task: it has one, unless somebody plays.
RECORDS: Final = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What each source said, and what those that are away might have."""

    stored: TaskInfo | None = None
    tracked: TrackedTask | None = None
    payload: Payload = field(default_factory=Payload)
    refs: tuple[ObjectRef, ...] = ()
    live: TaskInfo | None = None
    records: tuple[TaskRunRecord, ...] = ()
    troubles: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.stored is None and self.tracked is None and self.live is None and not self.records


class Sources:
    """Asks for one task. ``troubles`` collects what could not be asked."""

    def __init__(self, task_id: str, backend: TaskBackend) -> None:
        self.task_id = task_id
        self.backend = backend
        self.troubles: list[str] = []

    def ask(self) -> Known:
        stored = self._try(lambda: self.backend.get(self.task_id), None)
        found = self._try(lambda: reading.find_task(self.task_id), [])
        payload = self._try(lambda: reading.read_payload(found[0][0], self.task_id), Payload()) if found else Payload()
        records = self._try(self._records, ())
        tracked = found[0][1] if found else None
        said = {task.state for task in (stored, tracked) if task is not None}
        over = any(map(states.is_final, said))
        return Known(
            stored=stored,
            tracked=tracked,
            payload=payload,
            refs=tuple(ref for ref, _task in found),
            live=None if over or self.backend.is_live else self._try(lambda: live_task(self.task_id), None),
            records=records,
            troubles=tuple(dict.fromkeys(self.troubles)),
        )

    def _records(self) -> tuple[TaskRunRecord, ...]:
        try:
            return tuple(TaskRunRecord.objects.filter(task_id=self.task_id).order_by("-pk")[:RECORDS])
        except (ValueError, DataError):  # no database holds an id with a NUL or half a character
            return ()

    def _try(self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except BackendUnavailable as error:
            return self._without(otherwise, str(error), error)
        except StoreUnavailable as error:
            return self._without(otherwise, _("The tracking store does not answer."), error)
        except DatabaseError as error:
            return self._without(otherwise, _("The journal does not answer."), error)

    def _without(self, otherwise: T, trouble: str, error: Any) -> T:
        logger.warning("A source of task %r is missing: %s", self.task_id, error)
        self.troubles.append(trouble)
        return otherwise


def live_task(task_id: str) -> TaskInfo | None:
    """Return what the workers hold of a task now. Raises BackendUnavailable, also when there is but an old copy."""
    found = LiveTaskBackend().get(task_id)
    if snapshot().trouble:
        raise BackendUnavailable(_("The broker does not answer, so the workers cannot be asked."))
    return found
