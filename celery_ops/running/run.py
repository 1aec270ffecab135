"""What a person asks for: one run of one task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from celery.app.task import Task

from ..tracking.refs import ObjectRef
from .options import SendOptions

NO_OPTIONS: Final = SendOptions()


@dataclass(frozen=True, slots=True)
class Run:
    """One run that a person asks for.

    ``task`` is None when only workers know it. ``target`` is the object that it is launched for, ``retry_of`` the id of
    the task that it is once more and ``refs`` that task's objects. ``submission`` makes two of the same one run; only
    one run has the ``claim``. ``whole`` is how many tasks the workflow has that it is sent with, 0 for one by itself.
    """

    name: str
    task: Task | None
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: SendOptions = NO_OPTIONS
    target: ObjectRef | None = None
    retry_of: str = ""
    refs: tuple[ObjectRef, ...] = ()
    submission: UUID | None = None
    claim: UUID | None = None
    whole: int = 0
