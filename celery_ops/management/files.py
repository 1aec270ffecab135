"""Writing a file whole or not at all."""

import os
import stat
from contextlib import suppress
from uuid import uuid4


def replace(path: str, text: str) -> None:
    """Put ``text`` in the place of a file: until all of it is on the disk, the old file stays as it was.

    What is no file, such as a pipe, is written to. Raises OSError.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name[:100]}.{uuid4().hex}")
    try:
        _write(beside, text)
        with suppress(FileNotFoundError):
            os.chmod(beside, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    _sync(folder)


def _write(path: str, text: str) -> None:
    with open(path, "x", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: str) -> None:
    """Have the folder's own entry on the disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
