"""Asking workers: any number of questions at once, one deadline for all the answers.

What Celery's ``inspect`` asks one after the other, each time for a whole second, is published here together, on one
connection with one reply queue, and done as soon as every worker that is expected has answered everything.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from math import inf
from typing import Any, Final

import redis
from kombu.connection import Connection
from kombu.message import Message
from kombu.messaging import Consumer, Producer
from kombu.pidbox import Mailbox
from kombu.utils.uuid import uuid
from redis.exceptions import ResponseError

from ... import connections
from ...conf import conf
from ...logs import get_logger
from . import sharing
from .known_workers import PING, KnownWorkers, is_hostname, known_workers
from .looks import Answers

logger = get_logger("celery_ops.workers")

#: Bytes of one reply that are kept; of a larger one only that it came.
LARGEST: Final = 4 * 1024 * 1024
#: Seconds to part from the broker, after the deadline.
CLOSING: Final = 0.25

#: Seconds for which a reply to nobody may stay in Redis.
BURIED: Final = 10

#: Replies of which so many are awaited that they are read in heaps, how many one heap is at most, and for how many
#: seconds one may grow.
MANY: Final = 100
HEAP: Final = 500
GROWING: Final = 0.005

#: What kombu raises of a reply that is not even a message.
RUBBISH: Final = (KeyError, ValueError, TypeError)

#: What is asked last: these replies hold the arguments of tasks. When a worker cannot encode one it begins to listen
#: anew, and what it was asked after that is lost.
LAST: Final = ("active", "scheduled", "reserved")
#: What every worker answers, and no beat.
STATS: Final = "stats"

Questions = Mapping[str, Mapping[str, Any]]


def ask(
    questions: Questions,
    destination: Collection[str] | None = None,
    *,
    timeout: float | None = None,
    listening: float = 0,
    within: float = inf,
) -> Answers:
    """Ask workers all questions at once and return what they answered within ``timeout`` seconds.

    Without ``timeout`` these are ``CONTROL_TIMEOUT``. ``listening`` are seconds for which more is waited for at least,
    once all that are expected have answered. ``within`` are seconds in which all of it, connecting too, has to be over.

    ``questions`` are the arguments by method, such as ``{"stats": {}, "conf": {"with_defaults": False}}``.
    ``destination`` are the hostnames to ask, None every worker. Raises ValueError when there is no question, or when
    the destination is empty, since Celery then reaches everybody; BrokerUnavailable when the broker does not answer.
    """
    hosts = _hosts(destination)
    if not questions:
        raise ValueError("no question to ask")
    workers = known_workers()
    if workers.is_new:
        sharing.teach(workers)
    round_ = _Round(questions, hosts, workers, listening)
    timeout = min(conf.CONTROL_TIMEOUT if timeout is None else timeout, max(0.0, within - CLOSING))
    seconds = min(connections.CONNECT_TIMEOUT + timeout + CLOSING, within)
    connections.within(seconds, lambda: round_.run(timeout))
    beats, replies = round_.beats, round_.answers
    asked = (workers.listed.keys() | replies.keys() | round_.plan.awaited) if hosts is None else hosts
    asked = frozenset(asked) - beats
    looked_around = hosts is None and round_.plan.listening > 0
    workers.note(asked, questions, replies, looked_around=looked_around, beats=beats)
    return Answers(tuple(sorted(asked)), replies, datetime.now(timezone.utc), frozenset(round_.twice))


def _hosts(destination: Collection[str] | None) -> frozenset[str] | None:
    if destination is None:
        return None
    if isinstance(destination, str) or not destination or not all(destination):
        raise ValueError("a destination is a collection of hostnames: an empty one would reach every worker")
    return frozenset(destination)


class _Round:
    """One round of questions: what is still to come, and what came."""

    def __init__(
        self, questions: Questions, hosts: frozenset[str] | None, workers: KnownWorkers, listening: float
    ) -> None:
        self._asked = questions
        self._hosts = hosts
        self._workers = workers
        self.plan = workers.plan(hosts, questions)
        self._tells_beats = hosts is None and STATS in questions
        is_doubtful = self._tells_beats and workers.may_be_beats(self.plan.awaited)
        self._questions = {**questions, PING: {}} if is_doubtful else questions
        self._tickets = {method: uuid() for method in self._questions}
        self._methods = {ticket: method for method, ticket in self._tickets.items()}
        self.replies: dict[str, dict[str, Any]] = {}
        self.twice: set[str] = set()
        self._outstanding: set[tuple[str, str]] = set()
        self._listening = max(self.plan.listening, listening)
        for host in self.plan.awaited:
            self._wait_for(host)

    def run(self, seconds: float) -> None:
        """Ask, and collect replies for at most ``seconds``. Raises what the broker's library raises."""
        with connections.opened(ack_emulation=False) as connection:
            channel: Any = connection.default_channel  # of any transport
            mailbox = conf.celery_app.control.mailbox(connection)
            channel.Message = _uncompressed(channel.Message)
            queue = mailbox.get_reply_queue()
            try:
                with Consumer(channel, [queue], on_message=self._receive, accept=mailbox.accept, no_ack=True):
                    self._publish(channel, mailbox, queue.exchange.name)
                    self._collect(connection, _Heap(channel, queue.name), time.monotonic() + seconds)
            finally:
                _hang_up(channel)
                channel.after_reply_message_received(queue.name)
                if not self._is_answered:
                    _bury(channel, queue.name)

    @property
    def beats(self) -> frozenset[str]:
        """Those that answered a ping, and nothing of what they were asked before it: a worker answers in turn."""
        return frozenset(host for host in self.replies if self._is_beat(host))

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        """What workers answered of what somebody asked."""
        asked = self._asked
        return {
            host: {method: reply for method, reply in parts.items() if method in asked}
            for host, parts in self.replies.items()
            if not self._is_beat(host)
        }

    def _is_beat(self, host: str) -> bool:
        if self._hosts is not None or self.replies[host].keys() != {PING}:
            return False
        return self._workers.is_beat(host) or (self._tells_beats and self._workers.may_be_beats({host}))

    @property
    def _is_answered(self) -> bool:
        """Whether everybody who is known to have been asked has answered everything."""
        asked = (self._workers.listed.keys() | self.plan.awaited) if self._hosts is None else self._hosts
        return not self._outstanding and self.replies.keys() >= set(asked)

    def _publish(self, channel: Any, mailbox: Mailbox, reply_exchange: str) -> None:
        """What ``Mailbox`` itself would publish on another connection, from a pool and with endless retries."""
        producer = Producer(channel, mailbox.exchange, serializer=mailbox.serializer)
        reply_to = {"exchange": reply_exchange, "routing_key": mailbox.oid}
        for method, arguments in sorted(self._questions.items(), key=lambda question: _turn(question[0])):
            message = {
                "method": method,
                "arguments": dict(arguments),
                "destination": None if self._hosts is None else sorted(self._hosts),
                "pattern": None,
                "matcher": None,
                "ticket": self._tickets[method],
                "reply_to": reply_to,
            }
            producer.publish(message, headers={"clock": mailbox.clock.forward()})

    def _collect(self, connection: Connection, heap: "_Heap", deadline: float) -> None:
        answered_at = None
        while True:
            now = time.monotonic()
            answered_at = None if self._outstanding else answered_at or now
            until = deadline if answered_at is None else min(deadline, answered_at + self._listening)
            if now >= until:
                return
            with suppress(TimeoutError, *RUBBISH):
                connection.drain_events(timeout=until - now)
                if len(self._outstanding) >= MANY:
                    for message in heap.messages():
                        self._receive(message)

    def _receive(self, message: Message) -> None:
        """Keep a reply to one of this round's questions; whatever else arrives is no answer."""
        try:
            method = self._methods.get(message.headers.get("ticket", ""))
            body = message.decode() if method else None
        except Exception:
            logger.debug("A worker's reply cannot be read", exc_info=True)
            return
        if method is None or not isinstance(body, dict):
            return
        for host, reply in body.items():
            if is_hostname(host) and (self._hosts is None or host in self._hosts):
                self._keep(host, method, reply if len(message.body) <= LARGEST else None)

    def _keep(self, host: str, method: str, reply: Any) -> None:
        parts = self.replies.setdefault(host, {})
        if method in parts:
            self.twice.add(host)
        is_new = not parts
        parts.setdefault(method, reply)
        if is_new and not self._workers.is_beat(host):
            self._wait_for(host)
        self._outstanding.discard((host, method))

    def _wait_for(self, host: str) -> None:
        self._outstanding |= {(host, method) for method in self._workers.expects(host, self._asked)}


def _turn(method: str) -> int:
    """Return which questions come before others."""
    if method in LAST:
        return 2
    return 1 if method == PING else 0


class _Heap:
    """Redis only: the replies that wait already, many in one round trip. kombu itself makes one for each."""

    def __init__(self, channel: Any, queue: str) -> None:
        self._channel = channel
        self._queue = queue
        self._is_asked = hasattr(channel, "conn_or_acquire")

    def messages(self) -> Iterator[Message]:
        """Yield them. They are read where kombu has just read one, so it does not wait for the next meanwhile."""
        for raw in self._raw_replies():
            with suppress(*RUBBISH):
                yield self._channel.Message(json.loads(raw), channel=self._channel)

    def _raw_replies(self) -> Sequence[bytes]:
        if not self._is_asked:
            return ()
        time.sleep(GROWING)
        try:
            with self._channel.conn_or_acquire() as client:
                return client.rpop(self._queue, HEAP) or ()
        except ResponseError:  # Redis before 6.2 gives one at a time
            self._is_asked = False
            return ()


def _uncompressed(kind: type[Message]) -> type[Message]:
    """Return a channel's kind of message that refuses compressed ones: kombu would unpack them, however large.

    Celery's workers never compress a reply.
    """

    class Uncompressed(kind):  # type: ignore[valid-type,misc]  # each transport has its own
        def __init__(self, payload: Any, channel: Any = None, **options: Any) -> None:
            if _headers(payload).get("compression"):
                raise ValueError("a compressed reply")
            super().__init__(payload, channel=channel, **options)

    return Uncompressed


def _headers(raw: Any) -> Mapping[str, Any]:
    """Return the headers of what a channel receives: a mapping, or with AMQP a message with properties."""
    parts = raw if isinstance(raw, dict) else getattr(raw, "properties", {})
    headers = parts.get("headers") or parts.get("application_headers")
    return headers if isinstance(headers, dict) else {}


def _hang_up(channel: Any) -> None:
    """Redis only: a BRPOP that still waits would keep the channel from closing, for up to a second."""
    if pending := getattr(channel, "_in_poll", None):
        pending.disconnect()


def _bury(channel: Any, queue: str) -> None:
    """Redis only: a reply under way at this moment would stay for ever, so what it is added to expires.

    Not with kombu's own client: before 5.7 it puts the site's prefix before the keys of some commands alone.
    """
    if hasattr(channel, "conn_or_acquire"):
        key = f"{channel.global_keyprefix}{queue}"
        with channel.conn_or_acquire() as client, redis.Redis(connection_pool=client.connection_pool) as plain:
            plain.pipeline().lpush(key, "").pexpire(key, 1000 * BURIED).execute()
