"""What a task has logged, as a page may show it: redacted again, since any worker may have written it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .. import redaction
from ..tracking import facts
from ..tracking.recorder import recorder
from ..tracking.refs import ObjectRef
from ..tracking.store import LOG
from .stored import Execution as StoredExecution
from .stored import StoredLine, executions_in
from .texts import LONGEST_LEVEL, LONGEST_LOGGER, plain


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. ``n`` counts all lines that the task has logged, those that were not kept too, from 1.

    ``attempt`` is 1 for the first. ``left_out`` is how many lines before it were not kept, and ``is_first_of_logger``
    says that the one before it is of another logger.
    """

    n: int
    at: datetime | None
    level: str
    logger: str
    message: str
    attempt: int
    left_out: int = 0
    is_first_of_logger: bool = True


#: One execution: its attempt, from 1, and when it began to log.
Execution = tuple[int, datetime | None]


@dataclass(frozen=True, slots=True)
class AttemptLines:
    """The lines of one execution of an attempt; ``dropped`` says how many of its lines were not kept.

    ``first`` is the number of its first line, and ``key`` tells it from the others.
    """

    attempt: int
    begun: datetime | None
    lines: Sequence[LogLine]
    dropped: int
    first: int = 1

    @property
    def key(self) -> str:
        return f"{self.attempt}.{self.first}"

    @property
    def execution(self) -> Execution:
        """What stays the same while an execution before it, of a message that was delivered twice, logs more lines."""
        return self.attempt, self.begun


@dataclass(frozen=True, slots=True)
class TaskLog:
    """All that is kept of what a task has logged, an execution after the other."""

    task_name: str = ""
    attempts: Sequence[AttemptLines] = ()

    @property
    def lines(self) -> list[LogLine]:
        return [line for attempt in self.attempts for line in attempt.lines]

    @property
    def dropped(self) -> int:
        """How many lines were logged and not kept."""
        return sum(attempt.dropped for attempt in self.attempts)

    @property
    def next(self) -> int:
        """The number of the last line: those ``after`` it have not been seen."""
        return next((attempt.lines[-1].n for attempt in reversed(self.attempts) if attempt.lines), 0)


def read_log(task_id: str, after: int = 0, seen: Mapping[Execution, int] | None = None) -> TaskLog:
    """Return the lines of a task, only those whose number is above ``after``. Raises StoreUnavailable.

    ``seen`` says in its place how many lines each execution had logged by then: two may log at once. It is one round
    trip, and a second one for what processes of an earlier version have written.
    """
    ref = ObjectRef(LOG, task_id)
    (stored,) = recorder().ask(lambda store: store.read([ref]))
    long = [name for name, value in stored.items() if value is None]
    values = recorder().ask(lambda store: store.look_up([(ref, name) for name in long]))[0] if long else []
    whole = {name: value for name, value in (*stored.items(), *zip(long, values, strict=True)) if value is not None}
    executions = list(executions_in(whole))
    attempts, before = [], 0
    for execution in executions:
        if seen is not None:
            after = before + seen.get((execution.attempt + 1, _moment(execution.begun)), 0)
        attempts.append(_shown(execution, before, after))
        before += execution.total
    name = next((execution.task_name for execution in executions if execution.task_name), "")
    return TaskLog(name, attempts)


def _shown(execution: StoredExecution, before: int, after: int) -> AttemptLines:
    lines, last, logger = [], max(0, after - before), ""
    for line in execution.lines:
        if line[0] > last:
            named = line[3] != logger
            lines.append(_line(line, execution, before, left_out=line[0] - last - 1, is_first_of_logger=named))
            last = line[0]
        logger = line[3]
    dropped = execution.total - len(execution.lines)
    return AttemptLines(execution.attempt + 1, _moment(execution.begun), lines, dropped, before + 1)


def _line(
    line: StoredLine, execution: StoredExecution, before: int, left_out: int, *, is_first_of_logger: bool
) -> LogLine:
    n, at, level, logger, message = line
    return LogLine(
        n=before + n,
        at=_moment(execution.begun + at),
        level=plain(level)[:LONGEST_LEVEL],
        logger=plain(logger)[:LONGEST_LOGGER],
        message=redaction.LineRedactor().lines([plain(message)])[0],
        attempt=execution.attempt + 1,
        left_out=left_out,
        is_first_of_logger=is_first_of_logger,
    )


def _moment(milliseconds: int) -> datetime | None:
    try:
        return facts.moment(milliseconds)
    except (ValueError, OverflowError, OSError):
        return None
