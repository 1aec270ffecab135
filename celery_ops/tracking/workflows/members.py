"""All tasks of one workflow, those that are not published yet, too, in three round trips at most."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Final

from ... import states
from .. import facts, index
from ..deriving import Derived
from ..histories import History, complete, doubtful_hosts, history_of, is_lost
from ..lives import Life
from ..recorder import recorder
from ..refs import ObjectRef
from . import FULL_FIELD, LONGEST_ID, MIXED_FIELD, objects_in, place, position_in
from .steps import MOST, Join, Plan, Step, plan_in

#: Long values that are needed of a workflow's tasks.
_KINDS: Final = (facts.NAME, facts.POSITION, facts.STEPS)


@dataclass(frozen=True, slots=True)
class Member:
    """One task of a workflow. What is ``published`` has a state; ``task_id`` is empty of what nobody has named yet.

    One that put several into its place is to come again, as the last of them.

    Times are aware datetimes or None. ``after`` are ids of the tasks that it follows.
    """

    task_id: str
    name: str
    state: str
    published: bool
    parent_id: str = ""
    group_id: str = ""
    index: int | None = None
    published_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    executions: int = 0
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """The tasks of the workflow ``key``, and what follows what; ``is_partial`` says that there are more.

    ``refs`` are the objects that the task which was asked for belongs to, else those of all tasks. ``canvases`` are the
    facts of what messages had with them, by task, where they were asked for; tasks ``with_steps`` had something of
    their own, not just the body of their group.
    ``is_mixed`` says that tasks were published beside these of which nothing is known.
    """

    key: str
    members: tuple[Member, ...]
    joins: tuple[Join, ...]
    is_partial: bool = False
    refs: tuple[ObjectRef, ...] = ()
    canvases: Mapping[str, str] = field(default_factory=dict)
    with_steps: frozenset[str] = frozenset()
    is_mixed: bool = False


def membership(task_id: str, *, with_canvases: bool = False) -> Membership | None:
    """Return the workflow that a task is part of, by its id, by that of a step to come or by the workflow's own.

    None for a task that is in none. Raises StoreUnavailable.
    """
    if not 0 < len(task_id) <= LONGEST_ID:
        return None
    own = place(task_id)
    key, refs, held = index.workflow_of(task_id, [own])
    if not key and not held[own]:
        return None
    workflow = _read(key or task_id, held[own] if key in ("", task_id) else None, with_canvases=with_canvases)
    return replace(workflow, refs=tuple(refs)) if workflow is not None and refs else workflow


def _read(key: str, stored: Mapping[str, str | None] | None, *, with_canvases: bool) -> Membership | None:
    """Return the workflow of this key, None when nothing of it is kept any more.

    ``stored`` is what its place in the store has, when that was read already.
    """
    ref = place(key)
    if stored is None:
        (stored,) = recorder().ask(lambda store: store.read([ref]))
    history = history_of(ref, stored, None)
    history.tasks.reverse()  # the oldest first
    is_partial = len(history.tasks) > MOST or FULL_FIELD in stored
    del history.tasks[MOST:]
    kinds = (*_KINDS, facts.CANVAS) if with_canvases else _KINDS
    starts = complete([history], kinds=kinds, hosts=doubtful_hosts([history]))
    if not history.tasks:
        return None
    workflow = _put_together(key, history, starts, is_partial=is_partial)
    return replace(workflow, refs=tuple(objects_in(stored)), is_mixed=MIXED_FIELD in stored)


def _put_together(key: str, history: History, starts: Mapping[str, int], *, is_partial: bool) -> Membership:
    members: dict[str, Member] = {}
    canvases: dict[str, str] = {}
    with_steps: set[str] = set()
    plans: list[Plan] = []
    for derived, life in history.tasks:
        member = _member(derived, life, is_lost=is_lost(derived, starts))
        members[member.task_id] = member
        if (facts.STEPS, 0) in life.facts:
            plan = plan_in(life.facts[facts.STEPS, 0], member.task_id)
            plans.append(plan)
            if plan.links or any(member.task_id in join.after for join in plan.joins):
                with_steps.add(member.task_id)
        if canvas := life.facts.get((facts.CANVAS, 0)):
            canvases[member.task_id] = canvas
    _add_unheard(members, plans)
    steps = {step.task_id: step for plan in plans for step in plan.steps if step.task_id not in members}
    members |= {task_id: _to_come(step) for task_id, step in steps.items()}
    linked = _linked(members.values(), plans)
    everything = [*members.values(), *linked]
    return Membership(
        key,
        tuple(everything[:MOST]),
        tuple(join for plan in plans for join in plan.joins),
        is_partial or len(everything) > MOST or any(plan.is_partial for plan in plans),
        canvases=canvases,
        with_steps=frozenset(with_steps),
    )


def _member(derived: Derived, life: Life, *, is_lost: bool) -> Member:
    position = position_in(life.facts.get((facts.POSITION, 0)))
    started = derived.started.at if derived.started else None
    return Member(
        task_id=facts.long_id(derived.short),
        name=derived.name,
        state=states.LOST if is_lost else derived.state,
        published=not derived.is_replaced,
        parent_id=position.parent_id,
        group_id=position.group_id,
        index=position.index,
        published_at=facts.moment_or_none(derived.published),
        started_at=facts.moment_or_none(started),
        finished_at=facts.moment_or_none(derived.finished),
        executions=derived.executions,
        is_replaced=derived.nesting > 0,
    )


def _add_unheard(members: dict[str, Member], plans: Iterable[Plan]) -> None:
    """Add the tasks that published others and that nobody tracked: they are known by their ids alone.

    A chord's body may be published by Celery's own task that waits for the header: that one is none of them.
    """
    bodies: set[str] = set()
    foreseen: set[str] = set()
    for plan in plans:
        foreseen.update(step.task_id for step in plan.steps)
        bodies.update(chain.from_iterable(join.then for join in plan.joins if join.groups))
    for member in list(members.values()):
        if member.task_id in bodies and member.parent_id not in foreseen:
            continue
        if member.parent_id and member.parent_id not in members:
            members[member.parent_id] = Member(member.parent_id, "", "", published=True)


def _to_come(step: Step) -> Member:
    return Member(step.task_id, step.name, states.PENDING, published=False, group_id=step.group_id, index=step.index)


def _linked(members: Iterable[Member], plans: Iterable[Plan]) -> Iterator[Member]:
    """Yield what tasks are to call back and have not yet: it has no id before."""
    launched: dict[tuple[str, str], int] = {}
    for member in members:
        key = member.parent_id, member.name
        launched[key] = launched.get(key, 0) + 1
    for link in (link for plan in plans for link in plan.links):
        if launched.get(link, 0):
            launched[link] -= 1
        else:
            yield Member("", link[1], states.PENDING, published=False, parent_id=link[0])
