"""What is written of a task that was published."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from . import capture, facts, folding, index, initial_arguments, workflows
from .refs import ObjectRef
from .runs import Execution
from .stamp import Stamp
from .store import Batch
from .workflows import canvas_writing
from .workflows.canvas import Canvas, NotKept
from .workflows.steps import Embedded


class Publish(NamedTuple):
    """What is put off until somebody else has the time: ``delay()`` returns before."""

    task_id: str
    name: str
    stamp: Stamp
    parent_id: str | None
    nesting: int
    original: str
    arguments: initial_arguments.Arguments | str | None  # a text is how they are kept
    due: str = ""  # as ``due`` has it, empty for most
    position: str = ""  # in its workflow
    steps: Embedded | None = None
    canvas: Canvas | NotKept | None = None
    joined: Execution | None = None  # who publishes it, where that begins a workflow

    def batch(self) -> Batch:
        arguments = self.arguments
        if isinstance(arguments, tuple):
            arguments = capture.arguments(self.name, *arguments)
        if arguments is not None and not (self.nesting or self.original or self.stamp.inherited):
            fields = _as_one_field(self.task_id, self.name, self.stamp, self.due, arguments)
            if fields is not None:
                own = _in_own(self.task_id, self.stamp, fields)
                return [*own, *self._in_workflow()] if self.stamp.workflow else own
        run = self._execution()
        if arguments is not None:
            run.note_arguments(arguments)
        if self.original:
            run.note_original(self.original)
        if self.due:
            run.note_of_life(facts.DUE, self.due)
        if not self.stamp.workflow:
            return run.first_batch()
        return [*run.in_objects(), run.entry(), *self._in_workflow()]

    def _in_workflow(self) -> Batch:
        """Return what the message says of its workflow: of the task itself, of steps to come and of who sends it."""
        key, others = self.stamp.workflow, list(self.joined.enters_workflow()) if self.joined is not None else []
        if not workflows.has_room(key):
            return [workflows.full_mark(key)]
        steps = later = ""
        group = self._begun_group()
        found_by = [group] if group else []
        if self.steps is not None:
            steps, ids = self.steps.text()
            found_by += ids
        others += index.to_come(
            [task_id for task_id in dict.fromkeys(found_by) if task_id != key], key, self.stamp.published
        )
        if self.canvas is not None:
            later = canvas_writing.text_of(self.canvas)
        return [*self._execution().enters_workflow(steps, later), *others]

    def _begun_group(self) -> str:
        """Return the group that this is the first member of: its id is what ``delay()`` gave back of it."""
        return workflows.position_in(self.position).group_id if self.position.endswith(" 0") else ""

    def _execution(self) -> Execution:
        return Execution(
            self.task_id,
            self.name,
            0,
            self.stamp,
            self.parent_id,
            nesting=self.nesting,
            position=self.position,
        )


def batch_of(*publish: Any) -> Batch:
    """Return the batch of a publish whose parts were handed over as they are: to put them together takes time."""
    return Publish(*publish).batch()


def short_batch(task_id: str, name: str, stamp: Stamp, due_text: str, body: Any) -> Batch | None:
    """Return what there is to know of a publish where that is told in microseconds, as most are.

    That takes whoever publishes no longer than to hand over what tells it, and in a burst the thread that would tell
    all of them in a row would hold up one.
    """
    arguments = capture.tiny_arguments(name, body[0], body[1])
    fields = None if arguments is None else _as_one_field(task_id, name, stamp, due_text, arguments)
    return None if fields is None else _in_own(task_id, stamp, fields)


def _in_own(task_id: str, stamp: Stamp, fields: Mapping[str, str]) -> list[tuple[ObjectRef, Mapping[str, str]]]:
    """Return fields for each of a task's own objects, and what makes it findable by its id."""
    batch: list[tuple[ObjectRef, Mapping[str, str]]] = [(ref, fields) for ref in stamp.own]
    batch.append(index.entry(task_id, stamp.own, stamp.published, stamp.workflow))
    return batch


def _as_one_field(task_id: str, name: str, stamp: Stamp, due_text: str, arguments: str) -> dict[str, str] | None:
    """Return all there is to know of most publishes; None where that is long."""
    life = facts.life_tag(stamp.published)
    text = facts.publish_text(stamp.published, name, life)
    fields = folding.folded_publish(facts.short_id(task_id), life, text, arguments)
    if fields is None:
        return None
    if stamp.started_by:
        fields[facts.field(task_id, facts.STARTED_BY, 0, life)] = stamp.started_by
    if due_text:
        fields[facts.field(task_id, facts.DUE, 0, life)] = due_text
    if stamp.schedule:
        fields[facts.field(task_id, facts.SCHEDULE, 0, life)] = stamp.schedule
    return fields
