"""The tasks of one workflow with what follows what, and what they come to together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, product
from typing import Final

from .. import states
from ..tracking.refs import ObjectRef
from ..tracking.workflows.members import Member, Membership
from ..tracking.workflows.steps import Join
from .replacing import Joined, neighbours, reached, straightened

#: Arrows between single tasks that are told; where all of one group come before all of another there are many.
MOST_EDGES: Final = 20_000

#: What came of tasks that did not do what they were for. A revoke was somebody's wish.
FAILED: Final = frozenset((states.FAILURE, states.REJECTED, states.LOST))
#: What is over and well.
DONE: Final = frozenset((states.SUCCESS, states.IGNORED))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the bar, in per cent of its length."""

    kind: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a workflow is. ``to_come`` are the steps that are not published yet, or never will be."""

    total: int = 0
    done: int = 0
    failed: int = 0
    revoked: int = 0
    to_come: int = 0

    @property
    def active(self) -> int:
        """How many wait or run."""
        return self.total - self.done - self.failed - self.revoked - self.to_come

    @property
    def parts(self) -> list[Part]:
        """The parts of a bar, in order; what waits, runs or is to come is the rest of it."""
        parts: list[Part] = []
        x = 0.0
        for kind, number in (("done", self.done), ("failed", self.failed), ("revoked", self.revoked)):
            width = round(100 * number / max(1, self.total), 2)
            if number:
                parts.append(Part(kind, round(x, 2), width))
            x += width
        return parts

    @property
    def is_over(self) -> bool:
        """Whether nothing is expected to happen: no task waits or runs, and none is to come after one that was well."""
        return not self.active and (not self.to_come or bool(self.failed or self.revoked))


@dataclass(frozen=True)
class Workflow:
    """The workflow ``key``: its tasks in the order of their publishes, those to come last.

    ``is_partial`` says that there are more than are kept. ``refs`` are the objects of the task that was asked for, else
    of all tasks. ``kept`` is all that is known of it.
    """

    key: str
    tasks: tuple[Member, ...]
    joins: tuple[Join, ...] = ()
    is_partial: bool = False
    refs: tuple[ObjectRef, ...] = ()
    kept: Membership | None = None

    @classmethod
    def of(cls, membership: Membership, tasks: Sequence[Member] | None = None) -> "Workflow":
        """Return the workflow of what tracking knows; other sources may know ``tasks`` better."""
        members = tuple(tasks or membership.members)
        return cls(membership.key, members, membership.joins, membership.is_partial, membership.refs, membership)

    @cached_property
    def progress(self) -> Progress:
        return progress_of(self.tasks)

    @cached_property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """What comes directly before what, as pairs of ids, each once."""
        return tuple(dict.fromkeys(islice(_edges(self.tasks, self.joins), MOST_EDGES)))


@dataclass(frozen=True, slots=True)
class Glance:
    """How far a workflow is and what it is about, without its tasks."""

    progress: Progress
    refs: tuple[ObjectRef, ...] = ()


def progress_of(tasks: Iterable[Member]) -> Progress:
    kinds = Counter(_kind(task) for task in tasks)
    return Progress(kinds.total(), kinds["done"], kinds["failed"], kinds["revoked"], kinds["to_come"])


def _kind(task: Member) -> str:
    if not task.published:
        return "to_come"
    if task.state in DONE:
        return "done"
    if task.state in FAILED:
        return "failed"
    return "revoked" if task.state == states.REVOKED else "active"


def _edges(tasks: Sequence[Member], joins: Sequence[Join]) -> Iterator[tuple[str, str]]:
    ids = {task.task_id for task in tasks if task.task_id}
    groups = _groups(tasks)
    shared = {group_id for group_id, group in groups.items() if group.is_shared}
    course = neighbours(islice(_single(joins), MOST_EDGES)) if shared else {}
    joined: list[Joined] = []
    for join in joins:
        then = [task_id for task_id in dict.fromkeys(join.then) if task_id in ids]
        later = then if shared.isdisjoint(join.groups) else reached(join.then, course)
        before = [task_id for task_id in _before(join, groups) if task_id in ids and task_id not in later]
        joined.append((before, then))
    pairs = list(islice(chain.from_iterable(product(before, then) for before, then in joined), MOST_EDGES))
    launched = [
        (task.parent_id, task.task_id)
        for task in tasks
        if task.parent_id in ids and task.task_id not in ("", task.parent_id)
    ]
    return straightened(joined, pairs, launched)


def _single(joins: Iterable[Join]) -> Iterator[tuple[str, str]]:
    """Yield which single task comes before which, groups left aside."""
    for join in joins:
        yield from product(join.after, join.then)


@dataclass(frozen=True, slots=True)
class _Group:
    """The members of a group in their order. ``is_shared`` says that two have the same place: Celery gives the group
    that a chord's body ends with the id of the chord's header."""

    task_ids: list[str]
    is_shared: bool


def _groups(tasks: Iterable[Member]) -> Mapping[str, _Group]:
    """The groups by their ids. A chord's body has the header's group, too, and no place in it."""
    members: dict[str, list[Member]] = {}
    for task in tasks:
        if task.group_id and task.index is not None:
            members.setdefault(task.group_id, []).append(task)
    return {group: _group(sorted(some, key=_place)) for group, some in members.items()}


def _group(members: Sequence[Member]) -> _Group:
    return _Group([task.task_id for task in members], len(set(map(_place, members))) < len(members))


def _place(task: Member) -> int:
    return task.index or 0


def _before(join: Join, groups: Mapping[str, _Group]) -> Iterator[str]:
    yield from dict.fromkeys(join.after)
    for group in join.groups:
        yield from groups[group].task_ids if group in groups else ()
