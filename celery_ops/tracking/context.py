"""What a host's code says of its tasks: ``tracking(obj)`` around a publish, ``set_progress`` inside a task."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Model

from .refs import ObjectRef

if TYPE_CHECKING:
    from .started_by import Requester

#: The id of the task that another one is once more, and its objects.
Original = tuple[str, tuple[ObjectRef, ...]]

_bound: ContextVar[tuple[ObjectRef, ...]] = ContextVar("celery_ops_bound", default=())
_retry_of: ContextVar[str] = ContextVar("celery_ops_retry_of", default="")
_originals: ContextVar["tuple[tuple[ObjectRef, ...], Mapping[str, Original]] | None"] = ContextVar(
    "celery_ops_originals", default=None
)
_requester: ContextVar["Requester | None"] = ContextVar("celery_ops_requester", default=None)
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
        with suppress(ValueError):  # an asynchronous generator may be ended in another context than its own
            _bound.reset(token)


class answering:
    """Let what is published inside be started by whom a request comes from.

    Every request pays for it, and a generator costs more.
    """

    __slots__ = ("_before", "_requester")

    def __init__(self, requester: "Requester") -> None:
        self._requester = requester

    def __enter__(self) -> None:
        self._before = _requester.get()
        _requester.set(self._requester)

    def __exit__(self, *_: object) -> None:
        _requester.set(self._before)  # no token: a coroutine may be ended in another context than it began in


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
def rerunning_each(originals: Mapping[str, Original]) -> Iterator[None]:
    """Say of which task each one that is published inside is once more, by its new id; of others nothing is said."""
    outer = _bound.get()
    tokens = _bound.set(outer), _retry_of.set(""), _originals.set((outer, originals))
    try:
        yield
    finally:
        _bound.reset(tokens[0])
        _retry_of.reset(tokens[1])
        _originals.reset(tokens[2])


def publishing(task_id: str) -> None:
    """Say that a task is about to be published here, under this id."""
    known = _originals.get()
    if known is not None:
        outer, originals = known
        original, refs = originals.get(task_id, ("", ()))
        _bound.set((*outer, *refs))
        _retry_of.set(original)


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


class Around(NamedTuple):
    """What is said around a publish: the objects, and who starts it as a header says that, empty for nobody."""

    objects: tuple[ObjectRef, ...]
    started_by: str


def around() -> Around:
    """Return the objects of the ``tracking`` blocks around the caller, then the account of who starts things here."""
    bound, requester = _bound.get(), _requester.get()
    started = None if requester is None else requester.origin()
    if started is None:
        return Around(bound, "")
    return Around(bound if started.ref in bound else (*bound, started.ref), started.text)


def bound_objects() -> tuple[ObjectRef, ...]:
    """Return the objects alone."""
    return around().objects


def set_progress(current: float, total: float, message: str = "") -> None:
    """Say how far the task that calls this is: numbers, and a short text (200 characters are kept).

    Does nothing outside a tracked task, and never raises into one. Written at most every half second, and at the end.
    """
    from . import progress  # every process that loads the site's tasks imports this module, and few run them

    progress.set_progress(current, total, message)
