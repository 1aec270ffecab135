"""Which tasks were run again already, and the claim that makes one more run of each the only one.

The claim is made of the task's id and of the newest row that ran it again. Two people who saw the same can send one run
between them; whoever has seen that run, and wants another, has a claim of their own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from ..databases import storable
from ..models import TaskRunRecord
from ..running import claims
from ..tracking.facts import short_id

NOT_SENT = TaskRunRecord.SendState.FAILED


@dataclass(frozen=True, slots=True)
class Reruns:
    """The rows that run one task again, newest first."""

    task_id: str
    rows: tuple[TaskRunRecord, ...] = ()

    @property
    def last(self) -> TaskRunRecord | None:
        """The newest one that was sent, or may have been."""
        return next((row for row in self.rows if row.send_state != NOT_SENT), None)

    @property
    def claim(self) -> UUID:
        newest = str(self.rows[0].pk) if self.rows else ""
        return claims.key_of("again", short_id(self.task_id), newest)

    def has(self, submission: UUID) -> bool:
        """Return whether one of them is what this submission ran."""
        return any(row.submission == submission for row in self.rows)


def submission_of_task(submission: UUID, task_id: str) -> UUID:
    """Return what makes one task of a submission one run."""
    return uuid5(submission, short_id(task_id))  # which has no half characters


def reruns_of(task_ids: Iterable[str]) -> Mapping[str, Reruns]:
    """Return how each of these tasks was run again. Raises DatabaseError."""
    ids = list(dict.fromkeys(task_ids))
    rows: dict[str, list[TaskRunRecord]] = {task_id: [] for task_id in ids}
    for row in TaskRunRecord.objects.filter(retry_of__in=storable(ids)).order_by("-pk"):
        rows.setdefault(row.retry_of, []).append(row)
    return {task_id: Reruns(task_id, tuple(rows[task_id])) for task_id in ids}
