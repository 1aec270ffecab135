"""What every queue backend does."""

# ruff: noqa: S101 - asserting is what this module is for

from collections.abc import Sequence
from datetime import timedelta

from .. import states
from ..backends.base import QueueBackend
from ..info import MessageInfo, QueueDetail, QueueInfo
from .base import HOSTILE, BackendContract, planted_task


class QueueBackendContract(BackendContract):
    """The suite of queue backends: implement ``make_backend``. The source may know of more queues than are planted."""

    #: Names that the source can hold, none of them ordinary.
    odd_names: Sequence[str] = ("a/b", "a b", "é", "100%", "<b>x</b>", "a?b=c#d", "[1]", "*")

    def make_backend(self, queues: Sequence[QueueDetail]) -> QueueBackend:
        """Return the backend over a source with these queues; ``messages`` come oldest first, as many as ``depth``."""
        raise NotImplementedError

    def queues(self) -> list[QueueDetail]:
        """Return what is planted: a queue of three messages, and an empty one."""
        tasks = [planted_task(number, states.PENDING) for number in range(3)]
        messages = tuple(MessageInfo(task.id, task.name, published_at=task.created_at) for task in tasks)
        full = QueueInfo("contract.mail", depth=3, unacked=0, consumers=0, oldest_age=timedelta(hours=1))
        return [
            QueueDetail(full, messages=messages),
            QueueDetail(QueueInfo("contract.empty", depth=0, unacked=0, consumers=0), messages=()),
        ]

    def planted(self) -> QueueBackend:
        return self.make_backend(self.queues())

    def test_an_empty_source_has_none_of_the_planted_queues(self) -> None:
        names = {queue.name for queue in self.make_backend(()).queues().queues}
        assert not names & {"contract.mail", "contract.empty"}

    def test_queues_are_listed_by_name_and_once(self) -> None:
        names = [queue.name for queue in self.planted().queues().queues]
        assert names == sorted(set(names))

    def test_every_queue_is_listed(self) -> None:
        assert {"contract.mail", "contract.empty"} <= {queue.name for queue in self.planted().queues().queues}

    def test_a_report_says_when_it_was_collected(self) -> None:
        assert self.planted().queues().collected_at.tzinfo is not None

    def test_a_depth_is_the_number_of_messages(self) -> None:
        backend = self.planted()
        assert (_queue(backend, "contract.mail").depth, _queue(backend, "contract.empty").depth) == (3, 0)

    def test_what_the_source_can_never_say_is_none(self) -> None:
        backend = self.planted()
        for queue in backend.queues().queues:
            assert backend.supports_unacked or queue.unacked is None
            assert backend.supports_oldest_age or queue.oldest_age is None
        assert backend.supports_messages or _queue_detail(backend, "contract.mail").messages is None

    def test_a_detail_agrees_with_the_list(self) -> None:
        backend = self.planted()
        detail, listed = _queue_detail(backend, "contract.mail").info, _queue(backend, "contract.mail")
        assert (detail.name, detail.depth, detail.consumers) == (listed.name, listed.depth, listed.consumers)

    def test_the_head_of_a_queue_is_its_oldest_message(self) -> None:
        backend, (full, _empty) = self.planted(), self.queues()
        if not backend.supports_messages:
            return
        messages = _queue_detail(backend, "contract.mail").messages
        assert [(message.task_id, message.name) for message in messages or ()] == [
            (planted.task_id, planted.name) for planted in full.messages or ()
        ]

    def test_a_message_that_waits_is_found_by_its_task(self) -> None:
        backend, (full, _empty) = self.planted(), self.queues()
        if not backend.supports_messages:
            return
        for planted in full.messages or ():
            queue, message = backend.waiting_message(planted.task_id) or ("", None)
            assert (queue, message and message.task_id) == ("contract.mail", planted.task_id)
        assert backend.waiting_message("no-such-task") is None

    def test_looking_at_a_queue_takes_nothing_out_of_it(self) -> None:
        backend = self.planted()
        first = _queue_detail(backend, "contract.mail")
        again = _queue_detail(backend, "contract.mail")
        assert (again.info.depth, again.messages) == (first.info.depth, first.messages)

    def test_priorities_sum_to_the_depth(self) -> None:
        detail = _queue_detail(self.planted(), "contract.mail")
        assert not detail.priorities or sum(detail.priorities.values()) == detail.info.depth

    def test_a_queue_of_an_odd_name_is_found_and_no_other(self) -> None:
        backend = self.make_backend([QueueDetail(QueueInfo(name, depth=0), messages=()) for name in self.odd_names])
        for name in self.odd_names:
            assert _queue_detail(backend, name).info.name == name

    def test_an_unknown_queue_is_none(self) -> None:
        backend = self.planted()
        for name in ("", "contract", "contract.mail.x", *HOSTILE):
            assert backend.queue(name) is None, name[:80]


def _queue(backend: QueueBackend, name: str) -> QueueInfo:
    return next(queue for queue in backend.queues().queues if queue.name == name)


def _queue_detail(backend: QueueBackend, name: str) -> QueueDetail:
    detail = backend.queue(name)
    assert detail is not None
    return detail
