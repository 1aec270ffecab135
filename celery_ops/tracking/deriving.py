"""From a task's life to its state, and to the value that the public API hands out.

The state goes by (attempt, rank), so events may arrive late, twice or in any order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from .. import states
from ..info import AttemptCost, TrackedTask
from .costs import UNKNOWN, Cost, cost_in
from .due import due_of
from .facts import (
    CUT,
    DJANGO_RESULT,
    DUE,
    ENDED,
    ERROR,
    FINAL_KINDS,
    HOSTNAME,
    NAME,
    NESTING,
    PARENT,
    PROGRESS,
    PUBLISHED,
    REPLACED,
    RETRIED,
    RETRY_OF,
    RETURNED,
    REVOKE_REQUESTED,
    SCHEDULE,
    STARTED,
    STARTED_BY,
    TRACE,
    Key,
    id_in,
    long_id,
    moment,
    number_in,
    progress_of,
    publish_in,
    requested_at,
    start_in,
    time_in,
)
from .lives import Life
from .stamp import schedule_of
from .started_by import started_by_of

#: What an attempt may have come to, the weakest first.
OUTCOMES: Final = {
    STARTED: states.STARTED,
    REPLACED: states.PENDING,
    RETURNED: states.PENDING,
    CUT: states.LOST,
    RETRIED: states.RETRY,
    **{kind: state for state, kind in sorted(ENDED.items(), key=lambda end: states.FINAL_ORDER.index(end[0]))},
}
_ATTEMPT_KINDS = frozenset(OUTCOMES)
_TIMED_KINDS = frozenset((*OUTCOMES, PUBLISHED, REVOKE_REQUESTED))
_ENDS: Final = (*reversed(FINAL_KINDS), RETRIED, RETURNED)


@dataclass(frozen=True, slots=True)
class Started:
    at: int
    received: int | None
    hostname: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What the facts of one task add up to, before labels and lost workers are known."""

    short: str
    state: str
    attempt: int
    published: int | None
    name: str
    started: Started | None
    finished: int | None
    newest: int  # milliseconds of the last thing heard
    nesting: int = 0  # how many tasks Task.replace put in each other's place
    is_replaced: bool = False  # and what is to go on under this id is not published yet
    executions: int = 0  # how often it was begun, but for retries


def derive(short: str, life: Life) -> Derived:
    """Return the state of a task by (attempt, rank), whatever the order in which its facts arrived."""
    facts = life.facts
    attempt = max((n for kind, n in facts if kind in _ATTEMPT_KINDS), default=0)
    at, name = publish_in(facts.get((PUBLISHED, 0)), life.tags.get((PUBLISHED, 0), ""))
    nesting = max((n for kind, n in facts if kind == NAME), default=0)
    name = facts.get((NAME, nesting)) or name
    state, finished = _state(facts, attempt)
    times = [time_in(value, at) or 0 for (kind, _), value in facts.items() if kind in _TIMED_KINDS]
    waits = state == states.PENDING  # again, where its message was given back, or it was replaced
    return Derived(
        short,
        state,
        attempt,
        at,
        name,
        started=None if waits else _started(facts.get((STARTED, attempt)), at),
        finished=time_in(finished, at),
        newest=max(times, default=0),
        nesting=nesting,
        is_replaced=waits and (REPLACED, attempt) in facts and nesting <= _nesting_of(facts, attempt),
        executions=life.executions,
    )


def _state(facts: Mapping[Key, str | None], attempt: int) -> tuple[str, str | None]:
    """The state of the attempt, and what is kept of when it ended."""
    for kind, state in reversed(OUTCOMES.items()):
        if (kind, attempt) in facts:
            return state, facts[kind, attempt] if kind in FINAL_KINDS else None
    return states.PENDING, None


def _nesting_of(facts: Mapping[Key, str | None], attempt: int) -> int:
    return number_in(facts.get((NESTING, attempt))) or 0


def _started(value: str | None, published_at: int | None) -> Started | None:
    at, received, _pid, hostname = start_in(value, published_at)
    return None if at is None else Started(at, received, hostname)


def tracked_task(
    derived: Derived,
    life: Life,
    *,
    label: str,
    lost: bool = False,
) -> TrackedTask:
    """Return the value that the public API hands out. ``lost`` says that its worker is gone."""
    facts, attempt = life.facts, derived.attempt
    state = states.LOST if lost else derived.state
    cost, due = cost_of(life, attempt), due_of(facts.get((DUE, 0)))
    return TrackedTask(
        id=long_id(derived.short),
        name=derived.name,
        label=label,
        state=state,
        attempts=attempt + 1,
        published_at=moment(derived.published),
        received_at=moment(derived.started.received) if derived.started else None,
        started_at=moment(derived.started.at) if derived.started else None,
        finished_at=moment(derived.finished),
        worker=(facts.get((HOSTNAME, attempt)) or derived.started.hostname or None) if derived.started else None,
        progress=progress_of(facts.get((PROGRESS, attempt))),
        error=_error(state, facts, attempt),
        retry_of=id_in(facts.get((RETRY_OF, 0))) or None,
        revoke_requested_at=requested_at(facts.get((REVOKE_REQUESTED, 0))),
        parent_id=id_in(facts.get((PARENT, 0))) or None,
        executions=derived.executions,
        trace_id=facts.get((TRACE, attempt)),
        cpu_seconds=cost.cpu_seconds,
        peak_memory=cost.peak_memory,
        started_by=started_by_of(facts.get((STARTED_BY, 0))),
        eta=moment(due.eta),
        priority=due.priority,
        django_priority=due.django_priority,
        django_result_id=facts.get((DJANGO_RESULT, 0)),
        schedule=schedule_of(facts.get((SCHEDULE, 0))) or None,
    )


def cost_of(life: Life, attempt: int) -> Cost:
    """Return what an attempt of a task cost, counted from 0."""
    ends = (cost_in(life.facts.get((kind, attempt))) for kind in _ENDS)
    return next((cost for cost in ends if cost != UNKNOWN), UNKNOWN)


def costs_of(life: Life) -> tuple[AttemptCost, ...]:
    """Return what the attempts of a task cost of which that is known, the first one first."""
    attempts = sorted({attempt for kind, attempt in life.facts if kind in _ENDS})
    costs = ((attempt, cost_of(life, attempt)) for attempt in attempts)
    return tuple(AttemptCost(attempt + 1, *cost) for attempt, cost in costs if cost != UNKNOWN)


def _error(state: str, facts: Mapping[Key, str | None], attempt: int) -> str | None:
    """What went wrong in the attempt, or what interrupted it."""
    error = facts.get((ERROR, attempt)) or None
    if state in (states.FAILURE, states.RETRY):
        return error
    if state == states.LOST and (CUT, attempt) in facts:
        return "Interrupted: " + _("its worker was shut down while it ran, and its message is gone")
    if state == states.PENDING and (RETURNED, attempt) in facts:
        return error or "Interrupted: " + _("its worker was shut down while it ran; its message is back in the queue")
    return None
