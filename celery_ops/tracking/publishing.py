"""Celery's signals in the process that publishes: a message is stamped, and PENDING written once the broker has it."""

import threading
from typing import Any

from . import chains, context, prefix, runs
from .binding import Undecided, resolve
from .edge import receiver
from .messages import nesting_of, owned, stamp_for
from .recorder import recorder
from .registry import registry
from .runs import Execution
from .stamp import FIRST_PUBLISHED, HEADER, PUBLISHED, WHOSE, decoded, now_ms

#: The stamp that this thread made last, so that what follows at once need not read it again.
_latest = threading.local()


@receiver
def before_task_publish(sender: str, headers: dict[str, Any], body: Any, **_: Any) -> None:
    """Stamp the message with its objects; a message sent again keeps its first stamp."""
    if not isinstance(headers, dict) or "id" not in headers:
        return  # message protocol 1
    earlier, published = headers.get(PUBLISHED), now_ms()
    headers[PUBLISHED] = published
    if prefix.is_asked():
        headers.setdefault(WHOSE, prefix.current())
    request = runs.current_request()
    if earlier and request is not None and request.id == headers["id"]:  # it is tried again
        headers.setdefault(FIRST_PUBLISHED, earlier)
    parent = runs.of(request)
    if parent is not None and headers["id"] == parent.task_id:
        _republish(parent, headers, request)
        return
    if not (parent or context.bound_objects() or registry.bindings(sender)):
        return
    args, kwargs = body[0], body[1]
    prepended = chains.prepended(request, headers, args, kwargs)
    undecided = None
    try:
        own = resolve(sender, args, kwargs, prepended=prepended)
    except Undecided:
        own, undecided = [], prepended
    stamp = stamp_for(sender, own, parent, published, undecided)
    headers[HEADER] = text = stamp.encoded()
    _latest.stamped = (text, stamp)


def _republish(run: Execution, headers: dict[str, Any], request: Any) -> None:
    """A retry goes on as it is; what ``Task.replace`` sends takes over the id."""
    headers.setdefault(HEADER, run.stamp.encoded())
    if run.whose:
        headers[WHOSE] = run.whose
    run.replaced = headers.get("replaced_task_nesting", 0) > (request.replaced_task_nesting or 0)


@receiver
def after_task_publish(sender: str, headers: Any, body: Any, **_: Any) -> None:
    """The message is with the broker: write PENDING. A retry's own signal says what there is to say of it."""
    text = headers.get(HEADER) if isinstance(headers, dict) else None
    context.note_send((headers or {}).get("id") or _id_in(body), sender)
    if text is None:
        return
    latest, stamp = getattr(_latest, "stamped", (None, None))
    if latest is not text:
        stamp = decoded(text)
    if stamp is None or not stamp.refs:
        return
    stamp = owned(stamp, headers)
    run = Execution(headers["id"], sender, 0, stamp, headers.get("parent_id"), nesting=nesting_of(headers))
    current = runs.current()
    if current is not None and current.task_id == run.task_id:
        if not current.replaced:
            return
        run.parent_id = current.parent_id
    run.keep_arguments(body[0], body[1])
    if original := context.retry_of():
        run.note_original(original)
    recorder().record(run.first_batch(), run.whose)


def _id_in(body: Any) -> str:
    """Protocol 1 says it there."""
    return body.get("id", "") if isinstance(body, dict) else ""
