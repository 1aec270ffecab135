"""Where in the site's own code something went wrong: libraries fail in many places for the same reason."""

import os
import re
import sys
import sysconfig
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from pathlib import PurePath
from types import TracebackType
from typing import Any, Final

#: Frames that are looked at from the outermost inwards, and characters of a frame's name.
MOST: Final = 5000
LONGEST: Final = 200
#: Characters of a stored traceback that are looked at, the last ones.
READ: Final = 65_536
#: Folders that libraries are installed in, wherever they lie.
_INSTALLED: Final = frozenset(("site-packages", "dist-packages"))
#: Packages that run tasks and are nobody's own code, wherever they lie.
_MACHINERY: Final = frozenset(("celery", "kombu", "billiard", "vine", "amqp", "celery_ops"))
_IN_TEXT: Final = re.compile(r'^[ |+]*File "([^"\n]{1,1000})", line \d{1,9}, in ([^\n]{1,300})$', re.MULTILINE)
_BEGIN: Final = re.compile(r"^(  \+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)
#: What the lines of a group's own traceback begin with; those of the exceptions in it follow.
_IN_GROUP: Final = "  |"


def innermost(traceback: TracebackType | Any | None) -> str:
    """Return the innermost function of the site's own in a traceback, as ``shop.payments.charge``; empty for none."""
    place = ""
    for path, function in _frames(traceback):
        if module := own_module(path):
            place = f"{module}.{function}"
    return place[:LONGEST]


def innermost_in(text: str | None) -> str:
    """Return the innermost function of the site's own in the last traceback of a text; empty for none."""
    return ["", *(_place(*frame) for frame in _own_frames(last_traceback(text)[0]))][-1]


def is_innermost(text: str | None, place: str) -> bool:
    """Return whether a function, as ``innermost`` calls it, is that of the last traceback in a text."""
    frames = _own_frames(last_traceback(text)[0])
    return _is_at(frames[-1], place) if frames else not place


def has_place(text: str | None, place: str) -> bool:
    """Return whether such a function is anywhere in a text's tracebacks; of none it is not known."""
    return not place or any(_is_at(frame, place) for frame in _own_frames((text or "")[-READ:]))


def last_traceback(text: str | None) -> tuple[str, bool]:
    """Return what follows the first line of the last traceback in a text, and whether there is such a line.

    That of an exception group is its own, without those of the exceptions in it.
    """
    read = (text or "")[-READ:]
    *_others, begin = [None, *_BEGIN.finditer(read)]
    if begin is None:
        return read, False
    rest = read[begin.end() + 1 :]
    if not begin[1]:
        return rest, True
    own = takewhile(lambda line: line.startswith(_IN_GROUP), rest.splitlines())
    return "\n".join(line[len(_IN_GROUP) + 1 :] for line in own), True


def _own_frames(text: str) -> list[tuple[str, str]]:
    """Return the files and the functions of the site's own that a text names, the innermost of a traceback last."""
    return [(path, function) for path, function in _IN_TEXT.findall(text) if own_module(path)]


def _place(path: str, function: str) -> str:
    return f"{own_module(path)}.{function}"[:LONGEST]


def _is_at(frame: tuple[str, str], place: str) -> bool:
    """An earlier release, or another machine, may have had the site's code in another folder: how it ends tells."""
    path, function = frame
    return _place(path, function) == place or f"{_dotted(PurePath(path).parts)}.{function}".endswith(f".{place}")


def _frames(traceback: Any) -> Iterator[tuple[str, str]]:
    """Yield the file and the function of each frame, of Python's traceback or of billiard's copy of one."""
    for _ in range(MOST):
        if traceback is None:
            return
        code = traceback.tb_frame.f_code
        yield str(code.co_filename), str(code.co_name)
        traceback = traceback.tb_next


@lru_cache(maxsize=2048)
def own_module(path: str) -> str:
    """Return the module that a file of the site's own is, empty for one of Python's or of a library's."""
    if path.startswith("<") or not _INSTALLED.isdisjoint(PurePath(path).parts) or _is_within(path, _libraries()):
        return ""
    module = _module(path)
    return "" if module.partition(".")[0] in _MACHINERY else module


def _module(path: str) -> str:
    """Return a path as a module, from the longest entry of ``sys.path`` that it lies in; else of its last parts."""
    roots = (root for root in map(os.path.abspath, sys.path) if _is_within(path, (root,)))
    if root := max(roots, key=len, default=""):
        parts = PurePath(path).relative_to(root).parts
    else:
        parts = PurePath(path).parts[-2:]
    return _dotted(parts)


def _dotted(parts: tuple[str, ...]) -> str:
    return ".".join(parts).removesuffix(".py").removesuffix(".__init__")


def _is_within(path: str, folders: tuple[str, ...]) -> bool:
    return any(path.startswith(os.path.join(folder, "")) for folder in folders)


@lru_cache(maxsize=1)
def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(folders | {os.path.realpath(folder) for folder in folders})
