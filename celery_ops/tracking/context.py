"""What a host's code says of its tasks: ``tracking(obj)`` around a publish, ``set_progress`` inside a task."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db.models import Model

from .refs import ObjectRef

_bound: ContextVar[tuple[ObjectRef, ...]] = ContextVar("celery_ops_bound", default=())
_retry_of: ContextVar[str] = ContextVar("celery_ops_retry_of", default="")
_sends: ContextVar[dict[str, str] | None] = ContextVar("celery_ops_sends", default=None)


@contextmanager
def tracking(*objects: Model) -> Iterator[None]:
    """Bind whatever is published inside to ``objects``; blocks nest and add up.

    Raises TypeError for what is not a model instance, ValueError for one that is not saved.
    """
    refs = tuple(ObjectRef.of(obj) for obj in objects)
    token = _bound.set((*_bound.get(), *refs))
    try:
        yield
    finally:
        _bound.reset(token)


@contextmanager
def rerunning(task_id: str, refs: Iterable[ObjectRef] = ()) -> Iterator[None]:
    """Say that what is published inside is task ``task_id`` once more: for the same objects, and linked to it."""
    tokens = _bound.set((*_bound.get(), *refs)), _retry_of.set(task_id)
    try:
        yield
    finally:
        _bound.reset(tokens[0])
        _retry_of.reset(tokens[1])


@contextmanager
def noting_sends() -> Iterator[dict[str, str]]:
    """Give the tasks that are published inside, and those that are run here instead: their names by id."""
    noted: dict[str, str] = {}
    token = _sends.set(noted)
    try:
        yield noted
    finally:
        _sends.reset(token)


def note_send(task_id: str, name: str) -> None:
    """Say that a task was published, or is run here."""
    noted = _sends.get()
    if noted is not None:
        noted[task_id] = name


def retry_of() -> str:
    """Return the id of the task that is run again here, empty when none is."""
    return _retry_of.get()


def bound_objects() -> tuple[ObjectRef, ...]:
    """Return the objects of the ``tracking`` blocks around the caller."""
    return _bound.get()


def set_progress(current: float, total: float, message: str = "") -> None:
    """Say how far the task that calls this is: numbers, and a short text (200 characters are kept).

    Does nothing outside a tracked task, and never raises into one. Written at most every half second, and at the end.
    """
    from . import progress  # every process that loads the site's tasks imports this module, and few run them

    progress.set_progress(current, total, message)
