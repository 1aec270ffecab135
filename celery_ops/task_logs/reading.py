"""What a task has logged, as a page may show it: redacted again, since any worker may have written it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from .. import redaction
from ..exceptions import BackendUnavailable, StoreUnavailable
from ..tracking import facts
from ..tracking.recorder import recorder
from ..tracking.refs import ObjectRef
from ..tracking.store import LOG
from .stored_lines import Execution as StoredExecution
from .stored_lines import StoredLine, executions_in
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


#: How many lines each execution had logged by then, by its key.
Seen = Mapping[str, int]

#: Characters of a text that says so, and one of its parts.
LONGEST_SEEN: Final = 2_000
SEEN: Final = re.compile(r"(\d{1,9}\.\d{1,14}\.[0-9a-f]{4})-(\d{1,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AttemptLines:
    """The lines of one execution of an attempt; ``dropped`` says how many of its lines were not kept.

    ``first`` is the number of its first line, which moves while an execution before it logs more: a message that was
    delivered twice may run twice at once. ``key`` tells it from the others and stays. ``seen`` is the last of its own
    lines, from 1, that the asker has now.
    """

    attempt: int
    begun: datetime | None
    lines: Sequence[LogLine]
    dropped: int
    first: int = 1
    key: str = ""
    seen: int = 0


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

    @property
    def seen(self) -> str:
        """What ``seen_in`` reads, of a message that was delivered twice, whose lines' numbers may move; else empty."""
        if len({attempt.attempt for attempt in self.attempts}) == len(self.attempts):
            return ""
        return "_".join(f"{attempt.key}-{attempt.seen}" for attempt in self.attempts)


def seen_in(text: str) -> Seen | None:
    """Return what a text says of each execution; None for a text that is not of ours."""
    parts = [SEEN.fullmatch(part) for part in text.split("_")] if len(text) <= LONGEST_SEEN else [None]
    seen = {part[1]: int(part[2]) for part in parts if part is not None}
    return seen if len(seen) == len(parts) else None


def read_log(task_id: str, after: int | Seen = 0) -> TaskLog:
    """Return the lines of a task, only those that were logged ``after`` the others. Raises StoreUnavailable.

    These are told by the last one's number, or by how many each execution had logged: two may log at once. It is one
    round trip, and a second one for what processes of an earlier version have written.
    """
    ref = ObjectRef(LOG, task_id)
    (stored,) = recorder().ask(lambda store: store.read([ref]))
    long = [name for name, value in stored.items() if value is None]
    values = recorder().ask(lambda store: store.look_up([(ref, name) for name in long]))[0] if long else []
    whole = {name: value for name, value in (*stored.items(), *zip(long, values, strict=True)) if value is not None}
    executions = list(executions_in(whole))
    attempts, before = [], 0
    for execution in executions:
        seen = max(0, after - before) if isinstance(after, int) else after.get(execution.name, 0)
        attempts.append(_shown(execution, before, seen))
        before += execution.total
    name = next((execution.task_name for execution in executions if execution.task_name), "")
    return TaskLog(name, attempts)


def log_of(task_id: str, after: int | Seen = 0) -> TaskLog:
    """Return what ``read_log`` does, for whoever shows it. Raises BackendUnavailable, which says so in words."""
    try:
        return read_log(task_id, after)
    except StoreUnavailable as error:
        raise BackendUnavailable(_("The tracking store does not answer.")) from error


def _shown(execution: StoredExecution, before: int, seen: int) -> AttemptLines:
    lines, last, logger = [], seen, ""
    for line in execution.lines:
        if line[0] > last:
            named = line[3] != logger
            lines.append(_line(line, execution, before, left_out=line[0] - last - 1, is_first_of_logger=named))
            last = line[0]
        logger = line[3]
    dropped = execution.total - len(execution.lines)
    return AttemptLines(
        attempt=execution.attempt + 1,
        begun=facts.moment_or_none(execution.begun),
        lines=lines,
        dropped=dropped,
        first=before + 1,
        key=execution.name,
        seen=min(last, execution.total),
    )


def _line(
    line: StoredLine, execution: StoredExecution, before: int, left_out: int, *, is_first_of_logger: bool
) -> LogLine:
    n, at, level, logger, message = line
    return LogLine(
        n=before + n,
        at=facts.moment_or_none(execution.begun + at),
        level=plain(level)[:LONGEST_LEVEL],
        logger=plain(logger)[:LONGEST_LOGGER],
        message=redaction.LineRedactor().lines([plain(message)])[0],
        attempt=execution.attempt + 1,
        left_out=left_out,
        is_first_of_logger=is_first_of_logger,
    )
