"""Workers that are none: they hear every question, and say whatever a test has them say."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kombu import Connection

from tests.celery import app
from tests.servers import wait_for


@dataclass
class Question:
    method: str
    arguments: dict
    destination: list[str] | None
    reply_to: dict
    ticket: str


@dataclass
class FakeWorkers:
    """Listens on the control exchange of ``url``; ``answer`` returns the reply bodies to a question, if any."""

    url: str
    answer: Callable[[Question], Iterable[Any] | None] = lambda question: None
    heard: list[Question] = field(default_factory=list)

    def methods(self) -> list[str]:
        return [question.method for question in self.heard]

    def say(self, question: Question, body: Any, ticket: str | None = None, **options: Any) -> None:
        to = question.reply_to["exchange"], question.reply_to["routing_key"]
        self._node.mailbox._publish_reply(body, *to, ticket or question.ticket, channel=self._node.channel, **options)

    def _hear(self, body, message) -> None:
        question = Question(*(body.get(name) for name in ("method", "arguments", "destination", "reply_to", "ticket")))
        self.heard.append(question)
        for answer in self.answer(question) or ():
            self.say(question, answer)

    def __enter__(self) -> "FakeWorkers":
        self._connection = Connection(self.url, transport_options={"socket_timeout": 5})
        mailbox = app.control.mailbox(self._connection)
        mailbox._producer_pool = None
        self._node = mailbox.Node(f"fake{id(self)}@test", channel=self._connection.channel())
        self._stopping, self._listening = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(self._listening.is_set, "the fake worker to listen")
        self._hide()
        return self

    def _hide(self) -> None:
        """Take this node from those that Redis has bound: nobody waits then for an answer of its own."""
        if self._connection.transport.driver_type != "redis":
            return
        channel, queue = self._node.channel, f"{self._node.hostname}.{self._node.mailbox.namespace}.pidbox"
        bound = channel.keyprefix_queue % self._node.mailbox.exchange.name
        with channel.conn_or_acquire() as client:
            client.srem(bound, *(member for member in client.smembers(bound) if queue.encode() in member))

    def _run(self) -> None:
        with self._node.listen(callback=self._hear):
            while not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    self._connection.drain_events(timeout=0.02)
                self._listening.set()

    def __exit__(self, *exc) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._connection.release()


def speaking(parts: dict[str, dict[str, Any]]) -> Callable[[Question], Iterable[Any]]:
    """Return an ``answer`` for ``{hostname: {method: reply}}``; a method that is missing stays unanswered."""

    def answer(question: Question) -> Iterable[Any]:
        for host, replies in parts.items():
            if question.method in replies and (not question.destination or host in question.destination):
                yield {host: replies[question.method]}

    return answer


STATS = {
    "total": {"shop.nap": 3, "shop.limited": 4},
    "pid": 4242,
    "uptime": 90,
    "pool": {"implementation": "celery.concurrency.prefork:TaskPool", "max-concurrency": 2, "processes": [1, 2]},
    "prefetch_count": 8,
    "rusage": {"maxrss": 1000},
    "broker": {"hostname": "127.0.0.1", "transport": "redis"},
}
IDLE = {"stats": STATS, "active": [], "reserved": [], "scheduled": [], "active_queues": [{"name": "celery"}]}
