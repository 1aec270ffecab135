"""The tracked tasks that are executing in this process now, and what is known of each."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from celery import current_task

from . import capture, costs, facts, folding, index, redelivery_record, workflows
from .costs import UNKNOWN, Cost
from .refs import ObjectRef
from .stamp import Stamp, now_ms
from .store import Batch, IfAbsent


@dataclass
class Execution:
    """One execution of one attempt of a tracked task, from its start to its end."""

    task_id: str
    name: str
    attempt: int
    stamp: Stamp
    parent_id: str | None = None
    noted: dict[str, str] = field(default_factory=dict)  # written again with each event: it rebuilds a flushed store
    unsaid: deque[str] = field(default_factory=lambda: deque(maxlen=1))  # the last progress, until it is written
    progress_written: float = 0.0  # time.monotonic()
    secrets: tuple[str, ...] | None = None  # of its arguments, once a progress was to be said
    replaced: bool = False  # by Task.replace(): another task goes on under the same id
    nesting: int = 0  # how many tasks had the id before this one
    delivery: str = ""  # the tag of this execution, empty where there is but one
    is_redelivered: bool = False  # the broker gave this message out before
    cost: Cost = UNKNOWN  # once it has ended
    log: Callable[[], Batch] = tuple  # what it has logged since this was asked last
    position: str = ""  # in its workflow, as the fact says it
    found_since: int | None = None  # when it was made findable by its id, in ms since the epoch

    @cached_property
    def life(self) -> str:
        """The tag of the publish that this is an execution of."""
        return facts.life_tag(self.stamp.published)

    @property
    def whose(self) -> str:
        """The prefix under which its facts belong, empty where every fact is under the same."""
        return self.stamp.whose

    @property
    def is_silent(self) -> bool:
        """Whether nothing is kept of it: Celery's own task that waits for a chord's header only hands on whose the
        body is."""
        return self.name == workflows.UNLOCK

    def note(self, kind: str, value: str) -> None:
        """Know a fact of this execution from now on."""
        self.noted[self._field(kind)] = value

    def note_now(self, kind: str) -> None:
        """Know that something happened to this execution at this moment."""
        self.note(kind, facts.since(self.stamp.published, now_ms()) + costs.text_of(self.cost))

    def note_nesting(self) -> None:
        """Know that this is an execution of what was put into another task's place, if it is."""
        if self.nesting:
            self.note(facts.NESTING, str(self.nesting))

    def note_of_life(self, kind: str, value: str) -> None:
        """Know a fact of the whole task from now on."""
        self.noted[facts.field(self.task_id, kind, 0, self.life)] = value

    def note_original(self, task_id: str) -> None:
        """Know which task this one is once more."""
        self.note_of_life(facts.RETRY_OF, facts.short_id(task_id))

    def keep_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Know the task's arguments, as the settings say."""
        if (arguments := capture.arguments(self.name, args, kwargs)) is not None:
            self.note_arguments(arguments)

    def note_arguments(self, kept: str) -> None:
        """Know the task's arguments, as they are to be kept."""
        self.noted[facts.field(self.task_id, facts.ARGUMENTS, self.nesting, self.life)] = kept  # at each attempt

    def batch(self) -> Batch:
        """Return everything known, for each object and for the workflow, and what keeps the task findable by its id."""
        if self.is_silent:
            return []
        entries = [self.entry()] if index.is_far(self.found_since) else []
        return [*self.in_objects(), *self.in_workflow(), *entries]

    def in_objects(self) -> Batch:
        """Return everything known, for each object; an inherited one also learns who launched the task."""
        own = self._folded(self._known())
        with suppress(IndexError):  # the task's own thread may set another one meanwhile
            own[self._field(facts.PROGRESS)] = self.unsaid.pop()
        inherited = own
        if self.stamp.inherited and self.parent_id:
            inherited = {**own, facts.field(self.task_id, facts.PARENT, 0, self.life): facts.short_id(self.parent_id)}
        entries: list[tuple[ObjectRef, dict[str, str]]] = [(ref, own) for ref in self.stamp.own]
        return [*entries, *((ref, inherited) for ref in self.stamp.inherited), *self.log()]

    def in_workflow(self) -> Batch:
        """Return what the workflow that it is part of is to know, where there is one: how it stands, no values."""
        if not workflows.has_room(self.stamp.workflow):
            return []
        place = len(facts.short_id(self.task_id))
        fields = {name: value for name, value in self._known().items() if name[place] in facts.IN_WORKFLOW}
        return [(workflows.place(self.stamp.workflow), self._folded(fields))]

    def enters_workflow(self, steps: str = "", canvas: str = "") -> Batch:
        """Return what its workflow is to know, with what is said once: where it stands, its objects, and the steps to
        come, by their ids and with what they are given."""
        return [(place, {**fields, **self._entering(steps, canvas)}) for place, fields in self.in_workflow()]

    def _entering(self, steps: str, canvas: str) -> dict[str, str]:
        values = {facts.POSITION: IfAbsent(self.position), facts.STEPS: steps, facts.CANVAS: canvas}
        fields = {facts.field(self.task_id, kind, 0, self.life): value for kind, value in values.items() if value}
        beside = [workflows.HERE, *map(workflows.object_field, self.stamp.refs)]
        return fields | dict.fromkeys(beside, IfAbsent("1"))

    def joins(self, workflow: str) -> bool:
        """Be part of a workflow from now on: it publishes tasks of its own. Return whether that is new."""
        if self.stamp.workflow or self.is_silent:
            return False
        self.stamp = self.stamp._replace(workflow=workflow)
        return True

    def _known(self) -> dict[str, str]:
        published = facts.published(self.task_id, self.stamp.published, self.name, self.nesting, self.life)
        if self.stamp.started_by:
            published[facts.field(self.task_id, facts.STARTED_BY, 0, self.life)] = self.stamp.started_by
        if self.stamp.schedule:
            published[facts.field(self.task_id, facts.SCHEDULE, 0, self.life)] = self.stamp.schedule
        return {**self.noted, **published}

    def _folded(self, fields: dict[str, str]) -> dict[str, str]:
        end = f"{self.attempt or ''}{self.life}{self.delivery}"
        return folding.fold(fields, facts.short_id(self.task_id), self.life, end)

    def failed_batch(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Batch:
        """Return ``batch()`` and what it takes to run the task again, which outlives what its objects know of it."""
        own = index.own_place(self.task_id)
        if self.is_silent or own in self.stamp.own:
            return self.batch()
        kept = self._known()
        kept.pop(self._field(facts.TRACEBACK), None)
        if (arguments := capture.arguments(self.name, args, kwargs)) is None:
            return self.batch()
        kept.setdefault(facts.field(self.task_id, facts.ARGUMENTS, self.nesting, self.life), arguments)
        if self.stamp.refs:
            kept[facts.field(self.task_id, facts.OBJECTS, 0, self.life)] = index.text_of(self.stamp.refs)
        return [*self.batch(), (own, self._folded(kept))]

    def _field(self, kind: str) -> str:
        return facts.field(self.task_id, kind, self.attempt, self.life + self.delivery)

    def first_batch(self) -> Batch:
        """Return ``batch()`` and what makes the task findable by its id, and by its having come again."""
        if self.is_silent:
            return []
        batch = [*self.in_objects(), self.entry(), *self.enters_workflow()]
        if self.is_redelivered:
            batch += redelivery_record.entries(self.task_id, self.stamp.published)
        return batch

    def entry(self) -> index.Entry:
        """Return what makes the task findable by its id, for as long from now as its objects know it: it may have
        waited, or run, for long."""
        published = self.stamp.published
        self.found_since = now_ms() if published is None or index.is_far(published) else published
        if not self.stamp.refs:
            return index.step(self.task_id, self.stamp.workflow, self.found_since)
        at = self.found_since if published is None else published
        return index.entry(self.task_id, self.stamp.refs, at, self.stamp.workflow, self.found_since)


_nested = threading.local()
#: Where a run lies on the request that it belongs to: in a pool of threads the next attempt of a task, or what replaces
#: it, may start under the same id before this one has ended.
_ATTRIBUTE = "celery_ops_run"


def start(run: Execution, request: Any) -> None:
    setattr(request, _ATTRIBUTE, run)
    _nested.runs = [*_here(), run]


def of(request: Any) -> Execution | None:
    """Return what ``request`` runs, if that is tracked."""
    return getattr(request, _ATTRIBUTE, None)


def end(request: Any) -> Execution | None:
    """Return what ``request`` ran, once."""
    run = of(request)
    if run is not None:
        run.cost = costs.of(vars(request))
        delattr(request, _ATTRIBUTE)
        _nested.runs = [other for other in _here() if other is not run]
    return run


def enclosing() -> Execution | None:
    """Return the tracked task that this thread is inside of, as an eager one is; the innermost, or None."""
    here = _here()
    return here[-1] if here else None


def _here() -> list[Execution]:
    return getattr(_nested, "runs", [])


def current_request() -> Any:
    """Return the request of the task that is executing here, tracked or not, else None."""
    task = current_task._get_current_object()  # once: each look through Celery's proxy asks for it again
    return task.request if task is not None else None


def current() -> Execution | None:
    """Return the tracked task that is executing here, else None."""
    return of(current_request())
