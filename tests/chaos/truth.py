"""What really happens, a line each in one file: told by tasks themselves and by receivers that are not ours.

A line is one ``write()`` to a file that is open for appending: whole, in order, and kept when its process is killed.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_file: int | None = None


def path() -> Path:
    return Path(os.environ["CHAOS_DIRECTORY"]) / "truth.jsonl"


def tell(what: str, task_id: str = "", **more: Any) -> None:
    """Say that this happened now, in this process."""
    global _file
    if _file is None:
        _file = os.open(path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    line = {"at": time.time(), "pid": os.getpid(), "what": what, "id": task_id, **more}
    os.write(_file, json.dumps(line).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Note:
    """One line. ``attempt`` counts from 1, and is 0 where whoever told it does not know.

    ``message`` is that which was sent, or which an execution began with: a task may be published more than once.
    """

    at: float
    pid: int
    what: str
    id: str = ""
    name: str = ""
    attempt: int = 0
    text: str = ""
    until: float = 0.0
    message: str = ""


def notes() -> Iterator[Note]:
    """Yield all that was told."""
    with path().open() as lines:
        for line in lines:
            yield Note(**json.loads(line))
