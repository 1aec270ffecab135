"""What a message, and a worker's request made of it, say of a task: its objects, and whose its facts are."""

from collections.abc import Mapping
from typing import Any

from celery.exceptions import Ignore, Reject, Retry

from ..conf import conf
from . import context, facts, index, prefix, runs, workflows
from .binding import Undecided, resolve
from .refs import ObjectRef
from .registry import registry
from .request_details import details_of, header_in
from .runs import Execution
from .stamp import (
    BEGUN,
    DELIVERY,
    FIRST_PUBLISHED,
    HEADER,
    MAX_OBJECTS,
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
from .started_by import checked

NO_DETAILS: Mapping[str, Any] = {}


def stamp_for(
    name: str,
    own: list[ObjectRef],
    parent: Execution | None,
    published: int | None,
    undecided: int | None = None,
    whose: str | None = None,
    workflow: str = "",
    around: context.Around | None = None,
) -> Stamp:
    """Return the stamp of a task that is published or begun here: its ``own`` objects, and those ``around`` it."""
    bound, started_by = around or context.around()
    mine = tuple(dict.fromkeys((*own, *bound)) if bound else own)[:MAX_OBJECTS]
    whose = whose_of() if whose is None else whose
    parent = parent if parent is not None and parent.whose == whose else None
    inherited = _inherited(name, mine, parent) if parent else ()
    if parent and not started_by:
        started_by = parent.stamp.started_by
    is_step = bool(parent and workflow and not (mine or inherited))
    return Stamp(mine, inherited, published, undecided, whose, started_by, workflow, is_step=is_step)


def _inherited(name: str, mine: tuple[ObjectRef, ...], parent: Execution) -> tuple[ObjectRef, ...]:
    """Of a model that a task is tracked for, its own arguments alone say which objects are its."""
    refs = (ref for ref in parent.stamp.refs if ref not in mine and not registry.is_bound(name, ref.label))
    return tuple(refs)[:MAX_OBJECTS]


def whose_of(details: Mapping[str, Any] = NO_DETAILS) -> str:
    """Return the prefix that a message says its facts belong under, else the one of this moment where it depends."""
    if not prefix.is_asked():
        return ""
    name = header_in(details, WHOSE)
    return name if isinstance(name, str) and name else prefix.current()


def owned(stamp: Stamp, details: Mapping[str, Any]) -> Stamp:
    """Return the stamp with all that the message says beside it: whose it is, who started it, by which schedule,
    and its workflow."""
    if prefix.is_asked():
        stamp = stamp._replace(whose=stamp.whose or whose_of(details))
    if not stamp.started_by and (text := header_in(details, STARTED_BY)):
        stamp = stamp._replace(started_by=checked(text))
    if not stamp.workflow and (key := workflows.checked(header_in(details, WORKFLOW))):
        stamp = stamp._replace(workflow=key)
    if not stamp.schedule and (name := schedule_in(details)):
        stamp = stamp._replace(schedule=name)
    return stamp


def run_of(task: Any, request: Any, args: Any = None, kwargs: Any = None) -> Execution | None:
    """Return what a worker's request says of the task's objects: by its stamp, else by its arguments."""
    details = details_of(request)
    parent_id, delivery = details.get("parent_id"), details.get(DELIVERY)
    stamp = decoded(header_of(request))
    if stamp is None or stamp.undecided is not None:
        parent = _eager_parent(request.id, details)
        if parent is not None:
            parent_id = parent.task_id  # Celery 5.5 says nothing of an eager task's parent
        args = request.args if args is None else args
        kwargs = request.kwargs if kwargs is None else kwargs
        stamp = _decided(stamp, task.name, args or (), kwargs or {}, parent, details)
    if not stamp.is_kept:
        return None
    stamp = owned(stamp, details)
    if not (stamp.refs or workflows.has_room(stamp.workflow)):
        return None
    run = Execution(
        request.id,
        task.name,
        attempt_of(details),
        stamp,
        parent_id,
        nesting=nesting_of(details),
        delivery=delivery if isinstance(delivery, str) else "",
        position=workflows.position(details),
    )
    run.note_nesting()
    return run


def _eager_parent(task_id: str, details: Mapping[str, Any]) -> Execution | None:
    parent = runs.enclosing() if details.get("is_eager") else None
    return parent if parent is not None and parent.task_id != task_id else None


def _decided(
    stamp: Stamp | None, name: str, args: Any, kwargs: Any, parent: Execution | None, details: Mapping[str, Any]
) -> Stamp:
    """Return the stamp with the objects of the arguments, which the publisher could not tell."""
    prepended = (stamp and stamp.undecided) or 0
    try:
        own = resolve(name, args, kwargs, prepended=prepended)
    except Undecided:
        own = []
    if stamp is None:
        published = now_ms() if details.get("is_eager") else None
        stamp = stamp_for(name, own, parent, published, whose=whose_of(details))
    return stamp._replace(own=tuple(dict.fromkeys((*own, *stamp.own))), undecided=prepended)


def run_of_message(message: Any) -> Execution | None:
    """Return the run that a message asks for which no task was found; None for one that is not tracked."""
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    stamp = decoded(headers.get(HEADER))
    if stamp is None or not stamp.is_kept or not isinstance(headers.get("id"), str):
        return None
    attempt, name = attempt_of(headers), str(headers.get("task"))
    stamp = owned(stamp, headers)
    run = Execution(headers["id"], name, attempt, stamp, headers.get("parent_id"), nesting=nesting_of(headers))
    run.note_nesting()
    return run


def untracked_run(task: Any, request: Any, exception: Any, args: Any, kwargs: Any) -> Execution | None:
    """Return what there is to keep of a task that belongs to no object, so that it can be run again; else None."""
    details = details_of(request)
    if task.name.startswith("celery.") or details.get("is_eager") or isinstance(exception, (Reject, Retry, Ignore)):
        return None
    if conf.ARGS_CAPTURE == "none":
        return None
    stamp = Stamp(
        (index.own_place(request.id),),
        published=published_at(details),
        whose=whose_of(details),
        schedule=schedule_in(details),
    )
    run = Execution(request.id, task.name, attempt_of(details), stamp, nesting=nesting_of(details))
    begun = details.get(BEGUN)
    if isinstance(begun, int):
        for kind, value in facts.started(begun, None, details.get("hostname") or "", stamp.published).items():
            run.note(kind, value)
    run.keep_arguments(args or (), kwargs or {})
    return run


def header_of(request: Any) -> Any:
    """Return the stamp's text of a request, as anybody may have written it."""
    return header_in(details_of(request), HEADER)


def attempt_of(details: Mapping[str, Any]) -> int:
    """Return how many attempts there were before this one."""
    retries = details.get("retries")
    return retries if isinstance(retries, int) else 0


def schedule_in(details: Mapping[str, Any]) -> str:
    """Return for which entry of its schedule beat sent a task, empty where that is not known."""
    return schedule_of(header_in(details, SCHEDULE))


def nesting_of(details: Mapping[str, Any]) -> int:
    """Return how many tasks had the id before this one."""
    nesting = details.get("replaced_task_nesting")
    return nesting if isinstance(nesting, int) else 0


def published_at(details: Mapping[str, Any]) -> int | None:
    """Return when a task was published first, as its request or the headers of its message say."""
    times = (header_in(details, name) for name in (FIRST_PUBLISHED, PUBLISHED))
    return next((time for time in times if isinstance(time, int)), None)
