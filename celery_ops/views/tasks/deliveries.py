"""Each delivery of a message that was delivered more than once, as a page shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from ... import states
from ...formatting import Moment, duration
from ...info import TaskExecution, between
from ...redelivery import causes_of, patience
from ...tables.links import PageLink, worker_link
from ...task_detail import TaskDetail


@dataclass(frozen=True, slots=True)
class ViewedDelivery:
    """One execution: where, when, what it came to, and why there is another one before it; empty for the first."""

    attempt: int
    worker: PageLink | None
    pid: int | None
    started: Moment | None
    run_time: str
    state: str
    tone: str
    ending: str
    beside: str = ""
    cause: str = ""
    remedy: str = ""


def deliveries_of(detail: TaskDetail) -> tuple[ViewedDelivery, ...]:
    """Return the executions of a task, none of one whose message was delivered once."""
    return tuple(_viewed(detail.deliveries)) if detail.deliveries else ()


def _viewed(executions: tuple[TaskExecution, ...]) -> Iterator[ViewedDelivery]:
    now, first = timezone.now(), executions[0].started_at
    for execution, cause in zip(executions, causes_of(executions, patience()), strict=True):
        yield ViewedDelivery(
            attempt=execution.attempt,
            worker=worker_link(execution.worker) if execution.worker else None,
            pid=execution.pid,
            started=Moment.of(execution.started_at, now),
            run_time=duration(execution.duration),
            state=execution.state,
            tone=states.tone(execution.state),
            ending=_ending(execution.state),
            beside=_beside(execution, first) if cause else "",
            cause=cause.sentence if cause else "",
            remedy=cause.remedy if cause else "",
        )


def _ending(state: str) -> str:
    """What the state of an execution says less plainly than that of a task."""
    endings = {states.PENDING: _("gave its message back"), states.LOST: _("its worker is gone")}
    return endings.get(state, "")


def _beside(execution: TaskExecution, first: datetime | None) -> str:
    later = {"time": duration(between(first, execution.started_at))}
    if execution.overlaps:
        return _("%(time)s after the first began, while another one was not over") % later
    return _("%(time)s after the first began, when the one before it was over") % later
