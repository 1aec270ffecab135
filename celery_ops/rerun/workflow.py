"""A workflow run again as a whole: a chain, a group or a chord as it was sent, or the task that published all of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .. import states
from ..exceptions import (
    BackendUnavailable,
    NotKnown,
    NotRerunnable,
    NotSent,
    RerunRefused,
    StoreUnavailable,
)
from ..formatting import clean
from ..info import TaskInfo
from ..running import claims
from ..running.allowlist import Runnable
from ..task_detail.original import Original, originals_of
from ..tracking.workflows.canvas import Canvas, Place, Step
from ..tracking.workflows.members import Member
from ..workflows.reading import workflow_of
from ..workflows.workflow import DONE, Workflow
from .claims import Reruns, reruns_of, submission_of_task
from .doubts import Doubt, rerun_text
from .policy import check_fits, permitted, warning
from .rebuilding import First, canvas_of, reason_not_kept, whole_of, with_arguments

#: Before anything was published.
NEVER: Final = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class WholeCandidate:
    """A workflow that may be run again as a whole, as it was found.

    ``canvas`` is what would be sent, ``firsts`` are the tasks of it that are sent now, and ``total`` is how many it has
    with all later steps; ``published`` are those beside these that tasks of it published when they ran. It is run again
    as it was seen: when somebody runs one of the first ones meanwhile, all of it is refused.
    """

    key: str
    canvas: Step
    firsts: tuple[Original, ...]
    total: int
    runnables: Mapping[str, Runnable]
    reruns: Mapping[str, Reruns]
    doubts: tuple[Doubt, ...] = ()
    published: int = 0

    @property
    def asks(self) -> bool:
        """Whether it is sent only when somebody has said so, having read what there is to consider."""
        return any(doubt.asks for doubt in self.doubts)

    @property
    def beside(self) -> str:
        """What tasks of it published when they ran, in a sentence; empty for nothing."""
        if not self.published:
            return ""
        text = ngettext(
            "When these ran, they published %(n)s more task.",
            "When these ran, they published %(n)s more tasks.",
            self.published,
        )
        return text % {"n": self.published}

    @property
    def seen(self) -> tuple[str, ...]:
        """What was to be read, in words that do not change with the time."""
        lasts = [str(last.pk) for reruns in self.reruns.values() if (last := reruns.last)]
        return (self.key, str(self.total), *(doubt.kind for doubt in self.doubts), *lasts)


def whole_candidate(task_id: str, user: Any, submission: UUID | None = None) -> WholeCandidate:
    """Return the workflow of a task when ``user`` may run all of it again: each task of it is asked for by its name.

    What the same ``submission`` has sent is not held against it. A ``user`` of None is whoever may use a shell of the
    site. Raises NotKnown for a task in no workflow, RerunRefused, and NotSent without the journal.
    """
    try:
        workflow = workflow_of(task_id, with_canvases=True)
    except BackendUnavailable as error:
        raise RerunRefused(str(error), is_away=True) from error
    if workflow is None:
        raise NotKnown(task_id)
    check_whole(workflow)
    members = first_tasks(workflow)
    joined = {group_id for join in workflow.joins for group_id in join.groups}
    canvas = with_arguments(whole_of(list(_firsts(workflow, members)), joined))
    steps = list(canvas.walk())
    names = Counter(step.name for step in steps if step.name)
    runnables = {name: _permitted(name, user) for name in names}
    _check_rates(names)
    firsts = tuple(step.arguments for step in steps if isinstance(step.arguments, Original))
    for step in steps:
        if step.name and (step.is_immutable or isinstance(step.arguments, Original)):
            check_fits(runnables[step.name], *arguments_of(step))
    try:
        reruns = reruns_of([original.task_id for original in firsts])
    except DatabaseError as error:
        raise NotSent(_("The journal does not answer, so nothing was sent.")) from error
    total = _number(canvas)
    published = max(0, workflow.progress.total - total)
    whole = WholeCandidate(workflow.key, canvas, firsts, total, runnables, reruns, published=published)
    if submission and all(reruns[o.task_id].has(submission_of_task(submission, o.task_id)) for o in firsts):
        return whole
    return replace(whole, doubts=tuple(_doubts(workflow, whole)))


def check_whole(workflow: Workflow) -> None:
    """Raise RerunRefused for a workflow that is not over, or of which not all tasks are known."""
    if not workflow.progress.is_over:
        raise RerunRefused(_("It is not over yet: tasks of it wait, run or are to come."))
    if workflow.is_partial:
        raise RerunRefused(_("It has more tasks than are kept of one workflow."))
    if workflow.kept is not None and workflow.kept.is_mixed:
        raise RerunRefused(_("Not all tasks of its group are known: some are not tracked, or no longer kept."))


def first_tasks(workflow: Workflow) -> list[Member]:
    """Return the tasks that no other one published and that nothing comes before, as they were published."""
    later = {task_id for join in workflow.joins for task_id in join.then}
    parents = {task.task_id: task.parent_id for task in workflow.tasks if task.task_id}
    first: list[Member] = []
    others: list[Member] = []
    for task in workflow.tasks:
        if task.task_id and (task.published or task.published_at):
            is_first = task.task_id not in later and task.parent_id not in parents
            (first if is_first else others).append(task)
    first += _replaced_firsts(workflow, others, parents)
    return sorted(first, key=lambda task: task.published_at or NEVER)


def _replaced_firsts(workflow: Workflow, tasks: Sequence[Member], parents: Mapping[str, str]) -> Iterator[Member]:
    """Yield those that were the first, too: only what they put into their own place comes before them."""
    replaced = {task.task_id: task for task in tasks if task.is_replaced}
    before = {task_id: {task.parent_id} & parents.keys() for task_id, task in replaced.items()}
    for earlier, later in workflow.edges if replaced else ():
        if later in before:
            before[later].add(earlier)
    for task_id, task in replaced.items():
        if all(_comes_of(earlier, task_id, parents) for earlier in before[task_id]):
            yield task


def _comes_of(task_id: str, other: str, parents: Mapping[str, str]) -> bool:
    """Return whether a task is another one, or was published by it, or by what that published, and so on."""
    seen: set[str] = set()
    while task_id != other and task_id in parents and task_id not in seen:
        seen.add(task_id)
        task_id = parents[task_id]
    return task_id == other


def _firsts(workflow: Workflow, members: Sequence[Member]) -> Iterator[First]:
    infos = [TaskInfo(task.task_id, task.name, task.state, created_at=task.published_at) for task in members]
    try:
        originals = originals_of(infos)
    except StoreUnavailable as error:
        raise RerunRefused(_("The tracking store does not answer."), is_away=True) from error
    except DatabaseError as error:
        raise NotSent(_("The journal does not answer, so nothing was sent.")) from error
    for task in members:
        canvas = _canvas(workflow, task)
        original = originals[task.task_id]
        if isinstance(original, NotRerunnable):
            raise RerunRefused(f"{clean(task.name or original.name or task.task_id)}: {original.reason}")
        place = Place(task.group_id, task.index) if task.group_id else None
        yield First(original, canvas, canvas.place if canvas.steps else place)


def _canvas(workflow: Workflow, task: Member) -> Canvas:
    if task.is_replaced:
        raise RerunRefused(_("Its first task put another one into its place, so what was sent is not known."))
    if not task.published_at:
        raise RerunRefused(_("Its first task is not tracked, so nothing is kept of what was sent."))
    kept = workflow.kept
    if kept is not None and (fact := kept.canvases.get(task.task_id)):
        return canvas_of(fact, task.name)
    if kept is not None and task.task_id in kept.with_steps:
        raise RerunRefused(reason_not_kept())
    return Canvas()


def _permitted(name: str, user: Any) -> Runnable:
    try:
        return permitted(name, user)
    except RerunRefused as error:
        raise RerunRefused(
            f"{clean(name)}: {error}",
            is_forbidden=error.is_forbidden,
            is_away=error.is_away,
            is_closed=error.is_closed,
        ) from error


def _check_rates(names: Mapping[str, int]) -> None:
    """All at once may be more than a minute has places for: later steps have no row that would be counted."""
    for name, number in names.items():
        room = claims.room(name)
        if room is not None and number > room:
            raise RerunRefused(f"{clean(name)}: {claims.no_room()}")


def _number(canvas: Step) -> int:
    """How many tasks a canvas has; errbacks are sent only when something fails."""
    own = 0 if canvas.kind else 1
    parts = [*canvas.parts, *canvas.links, *([canvas.body] if canvas.body else [])]
    return own + sum(map(_number, parts))


def _doubts(workflow: Workflow, whole: WholeCandidate) -> Iterator[Doubt]:
    lasts = [last for reruns in whole.reruns.values() if (last := reruns.last)]
    if lasts:
        yield Doubt("again", rerun_text(max(lasts, key=lambda row: row.pk)))
    done = sum(task.state in DONE for task in workflow.tasks if task.published)
    if done:
        text = ngettext(
            "%(n)s task of it succeeded: what it did would be done a second time.",
            "%(n)s tasks of it succeeded: what they did would be done a second time.",
            done,
        )
        yield Doubt("success", text % {"n": done})
    if any(task.state == states.LOST for task in workflow.tasks):
        yield Doubt("lost", _("It was begun, and its worker was lost: it may have done its work in part."))
    if asking := [task.label for task in whole.runnables.values() if task.confirm]:
        yield Doubt("confirm", _("These ask before they are run: %(names)s.") % {"names": _listed(asking)})
    if late := [task.label for task in whole.runnables.values() if warning(task)]:
        text = _("These do not say that they may run twice (acks_late): %(names)s.") % {"names": _listed(late)}
        yield Doubt("late", text, asks=False)


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(sorted(map(clean, labels)))


def arguments_of(step: Step) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return what a step of one task is given."""
    if isinstance(step.arguments, Original):
        return step.arguments.args, step.arguments.kwargs
    args, kwargs = step.arguments
    return args, kwargs
