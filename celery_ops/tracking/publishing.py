"""Celery's signals in the process that publishes: a message is stamped, and PENDING written once the broker has it."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from . import (
    canvas,
    canvas_taking,
    canvas_writing,
    capture,
    chains,
    context,
    crowd,
    due,
    facts,
    folding,
    given,
    index,
    prefix,
    runs,
    workflows,
)
from .binding import Undecided, resolve
from .edge import receiver
from .messages import nesting_of, owned, stamp_for
from .recorder import recorder
from .refs import ObjectRef
from .registry import registry
from .runs import Execution
from .stamp import (
    FIRST_PUBLISHED,
    HEADER,
    PUBLISHED,
    SCHEDULE,
    STARTED_BY,
    WHOSE,
    WORKFLOW,
    Stamp,
    decoded,
    now_ms,
    schedule_of,
)
from .steps import Embedded
from .store import Batch

#: The stamp that this thread made last, as text and as it is, and the tracked task that it is inside of: what follows
#: at once need not ask again.
_latest = threading.local()
_NOTHING: Final = (None, None, None, "")


@receiver
def before_task_publish(sender: str, headers: dict[str, Any], body: Any, properties: Any = None, **_: Any) -> None:
    """Stamp the message with its objects; a message sent again keeps its first stamp."""
    if not isinstance(headers, dict) or "id" not in headers:
        return  # message protocol 1
    _latest.stamped = _NOTHING
    context.publishing(headers["id"])
    earlier, published = headers.get(PUBLISHED), now_ms()
    headers[PUBLISHED] = published
    if prefix.is_asked():
        headers.setdefault(WHOSE, prefix.current())
    request = runs.current_request()
    if earlier and request is not None and request.id == headers["id"]:  # it is tried again
        headers.setdefault(FIRST_PUBLISHED, earlier)
    workflow = workflows.key_of(sender, headers, body, request)
    if workflow:
        headers[WORKFLOW] = workflow = crowd.entered(workflow, headers["id"])
    parent = runs.of(request)
    if parent is not None and headers["id"] == parent.task_id:
        _republish(parent, headers, request)
        return
    around = context.around()
    if not (parent or registry.bindings(sender) or around.objects):
        if workflow and request is None:
            _note_untracked(workflow, sender, headers)
        return
    args, kwargs = body[0], body[1]
    prepended = chains.prepended(request, headers, args, kwargs)
    undecided = None
    try:
        own = resolve(sender, args, kwargs, prepended=prepended)
    except Undecided:
        own, undecided = [], prepended
    stamp = stamp_for(sender, own, parent, published, undecided, workflow=workflow, around=around)
    headers[HEADER] = text = stamp.encoded()
    if stamp.started_by:
        headers[STARTED_BY] = stamp.started_by
    _latest.stamped = (text, stamp, parent, due.text_of(headers, properties))


def _republish(run: Execution, headers: dict[str, Any], request: Any) -> None:
    """A retry goes on as it is; what ``Task.replace`` sends takes over the id."""
    headers.setdefault(HEADER, run.stamp.encoded())
    if run.stamp.started_by:
        headers.setdefault(STARTED_BY, run.stamp.started_by)
    if run.stamp.schedule:
        headers.setdefault(SCHEDULE, run.stamp.schedule)
    if run.whose:
        headers[WHOSE] = run.whose
    if run.stamp.workflow:
        headers.setdefault(WORKFLOW, run.stamp.workflow)
    run.replaced = headers.get("replaced_task_nesting", 0) > (request.replaced_task_nesting or 0)


def _note_untracked(workflow: str, name: str, headers: Mapping[str, Any]) -> None:
    """Of a group whose members are tracked in part it is said once that there are others: it is not known whole."""
    if name != workflows.UNLOCK and workflow == getattr(_latest, "workflow", ""):
        _latest.workflow = ""
        recorder().record([workflows.said_to_be_mixed(workflow)], headers.get(WHOSE, ""))


@receiver
def after_task_publish(sender: str, headers: Any, body: Any, **_: Any) -> None:
    """The message is with the broker: write PENDING. A retry's own signal says what there is to say of it."""
    text = headers.get(HEADER) if isinstance(headers, dict) else None
    context.note_send((headers or {}).get("id") or _id_in(body), sender)
    if text is None:
        return
    latest, stamp, current, due_text = getattr(_latest, "stamped", _NOTHING)
    if latest is not text:
        stamp, current, due_text = decoded(text), runs.current(), ""
    if stamp is None or not stamp.refs:
        return
    task_id, parent_id = headers["id"], headers.get("parent_id")
    if current is not None and current.task_id == task_id:
        if not current.replaced:
            return
        parent_id = current.parent_id
    if latest is not text:
        stamp = owned(stamp, headers)
    elif SCHEDULE in headers:  # beat has said it since
        stamp = replace(stamp, schedule=schedule_of(headers[SCHEDULE]))
    nesting, original = nesting_of(headers), context.retry_of()
    if not (nesting or original or stamp.inherited or stamp.workflow):
        batch = _told_at_once(task_id, sender, stamp, due_text, body)
        if batch is not None:
            _latest.publish = (task_id, sender, stamp, parent_id, 0, "", None)
            recorder().record(batch, stamp.whose)
            return
    arguments = given.frozen(body[0], body[1]) or capture.arguments(sender, body[0], body[1])
    if stamp.workflow and sender == workflows.UNLOCK:
        stamp = replace(stamp, workflow="")  # Celery's own, not one of its tasks
    steps = later = None
    if stamp.workflow:
        steps, later = _steps(headers, body, current), _canvas(headers, body, stamp.workflow)
    publish = (
        task_id,
        sender,
        stamp,
        parent_id,
        nesting,
        original,
        arguments,
        due_text,
        workflows.position(headers) if stamp.workflow else "",
        steps,
        later,
        current if stamp.workflow and current is not None and current.joins(stamp.workflow) else None,
    )
    _latest.publish = publish
    recorder().record((_told, *publish), stamp.whose)


def _steps(headers: Mapping[str, Any], body: Any, current: Execution | None) -> Embedded | None:
    """What a message says of later steps, unless another one has said it."""
    embedded = Embedded.of(headers, body)
    if embedded is None:
        return None
    request = runs.current_request() if current is not None and not current.replaced else None
    if request is not None and chains.is_foreseen(request, headers):
        return None
    group = headers.get("group")
    if embedded.chord is not None and group:
        is_first, _latest.group = group != getattr(_latest, "group", None), group
        if not is_first and not embedded.chain:
            return None  # the first member of its group has said the same
    return embedded


def _canvas(headers: Mapping[str, Any], body: Any, workflow: str) -> canvas.Canvas | canvas.NotKept | None:
    """What it takes to send the whole once more; nothing of what a task publishes, which would do so again."""
    if runs.current_request() is not None or not workflows.has_room(workflow):
        return None
    is_new, _latest.workflow = workflow != getattr(_latest, "workflow", ""), workflow
    if is_new:
        _latest.told = set()
    return canvas_taking.taken(headers, body, _latest.told)


def last_publish() -> "Publish | None":
    """Return what this thread published last of what is tracked, once."""
    publish: tuple[Any, ...] | None = getattr(_latest, "publish", None)
    _latest.publish = None
    return None if publish is None else Publish(*publish)


def _told(*publish: Any) -> Batch:
    return Publish(*publish).told()


def _told_at_once(task_id: str, name: str, stamp: Stamp, due_text: str, body: Any) -> Batch | None:
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
    if fields is not None and stamp.started_by:
        fields[facts.field(task_id, facts.STARTED_BY, 0, life)] = stamp.started_by
    if fields is not None and due_text:
        fields[facts.field(task_id, facts.DUE, 0, life)] = due_text
    if fields is not None and stamp.schedule:
        fields[facts.field(task_id, facts.SCHEDULE, 0, life)] = stamp.schedule
    return fields


class Publish(NamedTuple):
    """What is put off until somebody else has the time: ``delay()`` returns before."""

    task_id: str
    name: str
    stamp: Stamp
    parent_id: str | None
    nesting: int
    original: str
    arguments: given.Given | str | None  # a text is how they are kept
    due: str = ""  # as ``due`` has it, empty for most
    position: str = ""  # in its workflow
    steps: Embedded | None = None
    canvas: "canvas.Canvas | canvas.NotKept | None" = None
    joined: Execution | None = None  # who publishes it, where that begins a workflow

    def told(self) -> Batch:
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
            return [workflows.said_to_be_full(key)]
        steps = later = ""
        if self.steps is not None:
            steps, task_ids = self.steps.text()
            others += index.to_come(task_ids, key, self.stamp.published)
        if self.canvas is not None:
            later = canvas_writing.text_of(self.canvas)
        return [*self._execution().enters_workflow(steps, later), *others]

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


def _id_in(body: Any) -> str:
    """Protocol 1 says it there."""
    return body.get("id", "") if isinstance(body, dict) else ""
