"""The worker's side: lines to the processes of its pool, and a command that answers where a task is."""

import os
from collections.abc import Iterator
from typing import Any, Final

from ..tracking import costs, gil, task_threads
from ..tracking.decorators import receiver
from .frames import encoded, stack_of
from .lines import Exchange, Listener, NobodyListens

#: The name under which a worker knows the command.
STACK: Final = "celery_ops_stack"
#: Seconds that a process of the pool has to answer: the worker's main process does nothing else meanwhile.
PATIENCE: Final = 0.15

#: Why there is no stack.
NOT_RUNNING: Final = "not running"
NO_LINE: Final = "no line"
SILENT: Final = "silent"


class _Forks:
    """What this process has to do when it forks: it is a worker's main process, or one of its pool."""

    exchange: Exchange | None = None
    listener: Listener | None = None
    end: Any = None
    is_registered = False


def before_fork() -> None:
    if _Forks.exchange is not None:
        _Forks.exchange.before_fork()
    if _Forks.listener is not None:
        _Forks.listener.hold()


def after_in_parent() -> None:
    if _Forks.exchange is not None:
        _Forks.exchange.after_in_parent()
    if _Forks.listener is not None:
        _Forks.listener.start()


def after_in_child() -> None:
    exchange, listener = _Forks.exchange, _Forks.listener
    _Forks.exchange = _Forks.listener = None
    if listener is not None:
        listener.close()
    _Forks.end = exchange.after_in_child() if exchange is not None else None


@receiver
def worker_init(**_: Any) -> None:
    """Before the pool is forked."""
    _register_command()
    if hasattr(os, "register_at_fork"):
        _Forks.exchange = Exchange()
        if not _Forks.is_registered:
            _Forks.is_registered = True
            os.register_at_fork(before=before_fork, after_in_parent=after_in_parent, after_in_child=after_in_child)


@receiver
def worker_process_init(**_: Any) -> None:
    """In each process of the pool; the solo pool says so of the worker itself."""
    costs.one_at_a_time()
    gil.one_at_a_time()
    end, _Forks.end = _Forks.end, None
    if end is not None:
        listener = Listener(end)
        listener.introduce()
        listener.start()
        _Forks.listener = listener


@receiver
def worker_ready(sender: Any, **_: Any) -> None:
    if getattr(sender.pool, "is_green", False):
        task_threads.use_greenlets()
        costs.side_by_side()


def _register_command() -> None:
    """Here and not at import: the worker's control module is no part of a web process."""
    from celery.worker.control import Panel, inspect_command

    if STACK not in Panel.data:
        inspect_command(name=STACK, args=[("task_id", str)], signature="<task_id>")(stack)


def stack(state: Any, task_id: str, **_: Any) -> dict[str, Any]:
    """Where a task is that this worker runs now."""
    answer: dict[str, Any] = {"why": NOT_RUNNING}
    for request in _running(task_id):
        pid = os.getpid() if state.consumer.pool.is_green else request.worker_pid  # else a greenlet's number
        answer = {"name": request.task_name, "pid": pid, **_answer(request, pid)}
        if "stack" in answer:
            break
    return answer


def _running(task_id: str) -> Iterator[Any]:
    from celery.worker import state

    return (request for request in list(state.active_requests) if request.id == task_id)


def _answer(request: Any, pid: int) -> dict[str, Any]:
    if pid == os.getpid():
        return _said(encoded(stack_of(request.id)))
    try:
        if _Forks.exchange is None:
            raise NobodyListens
        answer = _Forks.exchange.ask(pid, request.id, PATIENCE)
    except NobodyListens:
        return {"why": NO_LINE}
    return {"why": SILENT} if answer is None else _said(answer.get("stack"))


def _said(stack: Any) -> dict[str, Any]:
    return {"stack": stack} if stack else {"why": NOT_RUNNING}
