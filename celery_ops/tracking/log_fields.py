"""Under which fields a store keeps what a task has logged: two for each execution, its beginning and its end.

An execution is told from the others of its task by its attempt, by when it logged its first line, and by a tag.
"""

import os
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

BEGINNING: Final = "a"
END: Final = "z"

#: Executions of one task whose lines are kept, the newest, and fields from which on the others go: a value takes up to
#: three.
EXECUTIONS_KEPT: Final = 20
MOST_FIELDS: Final = 60

_FIELD: Final = re.compile(r"(\d{1,9})\.(\d{1,14})\.([0-9a-f]{4})\.([az])", re.ASCII)


class LogField(NamedTuple):
    """What a field's name says: the attempts before this one, and when it began in milliseconds since the epoch."""

    attempt: int
    begun: int
    tag: str
    part: str

    @property
    def execution(self) -> tuple[int, int, str]:
        """Sorts as the executions came one after the other."""
        return self.attempt, self.begun, self.tag


def execution_name(attempt: int, begun: int) -> str:
    """Return what the fields of an execution in this process begin with: attempts before it, and ms since the epoch."""
    return f"{attempt}.{begun}.{os.getpid() & 0xFFFF:04x}"


def field_of(name: str) -> LogField | None:
    """Return what a field's name says, None for one that is not ours."""
    match = _FIELD.fullmatch(name)
    return LogField(int(match[1]), int(match[2]), match[3], match[4]) if match else None


def oldest_attempts(names: Iterable[str]) -> list[str]:
    """Return the fields of all executions but the newest ``EXECUTIONS_KEPT``, and those that are not ours."""
    fields = {name: field_of(name) for name in names}
    executions = sorted({field.execution for field in fields.values() if field})
    kept = set(executions[-EXECUTIONS_KEPT:])
    return [name for name, field in fields.items() if field is None or field.execution not in kept]
