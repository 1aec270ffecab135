"""What must hold before anything is started; each failure is one line."""

import fcntl
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from .console import Problem, shown

NEEDED = ("django", "celery", "celery_ops", "django_celery_results", "PIL", "qrcode", "reportlab")


def check_installed() -> None:
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise Problem(f"Not installed for this Python: {', '.join(missing)}. `make sandbox` installs them.")


def check_port(port: int) -> None:
    """Raise Problem when the site could not listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise Problem(
                f"Port {port} cannot be used ({error.strerror}). Another one: make sandbox SANDBOX_PORT=8001"
            ) from error


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the sandbox's own directory: two launchers would write to one database."""
    try:
        (var / "log").mkdir(parents=True, exist_ok=True)
        lock = (var / "lock").open("w")
    except OSError as error:
        raise Problem(f"{shown(var)} cannot be written: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Problem("This sandbox is running already; stop it first with Ctrl-C.") from error
        yield
