"""The worker's side: what was asked before it started, and two commands of our own for pausing queues.

The database is asked in a thread with a deadline, before the first message is taken: a worker must start without it.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from ..concurrency import Asked
from ..databases import leave_no_pool, own_connections
from ..exceptions import NoAnswer
from ..logs import get_logger
from ..tracking.decorators import receiver
from . import worker_limits
from .standing import StandingRequests, standing_pauses, standing_requests

logger = get_logger("celery_ops.acting")

#: Seconds that a worker's start waits for the database.
PATIENCE: Final = 3.0
#: Seconds after its start at which a worker looks again, and between two looks later on.
FIRST_LOOK: Final = 1.0
LOOK_EVERY: Final = 60.0
#: At every which look it asks for the revokes too: Celery's workers forget one after three hours.
REVOKES_AT: Final = 30

#: The names under which a worker knows the commands.
PAUSE, RESUME = "celery_ops_pause", "celery_ops_resume"


class HeldQueues:
    """The queues that this worker would consume if they were not paused."""

    def __init__(self) -> None:
        self.queues: set[str] = set()
        self.ended = threading.Event()


held = HeldQueues()


@receiver
def worker_init(sender: Any, **_: Any) -> None:
    """Know what is revoked and leave out what is paused, before anything is consumed."""
    leave_no_pool()
    _register_commands()
    held.queues.clear()
    held.ended.clear()
    standing = _within(PATIENCE, standing_requests)
    if standing is None:
        return
    _revoke(standing)
    queues = sender.app.amqp.queues
    paused = [name for name in standing.paused if name in queues.consume_from]
    if paused:
        queues.deselect(paused)
        held.queues.update(paused)
        logger.warning("Not consuming what is paused: %s", ", ".join(paused))


@receiver
def worker_ready(sender: Any, **_: Any) -> None:
    """Look again: soon, and then from time to time."""
    threading.Thread(target=_look, args=(sender, held.ended), name="celery_ops looks", daemon=True).start()


@receiver
def worker_shutdown(**_: Any) -> None:
    held.ended.set()


def _look(consumer: Any, ended: threading.Event) -> None:
    pause, looks = FIRST_LOOK, 0  # at first for what was asked while this worker started
    while not ended.wait(pause):
        standing = _looked_up(standing_pauses if looks % REVOKES_AT else standing_requests)
        if standing is None:
            pause = min(2 * pause, LOOK_EVERY)
            continue
        pause, looks = LOOK_EVERY, looks + 1
        consumer.call_soon(_apply, consumer, standing)


def _apply(consumer: Any, standing: StandingRequests) -> None:
    """Do what this worker may have missed while it was busy or cut off."""
    _revoke(standing)
    for name in set(standing.paused) - held.queues:
        _pause(consumer, name)
    for name in held.queues - set(standing.paused):
        _resume(consumer, name)


def _revoke(standing: StandingRequests) -> None:
    from celery.worker import state

    for task_id in reversed(standing.task_ids):  # the newest last: the oldest are forgotten first
        state.revoked.add(task_id)
    for header, stamps in standing.stamps.items():
        state.revoked_stamps[header] = [*dict.fromkeys((*(state.revoked_stamps.get(header) or ()), *stamps))]


# -- commands ---------------------------------------------------------------------------------------------------------


def _register_commands() -> None:
    """Here and not at import: the worker's control module is no part of a web process."""
    from celery.worker.control import Panel, control_command

    if PAUSE not in Panel.data:
        control_command(name=PAUSE, args=[("queue", str)], signature="<queue>")(pause)
        control_command(name=RESUME, args=[("queue", str)], signature="<queue>")(resume)
    worker_limits.register()


def pause(state: Any, queue: str, **_: Any) -> dict[str, str]:
    """Stop consuming a queue, and remember that this worker would."""
    if queue not in _consumed(state.consumer):
        return {"ok": f"does not consume {queue}"}
    state.consumer.call_soon(_pause, state.consumer, queue)
    return {"ok": f"no longer consuming from {queue}"}


def resume(state: Any, queue: str, **_: Any) -> dict[str, str]:
    """Consume a queue again, if this worker did before it was paused."""
    if queue not in held.queues:
        return {"ok": f"did not consume {queue}"}
    state.consumer.call_soon(_resume, state.consumer, queue)
    return {"ok": f"consuming from {queue}"}


def _resume(consumer: Any, queue: str) -> None:
    if queue in held.queues:
        held.queues.discard(queue)
        queues = consumer.app.amqp.queues
        if queue in queues:  # before Celery 5.7 it would be left out again when the worker connects anew
            queues.select_add(queues[queue])
        consumer.add_task_queue(queue)


def _pause(consumer: Any, queue: str) -> None:
    if queue in _consumed(consumer):
        held.queues.add(queue)
        consumer.cancel_task_queue(queue)


def _consumed(consumer: Any) -> list[str]:
    tasks = consumer.task_consumer
    return [queue.name for queue in tasks.queues] if tasks else []


# -- the database -----------------------------------------------------------------------------------------------------


def _within(seconds: float, ask: Callable[[], StandingRequests]) -> StandingRequests | None:
    try:
        return Asked(lambda: _looked_up(ask), "asks").answer(seconds)
    except NoAnswer:
        logger.warning("The database did not answer within %s s: what is revoked or paused is looked up later", seconds)
        return None


def _looked_up(ask: Callable[[], StandingRequests]) -> StandingRequests | None:
    """Ask on a connection of this thread's own, which no process of the pool inherits."""
    try:
        with own_connections():
            return ask()
    except Exception:
        logger.warning("What is revoked or paused could not be looked up", exc_info=True)
        return None
