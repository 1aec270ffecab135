"""Celery's signals in the process that publishes: a message is stamped, and PENDING written once the broker has it."""

import threading
from collections.abc import Mapping
from typing import Any, Final

from ..conf import conf
from . import capture, context, due, initial_arguments, runs, workflows
from .binding import Undecided, resolve
from .decorators import receiver
from .messages import nesting_of, owned, stamp_for, whose_of
from .publish import Publish, batch_of, short_batch
from .recorder import recorder
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
    decoded,
    now_ms,
    schedule_of,
)
from .workflows import canvas_taking, chains
from .workflows import sizes as workflow_sizes
from .workflows.canvas import Canvas, NotKept
from .workflows.steps import Embedded

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
    if whose := whose_of():
        headers.setdefault(WHOSE, whose)
    request = runs.current_request()
    is_own = request is not None and request.id == headers["id"]
    if earlier and (is_own or headers.get("retries")):
        headers.setdefault(FIRST_PUBLISHED, earlier)
    if _is_sent_by_its_worker(headers) and not is_own:
        return
    workflow = workflows.key_of(sender, headers, body, request)
    if workflow:
        headers[WORKFLOW] = workflow = workflow_sizes.counted(workflow, headers["id"])
    parent = runs.of(request)
    if parent is not None and nesting_of(headers) > parent.nesting:
        parent.replaced = True
    if parent is not None and headers["id"] == parent.task_id:
        _republish(parent, headers)
        return
    around = context.around()
    if not (parent or registry.bindings(sender) or around.objects):
        if workflow and request is None:
            _note_untracked(workflow, sender, headers)
        return
    args, kwargs = body[0], body[1]
    prepended = chains.prepended_count(request, headers, args, kwargs)
    undecided = None
    try:
        own = resolve(sender, args, kwargs, prepended=prepended)
    except Undecided:
        own, undecided = [], prepended
    stamp = stamp_for(sender, own, parent, published, undecided, whose, workflow, around)
    headers[HEADER] = text = stamp.encoded()
    if stamp.started_by:
        headers[STARTED_BY] = stamp.started_by
    _latest.stamped = (text, stamp, parent, due.text_of(headers, properties))


def _is_sent_by_its_worker(headers: Mapping[str, Any]) -> bool:
    """Whether a message that no run of the task sends is another attempt: Celery 5.7 retries what lost its process."""
    return bool(FIRST_PUBLISHED in headers and headers.get("retries"))


def _republish(run: Execution, headers: dict[str, Any]) -> None:
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


def _note_untracked(workflow: str, name: str, headers: Mapping[str, Any]) -> None:
    """Of a group whose members are tracked in part it is said once that there are others: it is not known whole."""
    if name != workflows.UNLOCK and workflow == getattr(_latest, "workflow", ""):
        _latest.workflow = ""
        recorder().record([workflows.mixed_mark(workflow)], headers.get(WHOSE, ""))


@receiver
def after_task_publish(
    sender: str, headers: Any, body: Any, exchange: Any = None, routing_key: Any = None, **_: Any
) -> None:
    """The message is with the broker: write PENDING. A retry's own signal says what there is to say of it."""
    text = headers.get(HEADER) if isinstance(headers, dict) else None
    context.note_send((headers or {}).get("id") or _id_in(body), sender)
    if text is None:
        return
    latest, stamp, current, due_text = getattr(_latest, "stamped", _NOTHING)
    if latest is not text:
        stamp, current, due_text = decoded(text), runs.current(), ""
    if stamp is None or not stamp.is_kept or sender == workflows.UNLOCK:
        return
    if _is_another_attempt(headers, current):
        return
    task_id, parent_id = headers["id"], headers.get("parent_id")
    if current is not None and current.task_id == task_id:  # it is replaced
        parent_id = current.parent_id
    if latest is not text:
        stamp = owned(stamp, headers)
    elif SCHEDULE in headers:  # beat has said it since
        stamp = stamp._replace(schedule=schedule_of(headers[SCHEDULE]))
    nesting, original = nesting_of(headers), context.retry_of()
    if not (nesting or original or stamp.inherited or stamp.workflow):
        batch = short_batch(task_id, sender, stamp, due_text, body)
        if batch is not None:
            _latest.publish = (task_id, sender, stamp, parent_id, 0, "", None)
            recorder().record(batch, stamp.whose)
            return
    arguments = None
    if stamp.refs:
        arguments = initial_arguments.frozen(body[0], body[1]) or capture.arguments(sender, body[0], body[1])
    publish: tuple[Any, ...] = (task_id, sender, stamp, parent_id, nesting, original, arguments, due_text)
    if stamp.workflow:
        queue, priority = _own_queue(exchange, routing_key), due.due_of(due_text).priority
        publish += _in_workflow(headers, body, stamp.workflow, current, queue, priority)
    _latest.publish = publish
    recorder().record((batch_of, *publish), stamp.whose)


def _in_workflow(
    headers: Mapping[str, Any], body: Any, workflow: str, current: Execution | None, queue: str, priority: int | None
) -> tuple[str, Embedded | None, Canvas | NotKept | None, Execution | None]:
    """Return the end of a ``Publish``: where a task stands in its workflow, what follows, and who begins that."""
    return (
        workflows.position(headers),
        _steps(headers, body, current),
        _canvas(headers, body, workflow, queue, priority),
        current if current is not None and current.joins(workflow) else None,
    )


def _is_another_attempt(headers: Mapping[str, Any], current: Execution | None) -> bool:
    if current is not None and current.task_id == headers["id"]:
        return not current.replaced
    return _is_sent_by_its_worker(headers)


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


def _canvas(
    headers: Mapping[str, Any], body: Any, workflow: str, queue: str, priority: int | None
) -> Canvas | NotKept | None:
    """What it takes to send the whole once more; nothing of what a task publishes, which would do so again."""
    if runs.current_request() is not None or not workflows.has_room(workflow):
        return None
    is_new, _latest.workflow = workflow != getattr(_latest, "workflow", ""), workflow
    if is_new:
        _latest.told = set()
    return canvas_taking.taken(headers, body, _latest.told, queue, priority)


def _own_queue(exchange: Any, routing_key: Any) -> str:
    """Return the queue that a message has gone to, empty for the one where all go, and where nothing names it."""
    if exchange != "" or not isinstance(routing_key, str) or routing_key == conf.celery_app.conf.task_default_queue:
        return ""
    return routing_key


def last_publish() -> Publish | None:
    """Return what this thread published last of what is tracked, once."""
    publish: tuple[Any, ...] | None = getattr(_latest, "publish", None)
    _latest.publish = None
    return None if publish is None else Publish(*publish)


def _id_in(body: Any) -> str:
    """Protocol 1 says it there."""
    return body.get("id", "") if isinstance(body, dict) else ""
