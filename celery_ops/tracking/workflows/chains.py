"""Which leading arguments of a message were put there by Celery and not by the caller.

A worker publishes the next step of a chain, callbacks, errbacks and chord bodies with the previous result (or the
failed task's id) prepended, from inside the task that just ended; the signatures it does so for are in that request.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from ...logs import get_logger

logger = get_logger("celery_ops.tracking")

#: Where the next step of a request's chain is kept: Celery before 5.6 takes it from the request to publish it.
_NEXT = "celery_ops_next_step"
#: Signatures within each other that are looked into.
_DEEPEST = 30


def remember(request: Any) -> None:
    """Keep the next step of a request that is about to run."""
    if request.chain:
        setattr(request, _NEXT, request.chain[-1])


def is_foreseen(request: Any, headers: Mapping[str, Any]) -> bool:
    """Return whether what is published is a step that ``request``'s own message names, with all that follows it."""
    coming = getattr(request, _NEXT, None), request.chord
    return any(begins(signature, headers) for signature in coming if signature)


def begins(signature: Any, headers: Mapping[str, Any], depth: int = 0) -> bool:
    """Return whether a message is the one that a signature begins with, or of the group that it begins with."""
    if depth > _DEEPEST or not isinstance(signature, Mapping):
        return False
    options, parts = signature.get("options") or {}, signature.get("kwargs") or {}
    kind, named = signature.get("task"), options.get("task_id")
    if kind == "celery.chain":
        return bool(parts.get("tasks")) and begins(parts["tasks"][0], headers, depth + 1)
    if kind == "celery.chord":
        header = parts.get("header")
        named = (header.get("options") or {}).get("task_id") if isinstance(header, Mapping) else named
    is_group = kind in ("celery.group", "celery.chord")
    return bool(named) and named == headers.get("group" if is_group else "id")


def prepended_count(request: Any, headers: Mapping[str, Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """Return how many leading arguments of the message come from ``request``'s outcome."""
    if not args:
        return 0
    first = args[0]  # of a type that nobody knows, to compare it may fail, or ask a database
    if type(first) is str and first == headers.get("parent_id") and _is_errback(request, headers):
        return 1
    if request is None:
        return 0
    for signature in _waiting(request):
        extra = len(args) - len(signature.get("args") or ())
        if extra > 0 and not signature.get("immutable") and _is(signature, headers, args[extra:], kwargs):
            return extra
    return 0


def _is_errback(request: Any, headers: Mapping[str, Any]) -> bool:
    """Whether Celery publishes this with the id of a task that failed: a task may give its own id to another, too.

    A worker's main process does so of a task that was killed, and there is no request; a chord's errbacks get the id
    of its body.
    """
    if request is None or request.id != headers["parent_id"]:
        return True
    return any(signature.get("task") == headers.get("task") for signature in _within([*(request.errbacks or ())]))


def _waiting(request: Any) -> Iterator[Mapping[str, Any]]:
    roots = [*(request.callbacks or ()), *(request.errbacks or ()), getattr(request, _NEXT, None), request.chord]
    if request.get("task") in ("celery.chord_unlock", "celery.accumulate"):
        roots += [*(request.args or ()), (request.kwargs or {}).get("callback")]
    return _within(roots)


def _within(roots: list[Any]) -> Iterator[Mapping[str, Any]]:
    while roots:
        signature = roots.pop()
        if not isinstance(signature, Mapping):
            continue
        yield signature
        options, parts = signature.get("options") or {}, signature.get("kwargs") or {}
        roots += options.get("link") or ()
        for key in ("tasks", "header"):  # of a group, a chain, a chord
            inner = parts.get(key)
            roots += inner if isinstance(inner, (list, tuple)) else (inner,)
        roots.append(parts.get("body"))


def _is(
    signature: Mapping[str, Any], headers: Mapping[str, Any], tail: Sequence[Any], kwargs: Mapping[str, Any]
) -> bool:
    task_id = (signature.get("options") or {}).get("task_id")
    if task_id:
        return task_id == headers.get("id")
    return signature.get("task") == headers.get("task") and _are_equal(list(signature.get("args") or ()), list(tail))


def _are_equal(some: list[Any], others: list[Any]) -> bool:
    """Return whether arguments are the same; of arrays and their like Python cannot say."""
    try:
        return some == others
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # whatever an argument's own comparison raises; its text may repeat the argument
        logger.debug("Arguments of a signature and of a message cannot be compared: %s", type(error).__name__)
        return False
