"""What is kept of single tasks, to show it and to run them again: what they were given, and what they came to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from .. import redaction, states
from ..info import AttemptCost, Payload, TaskExecution, TrackedTask
from . import capture, facts, index, workflows
from .deriving import costs_of, derive
from .executions import executions_of, open_hosts
from .histories import (
    LISTED,
    History,
    complete,
    doubtful_hosts,
    history_of_one,
    is_kept,
    is_lost,
    oldest_kept,
    tracked_tasks,
)
from .lives import by_task
from .recorder import recorder
from .refs import ObjectRef
from .store import TASK, WORKFLOW

#: Kinds that are fetched for one task at a time.
_KEPT = (facts.NAME, facts.ARGUMENTS, facts.OBJECTS, facts.RESULT, facts.ERROR, facts.TRACEBACK)


@dataclass(frozen=True, slots=True)
class KeptArguments:
    """What is kept of a task for running it again: the fact of its arguments, None where there is none, and what it
    belongs to. ``error`` is as its worker told it."""

    name: str
    state: str
    arguments: str | None
    refs: tuple[ObjectRef, ...]
    published: int | None = None  # milliseconds since the epoch
    executions: int = 0
    error: str | None = None

    @property
    def published_at(self) -> datetime | None:
        return facts.moment(self.published)


@dataclass(frozen=True, slots=True)
class Account:
    """All that is kept of one task: itself as each object has it, and what it was given; None where nothing is.

    What belongs to no object is there as its workflow has it, which keeps no values.

    ``executions`` are there of one whose message was delivered more than once, ``costs`` are what its attempts cost,
    the first one first, and ``workflow`` is the key of the one that it is part of.
    """

    places: Sequence[tuple[ObjectRef, TrackedTask]] = ()
    payload: Payload = field(default_factory=Payload)
    kept: KeptArguments | None = None
    executions: tuple[TaskExecution, ...] = ()
    costs: tuple[AttemptCost, ...] = ()
    workflow: str = ""

    def at(self, ref: ObjectRef) -> TrackedTask | None:
        """Return the task as this object has it."""
        return dict(self.places).get(ref)


def read_payload(ref: ObjectRef, task_id: str) -> Payload:
    """Return what is kept of one task's arguments and outcome. Raises StoreUnavailable."""
    return read_kept(ref, task_id)[0]


def read_kept(ref: ObjectRef, task_id: str) -> tuple[Payload, KeptArguments]:
    """Return what is kept to be shown of a task, and of its arguments to run it again. Raises StoreUnavailable."""
    places = list(dict.fromkeys((ref, index.own_place(task_id))))
    stored = recorder().ask(lambda store: store.read(places))
    histories = [history_of_one(place, fields, task_id) for place, fields in zip(places, stored, strict=True)]
    complete(histories, kinds=_KEPT)
    return _given(histories[0], histories[-1])


def _given(history: History, own_place: History) -> tuple[Payload, KeptArguments]:
    """What one place says of a task's arguments and outcome, beside what the task's own place keeps."""
    ref = history.ref
    derived, life = history.tasks[0]
    own = _kept(own_place)
    arguments = life.facts.get((facts.ARGUMENTS, derived.nesting)) or _same_life(derived.published, own)
    result = life.facts.get((facts.RESULT, derived.attempt))
    payload = Payload(
        args=capture.shown_arguments(derived.name, arguments) if arguments else None,
        result=redaction.capture_text(result).text if result else None,
        error=life.facts.get((facts.ERROR, derived.attempt)),
        traceback=life.facts.get((facts.TRACEBACK, derived.attempt)),
    )
    refs = own.refs if ref.label in (TASK, WORKFLOW) else (ref,)
    return payload, KeptArguments(derived.name, derived.state, arguments, refs, error=payload.error)


def read_account(task_id: str, beside: ObjectRef | None = None) -> Account:
    """Return what ``find_task`` and ``read_kept`` do, each hash read once, in three round trips at most.

    An object ``beside`` that is likely to have the task spares the second one. Raises StoreUnavailable.
    """
    likely = [beside] if beside is not None else []
    refs, held, workflow = index.search(task_id, likely)
    refs = list(dict.fromkeys([*refs, *likely]))
    if not refs and workflow:
        refs = [workflows.place(workflow)]  # it may be a step of no object
    missing = [ref for ref in refs if ref not in held]
    if missing:
        held |= dict(zip(missing, recorder().ask(lambda store: store.read(missing)), strict=True))
    own = index.own_place(task_id)
    histories = {ref: history_of_one(ref, held[ref], task_id) for ref in dict.fromkeys((*refs, own))}
    everything = list(histories.values())
    hosts = doubtful_hosts(everything).union(*(open_hosts(*history.tasks[0]) for history in everything))
    starts = complete(everything, kinds=(*LISTED, *_KEPT), hosts=hosts)
    places: list[tuple[ObjectRef, TrackedTask]] = []
    for ref in refs:
        if is_kept(*histories[ref].tasks[0], oldest_kept(ref)):
            places += ((ref, task) for task in tracked_tasks(histories[ref], starts))
    places = [place for place in places if place[0].label != TASK] or places
    if not places:
        return Account(workflow=workflow)
    history = histories[places[0][0]]
    derived, life = history.tasks[0]
    given, executions = _given(history, histories[own]), executions_of(derived, life, starts)
    return Account(places, *given, executions, costs=costs_of(life), workflow=workflow)


def read_kept_of_many(created: Mapping[str, int | None]) -> dict[str, KeptArguments]:
    """Return what is kept of many tasks by id, in six round trips at most. Raises StoreUnavailable.

    ``created`` says about when each was published, in milliseconds since the epoch, None where that is not known.
    """
    places = index.objects_wherever(created)
    wanted: dict[ObjectRef, set[str]] = {}
    for task_id, refs in places.items():
        for ref in dict.fromkeys((*refs[:1], *refs[-1:])):  # an object, and the task's own place if it failed
            wanted.setdefault(ref, set()).add(facts.short_id(task_id))
    refs = list(wanted)
    histories = []
    for ref, stored in zip(refs, recorder().ask(lambda store: store.read(refs)) if refs else (), strict=True):
        lives = by_task(stored.items())
        tasks = [(derive(short, lives[short]), lives[short]) for short in wanted[ref] if short in lives]
        histories.append(History(ref, tasks))
    starts = complete(
        histories, kinds=(facts.NAME, facts.ARGUMENTS, facts.OBJECTS, facts.ERROR), hosts=doubtful_hosts(histories)
    )
    kept: dict[str, KeptArguments] = {}
    for history in sorted(histories, key=lambda history: history.ref.label == TASK):
        for place in range(len(history.tasks)):
            if (facts.PUBLISHED, 0) in history.tasks[place][1].facts:
                task_id = facts.long_id(history.tasks[place][0].short)
                kept[task_id] = _together(kept.get(task_id), _kept(history, place, starts), places[task_id])
    return kept


def _kept(history: History, place: int = 0, starts: Mapping[str, int] | None = None) -> KeptArguments:
    """What one place keeps; a task's own place knows its objects by a fact."""
    derived, life = history.tasks[place]
    state = states.LOST if is_lost(derived, starts or {}) else derived.state
    refs = tuple(index.objects_in(life.facts.get((facts.OBJECTS, 0)) or "")) if history.ref.label == TASK else ()
    arguments = life.facts.get((facts.ARGUMENTS, derived.nesting))
    error = life.facts.get((facts.ERROR, derived.attempt))
    return KeptArguments(derived.name, state, arguments, refs, derived.published, derived.executions, error)


def _same_life(published: int | None, kept: KeptArguments) -> str | None:
    """The arguments that a task's own place keeps, unless they are of an earlier publish under its id."""
    return kept.arguments if published in (None, kept.published) else None


def _together(first: KeptArguments | None, kept: KeptArguments, places: Iterable[ObjectRef]) -> KeptArguments:
    """What an object says of a task, else its own place."""
    refs = tuple(ref for ref in places if ref.label != TASK) or kept.refs
    if first is None:
        return replace(kept, refs=refs)
    return replace(first, arguments=first.arguments or _same_life(first.published, kept), refs=refs)
