"""What a host's code says of its tasks: ``tracking(obj)`` around a publish, ``set_progress`` inside a task."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from numbers import Real
from typing import Final

from django.db.models import Model

from .. import redaction
from ..info import Progress
from . import facts, runs
from .edge import never_raises
from .recorder import recorder
from .refs import ObjectRef

#: Seconds between two writes of one task's progress; what comes in between is written with the next event.
PROGRESS_EVERY: Final = 0.5
MESSAGE_LENGTH: Final = 200

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


@never_raises
def set_progress(current: float, total: float, message: str = "") -> None:
    """Say how far the task that calls this is: numbers, and a short text (200 characters are kept).

    Does nothing outside a tracked task, and never raises into one. Written at most every half second, and at the end.
    """
    run = runs.current()
    if run is None:
        return
    if not all(isinstance(n, (Real, Decimal)) and math.isfinite(n) for n in (current, total)):
        raise TypeError(f"set_progress() takes two finite numbers, not {current!r:.40} and {total!r:.40}")
    text = redaction.capture_text(str(message)[:MESSAGE_LENGTH]).text if message else ""
    run.unsaid.append(facts.progress_text(Progress(float(current), float(total), text)))
    now = time.monotonic()
    if now - run.progress_written >= PROGRESS_EVERY:
        run.progress_written = now
        recorder().record(run.batch, run.whose)
