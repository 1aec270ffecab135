"""Each execution of a task whose message was delivered more than once: where it ran, when, and what it came to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from .. import states
from ..info import TaskExecution
from .deriving import OUTCOMES, Derived
from .facts import ERROR, HOSTNAME, STARTED, moment, start_in, time_in
from .lives import Life
from .stamp import now_ms
from .store import BEAT_COUNTS

#: How the error begins of an execution that its hard time limit ended.
LIMIT: Final = "TimeLimitExceeded"
#: Executions that are told of a task: one that gives its message back for ever has any number.
MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of one execution; times are in ms since the epoch."""

    attempt: int
    state: str
    hostname: str
    short_host: str
    pid: int | None
    received: int | None
    started: int
    ended: int | None
    timed_out: bool

    def is_lost(self, starts: Mapping[str, int]) -> bool:
        is_new = self.started >= now_ms() - BEAT_COUNTS * 1000
        if self.state != states.STARTED or is_new or not self.short_host:
            return False
        return starts.get(self.short_host, now_ms()) > self.started


def open_hosts(derived: Derived, life: Life) -> set[str]:
    """Return the workers of which it has to be known since when they run, to say what became of the executions."""
    if derived.executions < 2:
        return set()
    return {execution.short_host for execution in _begun(derived, life) if execution.state == states.STARTED} - {""}


def executions_of(derived: Derived, life: Life, starts: Mapping[str, int]) -> tuple[TaskExecution, ...]:
    """Return the newest ``MOST_TOLD`` executions, the first one first; none of a task that was delivered once.

    ``starts`` says when the workers ``open_hosts`` began, in ms since the epoch; one that is gone is not among them.
    """
    if derived.executions < 2:
        return ()
    begun = sorted(_begun(derived, life), key=lambda execution: (execution.attempt, execution.started))[-MOST_TOLD:]
    executions: list[TaskExecution] = []
    for place, execution in enumerate(begun):
        earlier = [other for other in begun[:place] if other.attempt == execution.attempt]
        overlaps = any(_goes_on(other, starts, until=execution.started) for other in earlier)
        executions.append(replace(_told(execution, starts), overlaps=overlaps))
    return tuple(executions)


def _goes_on(execution: _Begun, starts: Mapping[str, int], until: int) -> bool:
    if execution.ended is None:
        return execution.state == states.STARTED and not execution.is_lost(starts)
    return execution.ended > until


def _told(execution: _Begun, starts: Mapping[str, int]) -> TaskExecution:
    return TaskExecution(
        attempt=execution.attempt + 1,
        state=states.LOST if execution.is_lost(starts) else execution.state,
        worker=execution.hostname,
        pid=execution.pid,
        received_at=moment(execution.received),
        started_at=moment(execution.started),
        finished_at=moment(execution.ended),
        timed_out=execution.timed_out,
    )


def _begun(derived: Derived, life: Life) -> Iterator[_Begun]:
    apart: dict[tuple[int, str, str], dict[str, str | None]] = {}
    for (kind, attempt, tag, execution), value in life.tagged.items():
        apart.setdefault((attempt, tag, execution), {})[kind] = value
    for (attempt, _tag, _execution), facts in apart.items():
        started, received, pid, host = start_in(facts.get(STARTED), derived.published)
        if started is not None:
            state, ended = _outcome(facts, derived.published)
            timed_out = (facts.get(ERROR) or "").startswith(LIMIT)
            yield _Begun(attempt, state, facts.get(HOSTNAME) or host, host, pid, received, started, ended, timed_out)


def _outcome(facts: Mapping[str, str | None], published: int | None) -> tuple[str, int | None]:
    """What one execution came to, and when: of several ends the one that counts, as for the whole task."""
    kind = next(kind for kind in reversed(OUTCOMES) if kind in facts)
    return OUTCOMES[kind], None if kind == STARTED else time_in(facts[kind], published)
