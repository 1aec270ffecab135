"""The tasks of a group: those whose stored error, without what differs, is the group's."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from .. import redaction, states
from ..backends.base import TaskBackend
from ..backends.selection import SelectedTasks
from ..info import TaskInfo
from ..metrics.cells import OTHER
from ..metrics.rows import LONGEST
from ..payload import payload
from ..redaction.text import CUT, REDACTED
from ..task_query import Counts, TaskPage, TaskQuery
from .fingerprint import LONGEST_CLASS, Fingerprint, qualified
from .frames import has_place, innermost_in, is_innermost, last_traceback
from .group import Group
from .normalising import READ, compared, normalised

#: Failed tasks that one page looks through for those of a group, and in a row without any before it is given up.
LOOKED_THROUGH: Final = 1000
IN_VAIN: Final = 10_000
#: Tasks that are read at once.
AT_ONCE: Final = 250
#: What a backend says of itself and its group's tasks have as well.
_SUPPORTS: Final = ("worker", "queue", "created", "started", "finished", "arguments", "started_by")
_CLASS: Final = re.compile(r"[A-Za-z_][\w.<>]*\Z")
#: What Python writes in place of a message that cannot be had.
_UNSAID: Final = re.compile(r"<exception str\(\) failed>|<unprintable .{1,200} object>")
#: What Celery makes of an exception that cannot be pickled.
_WRAPPER: Final = "UnpickleableExceptionWrapper"
_FRAME: Final = '  File "'


def fingerprint_of(task: TaskInfo) -> Fingerprint | None:
    """Return what a failed task's error has in common with others, None where it has none.

    It is that of a worker where the traceback is kept. Without one the class has no module, and there is no frame.
    """
    raised, stored = _told(task)
    if raised and _is_of(raised, stored):
        told, frame = raised, innermost_in(task.traceback)
    elif stored:
        told, frame = stored, "" if raised else innermost_in(task.traceback)
    else:
        return None
    exception, message = told
    return Fingerprint(exception[:LONGEST_CLASS], normalised(_shown(task, message)), frame)


def _shown(task: TaskInfo, message: str) -> str:
    """Return an error's message without what the task's arguments hide: else what its worker told."""
    shown = payload.outcome_text(task, message[: READ + 1]) if message else ""
    if shown is None:
        _name, shown = _split(task.told_error or "") or ("", REDACTED)
    return shown


def _told(task: TaskInfo) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
    """Return the class and the message of a task's error by its traceback, and by what is stored beside that."""
    raised, stored = _raised(task.traceback), _split(task.error or "")
    if stored and stored[0] == _WRAPPER:  # then the message is module, class, arguments and words
        module, _comma, rest = stored[1].partition(", ")
        stored = qualified(module, rest.partition(",")[0]), raised[1] if raised else ""
    if raised and stored and _name(raised[0]) == _WRAPPER:
        raised = stored[0], raised[1]
    return raised, stored


def _raised(traceback: str | None) -> tuple[str, str] | None:
    """Return the class and the message that the last traceback of a text ends with."""
    last, header = last_traceback(traceback)
    lines = last.splitlines()
    frames = [place for place, line in enumerate(lines) if line.startswith(_FRAME)]
    if not (header or frames):  # its beginning may have been cut off
        return None
    after = frames[-1] + 1 if frames else 0
    begin = next((place for place in range(after, len(lines)) if lines[place][:1].strip()), None)
    return None if begin is None else _split("\n".join(lines[begin:]))


def _split(text: str) -> tuple[str, str] | None:
    name, _colon, message = text.rstrip("\n").partition(": ")
    return (name, "" if _UNSAID.fullmatch(message) else message) if _CLASS.match(name) else None


def is_alike(task: TaskInfo, group: Group) -> bool:
    """Return whether a failed task is one of a group, as far as its stored error says.

    What was hidden in the group's message, for it was an argument of the task, may be anything in the task's. A
    traceback may say more than the message, such as notes, and end with another one that the message quotes.
    """
    raised, stored = _told(task)
    if raised and _is_class(raised[0], group.exception) and is_innermost(task.traceback, group.frame):
        messages = [raised[1], stored[1]] if stored and _is_of(raised, stored) else [raised[1]]
    elif stored and _name(stored[0]) == _name(group.exception) and not (raised and _is_of(raised, stored)):
        messages = [stored[1]] if not raised or has_place(task.traceback, group.frame) else []
    else:
        return False
    return any(_says(compared(_normalised(message)), compared(group.message)) for message in messages)


def _is_of(raised: tuple[str, str], stored: tuple[str, str] | None) -> bool:
    """Return whether a traceback ends with the error that is stored, and not with another that its message quotes."""
    return stored is None or _name(raised[0]) == _name(stored[0])


def _name(exception: str) -> str:
    """Return the name of a class without its module."""
    return exception.rpartition(".")[2]


def _is_class(exception: str, wanted: str) -> bool:
    """A class without a module may be one of which nobody has kept the module."""
    return exception[:LONGEST_CLASS] == wanted or exception == _name(wanted)


def _normalised(message: str) -> str:
    return normalised(redaction.capture_text(message[: READ + 1]).text if message else "")


def _says(message: str, wanted: str) -> bool:
    if REDACTED not in wanted:
        return message == wanted
    place = 0
    first, *others = wanted.split(REDACTED)
    if not message.startswith(first):
        return False
    for part in others:
        place = message.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return wanted.endswith(CUT) or message.endswith(others[-1])


class GroupTaskBackend(SelectedTasks):
    """The failed tasks of another backend that belong to one group."""

    def __init__(self, backend: TaskBackend, group: Group) -> None:
        self.select_from(backend)
        self.group, self.label, self.description = group, backend.label, backend.description
        for name in _SUPPORTS:
            setattr(self, f"supports_{name}", getattr(backend, f"supports_{name}", False))
        self.sorts, self.asks_for_each_name = backend.sorts, backend.asks_for_each_name

    def page(self, query: TaskQuery, *, cursor: str = "", size: int = 25) -> TaskPage:
        """Return some tasks, fewer than ``size`` where not many of those that failed belong to the group."""
        query = self._failed(query)
        page = self.backend.page(query, cursor=cursor, size=size)
        tasks, looked = self._alike(page.tasks), len(page.tasks)
        previous = page.previous
        while not tasks and page.next and looked < LOOKED_THROUGH:
            page = self.backend.page(query, cursor=page.next, size=size)
            tasks, looked = self._alike(page.tasks), looked + len(page.tasks)
        return TaskPage(tuple(tasks), page.next, previous, page.notes)

    def iterate(self, query: TaskQuery) -> Iterator[TaskInfo]:
        query, cursor, in_vain = self._failed(query), "", 0
        while in_vain < IN_VAIN:
            page = self.backend.page(query, cursor=cursor, size=AT_ONCE)
            tasks = self._alike(page.tasks)
            yield from tasks
            in_vain = 0 if tasks else in_vain + len(page.tasks)
            if not page.next:
                return
            cursor = page.next

    def counts(self, query: TaskQuery) -> Counts | None:
        """How many tasks are in a group is not known before each is looked at."""
        return None

    def check(self) -> list[Any]:
        return self.backend.check()

    def _failed(self, query: TaskQuery) -> TaskQuery:
        names = [*self.group.tasks]
        is_one = len(names) == 1 and names[0] != OTHER and len(names[0]) < LONGEST
        name = query.name or (names[0] if is_one else "")
        return replace(query, states=(states.FAILURE,), name=name)

    def _alike(self, tasks: Sequence[TaskInfo]) -> list[TaskInfo]:
        failed = [task for task in tasks if task.state == states.FAILURE and self._may_have(task.name)]
        alike = {task.id for task in (self.backend.complete(failed) if failed else ()) if is_alike(task, self.group)}
        return [task for task in failed if task.id in alike]

    def _may_have(self, name: str) -> bool:
        """Return whether a task of that name may be one of the group: names are kept up to a length and a number."""
        names = self.group.tasks
        return not names or OTHER in names or name[:LONGEST] in names
