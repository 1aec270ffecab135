"""What a frame says of where it is: files, lines, functions and the code that stands there, never a value."""

import os
import sys
import tokenize
from collections import deque
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import PurePath
from types import FrameType
from typing import Any, Final, NamedTuple

from .. import redaction
from ..failures.frames import own_module
from ..tracking import task_threads

#: Frames that are told, of a deep recursion; the others are counted.
INNERMOST: Final = 60
OUTERMOST: Final = 20
#: Frames that are looked at, from the innermost on.
WALKED: Final = 10_000
#: Frames of the site's own whose code is read, characters of a line of it, and bytes of a file that is looked into.
READ: Final = 25
LONGEST: Final = 200
LARGEST: Final = 2 * 1024 * 1024
#: What Celery calls a task from: nobody asks for what is further out.
_CALLS_TASKS: Final = os.path.join("celery", "app", "trace.py")


class Frame(NamedTuple):
    """One frame: its file as imports find it, and whether it is the site's own code, not a library's."""

    file: str
    line: int
    function: str
    code: str
    is_own: bool


class Stack(NamedTuple):
    """The outermost frame comes first, as in a traceback. ``left_out`` are frames in the middle."""

    frames: list[Frame]
    left_out: int


class _Spot(NamedTuple):
    path: str
    line: int
    function: str


def stack_of(task_id: str) -> Stack | None:
    """Return where a task is that runs in this process; None where none of that id does."""
    frame = task_threads.frame_of(task_id)
    if frame is None:
        return None
    spots = _of_the_task(_spots(frame))
    left_out = max(0, len(spots) - OUTERMOST - INNERMOST)
    if left_out:
        del spots[OUTERMOST:-INNERMOST]
    return Stack(_frames(spots), left_out)


def _spots(frame: FrameType | None) -> list[_Spot]:
    spots: list[_Spot] = []
    while frame is not None and len(spots) < WALKED:
        code = frame.f_code
        spots.append(_Spot(code.co_filename, frame.f_lineno or 0, getattr(code, "co_qualname", code.co_name)))
        frame = frame.f_back
    spots.reverse()
    return spots


def _of_the_task(spots: list[_Spot]) -> list[_Spot]:
    """Leave out what calls the task: the pool's loop and Celery's own. Tasks that it calls eagerly are further in."""
    calls = [spot.path.endswith(_CALLS_TASKS) for spot in spots]
    if True not in calls[:-1]:
        return spots
    first = calls.index(True)
    while first < len(spots) - 1 and calls[first]:
        first += 1
    return spots[first:]


def _frames(spots: list[_Spot]) -> list[Frame]:
    frames: deque[Frame] = deque()
    left = READ
    for place, spot in enumerate(reversed(spots)):
        is_own = bool(own_module(spot.path))
        code = ""
        if left and (is_own or not place):
            code, left = _code(spot.path, spot.line), left - 1
        frames.appendleft(Frame(short_path(spot.path), spot.line, spot.function[:LONGEST], code, is_own))
    return list(frames)


@lru_cache(maxsize=1024)
def short_path(path: str) -> str:
    """Return a path from the longest entry of ``sys.path`` that it lies in; else its last parts."""
    folders = [os.path.join(os.path.abspath(folder), "") for folder in sys.path]
    folder = max((folder for folder in folders if path.startswith(folder)), key=len, default="")
    short = path[len(folder) :] if folder else os.path.join(*PurePath(path).parts[-3:] or ("",))
    return short[-LONGEST:]


def _code(path: str, line: int) -> str:
    """Return what stands in a line, without secrets. Nothing is kept: a process would grow by what it was asked."""
    with suppress(OSError, SyntaxError, ValueError):
        if os.path.isfile(path) and os.path.getsize(path) <= LARGEST:
            with tokenize.open(path) as file:
                text = next(islice(file, line - 1, line), "").strip()[: 2 * LONGEST]
            return redaction.cut(redaction.capture_text(text).text, LONGEST)
    return ""


def encoded(stack: Stack | None) -> Any:
    """Return a stack as messages carry it."""
    return stack and [[list(frame) for frame in stack.frames], stack.left_out]
