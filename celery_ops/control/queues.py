"""Emptying queues, pausing them, and deleting or moving single messages."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from amqp.exceptions import NotFound
from django.db import DatabaseError

from .. import connections, redaction
from ..backends import control
from ..backends.base import QueueBackend
from ..backends.broker import backend as broker
from ..backends.control import Replies
from ..backends.remote import gather, snapshot
from ..connections import target
from ..exceptions import BackendUnavailable, BrokerUnavailable, NotDone
from ..models import ControlRecord
from ..sentences import Sentence as _
from . import worker_receivers
from .journal import Acted, ask_workers, complete, in_no_language, is_error, write_record
from .standing import PAUSE, RESUME, paused_queues

T = TypeVar("T")


def purge(queue: str, user: Any, *, submission: UUID | None = None) -> int:
    """Delete every waiting message of a queue, of all priorities, and return how many went. Raises Repeated, NotDone.

    What a worker has already taken is not in the queue any more.
    """
    record = write_record("purge", queue, {}, user, submission)
    seconds = 2 * connections.CONNECT_TIMEOUT
    purged = _do(record, lambda: connections.within(seconds, lambda: _purge(queue)))
    complete(record, {"purged": purged})
    return purged


def delete(
    backend: QueueBackend, queue: str, task_ids: Sequence[str], user: Any, *, submission: UUID | None = None
) -> list[str]:
    """Delete waiting messages, and return the ids of those that were still there. Raises Repeated, NotDone."""
    record = write_record("delete", queue, {"messages": list(task_ids)}, user, submission)
    deleted = _do(record, lambda: backend.delete_messages(queue, task_ids))
    complete(record, {"deleted": deleted})
    return deleted


def move(
    backend: QueueBackend,
    queue: str,
    task_ids: Sequence[str],
    to: str,
    user: Any,
    *,
    submission: UUID | None = None,
) -> list[str]:
    """Put waiting messages at the end of another queue, and return the ids of those that were still there.

    Raises Repeated, NotDone.
    """
    record = write_record("move", queue, {"messages": list(task_ids), "to": to}, user, submission)
    moved = _do(record, lambda: backend.move_messages(queue, task_ids, to))
    complete(record, {"moved": moved})
    return moved


def _do(record: ControlRecord, do: Callable[[], T]) -> T:
    try:
        with in_no_language():  # an error is kept
            result = do()
    except (BrokerUnavailable, BackendUnavailable) as error:
        complete(record, {"error": redaction.capture_text(str(error)).text})
        unheard = _("The broker did not answer: it is not known that anything was done.")
        raise NotDone(_refusal(error) or unheard, record) from error
    snapshot.expire()
    broker.expire()
    return result


def _refusal(error: BaseException) -> str:
    """Return that the broker answered, and refused it; empty where it did not."""
    if not target.is_refused(error):
        return ""
    names = {"broker": str(target.target()), "reason": target.reason(error)}
    return _("%(broker)s could not be asked: %(reason)s.") % names


def _purge(queue: str) -> int:
    with connections.opened() as connection:
        try:
            return connection.default_channel.queue_purge(queue) or 0
        except NotFound:  # RabbitMQ does not have it yet
            return 0


# -- pausing ----------------------------------------------------------------------------------------------------------


def pause(queue: str, user: Any, *, submission: UUID | None = None) -> Acted:
    """Have every worker stop consuming a queue, and those that start later not begin, until it is resumed.

    Raises Repeated, NotDone.
    """
    record = write_record(PAUSE, queue, {}, user, submission)
    return ask_workers(record, lambda: _pause(queue, record))


def resume(queue: str, user: Any, *, submission: UUID | None = None) -> Acted:
    """Have the workers that consumed a paused queue consume it again. Raises Repeated, NotDone."""
    try:
        paused = paused_queues().get(queue)
    except DatabaseError as error:
        raise NotDone(_("The journal could not be read, so nothing was asked.")) from error
    record = write_record(RESUME, queue, {}, user, submission)
    return ask_workers(record, lambda: _resume(queue, paused.strangers if paused else ()))


def _pause(queue: str, record: ControlRecord) -> Replies:
    ours = control.broadcast(worker_receivers.PAUSE, {"queue": queue})
    if not (strangers := _strangers(ours)):
        return ours
    active = gather.ask({"active_queues": {}}, strangers).to("active_queues")
    consuming = [host for host in strangers if _consumes(active.get(host), queue)]
    idle = {host: {"ok": f"does not consume {queue}"} for host in strangers if host not in consuming}
    replies = control.broadcast("cancel_consumer", {"queue": queue}, consuming).answered if consuming else {}
    record.parameters = {**record.parameters, "strangers": consuming}
    return Replies(ours.asked, {**_without(ours, strangers), **idle, **replies})


def _resume(queue: str, consumed: Sequence[str]) -> Replies:
    ours = control.broadcast(worker_receivers.RESUME, {"queue": queue})
    if not (strangers := _strangers(ours)):
        return ours
    idle = {host: {"ok": f"did not consume {queue}"} for host in strangers if host not in consumed}
    again = [host for host in strangers if host in consumed]
    replies = control.broadcast("add_consumer", {"queue": queue}, again).answered if again else {}
    return Replies(ours.asked, {**_without(ours, strangers), **idle, **replies})


def _strangers(replies: Replies) -> list[str]:
    """Return the workers that do not know our command: those of other projects on the same broker."""
    return [host for host, reply in replies.answered.items() if is_error(reply)]


def _without(replies: Replies, hosts: Sequence[str]) -> dict[str, Any]:
    return {host: reply for host, reply in replies.answered.items() if host not in hosts}


def _consumes(reply: Any, queue: str) -> bool:
    return isinstance(reply, list) and any(isinstance(item, dict) and item.get("name") == queue for item in reply)
