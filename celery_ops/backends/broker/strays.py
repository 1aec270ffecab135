"""Queues of a Redis that nobody names: whoever published there made them.

Celery gives a queue that nobody configured an exchange of its own, so only going through all keys finds it. No page's
question does that: while somebody looks, a thread goes through them for a small part of the time.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from time import monotonic
from typing import Any, Final, cast

from redis.exceptions import ResponseError

from ...conf import conf
from ...connections.keyspace import Keyspace, keyspace, text_of
from ...connections.target import Target
from ...info import Binding
from ...logs import get_logger
from .declarations import LONGEST_NAME, Declaration, is_internal, merged
from .transports.messages import message_info
from .transports.scripts import HEADS, LONGEST_MESSAGE, MOST_BYTES

logger = get_logger("celery_ops.backends")

#: Seconds that one search may take: the next goes on where it stopped.
PATIENCE: Final = 0.5
#: A search rests this many times as long as it took, at least and at most so many seconds.
RESTS: Final = 100
SHORTEST_REST: Final = 1.0
LONGEST_REST: Final = 30.0
#: Seconds that a question waits for a process's first search, and for a later one.
FIRST_WAIT: Final = 0.25
LATER_WAIT: Final = 0.03

#: Keys that Redis goes through at once, bindings of one exchange, queues of all.
KEYS_AT_ONCE: Final = 1000
MOST_BINDINGS: Final = 1000
MOST_QUEUES: Final = 10_000
#: What is not itself in a pattern of Redis's.
SPECIAL: Final = re.compile(rb"[*?\[\]\\^]")
#: Queues whose next message is looked at in one question.
HEADS_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Strays:
    """Every queue that the broker has bound to an exchange, and the names of those in which a task waits."""

    declarations: Mapping[str, Declaration] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()


NONE: Final = Strays()


def begin(target: Target, wait: float = 0.0) -> None:
    """Have the broker searched, if the last search has rested, and wait at most ``wait`` seconds for its end."""
    if target.driver == "redis":
        search = _searches.setdefault(target.identity, StraySearch(target.identity))
        search.begin()
        search.wait(wait)


def of(target: Target, *, can_wait: bool = True) -> Strays:
    """Return what the searches have found; a search that has just begun is waited for, if that is allowed."""
    search = _searches.get(target.identity)
    if search is None:
        return NONE
    if can_wait:
        search.wait(FIRST_WAIT if search.is_first else LATER_WAIT)
    return search.strays


def forget() -> None:
    _searches.clear()


class StraySearch:
    """The searches of one broker, one after the other; each takes about ``patience`` seconds at most."""

    def __init__(self, identity: str, patience: float = PATIENCE) -> None:
        self._identity, self._patience = identity, patience
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._rests_until = 0.0
        self._cursor = 0
        self._bound: dict[str, Declaration] = {}
        self.strays = NONE
        self.is_first = True

    def begin(self) -> None:
        with self._lock:
            if monotonic() < self._rests_until or (self._thread and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="celery_ops queue search", daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        thread = self._thread
        if seconds > 0 and thread is not None:
            thread.join(seconds)

    def _run(self) -> None:
        began = monotonic()
        try:
            self._go_on(keyspace(self._identity), began + self._patience)
        except Exception as error:  # whoever asks the broker next says that it is away
            logger.info("The broker could not be searched for queues: %s", type(error).__name__)
        took = monotonic() - began
        self._rests_until = monotonic() + min(max(SHORTEST_REST, RESTS * took), LONGEST_REST)
        self.is_first = False

    def _go_on(self, keys: Keyspace, until: float) -> None:
        for declaration in self._pages(keys, until):
            if len(self._bound) < MOST_QUEUES:
                self._bound[declaration.name] = merged(declaration.name, {declaration.name: declaration}, self._bound)
        bound = self._bound if self._cursor == 0 else {**self.strays.declarations, **self._bound}
        self.strays = Strays(bound, tuple(_with_tasks(keys, sorted(bound))))
        if self._cursor == 0:
            self._bound = {}

    def _pages(self, keys: Keyspace, until: float) -> Iterator[Declaration]:
        pattern = SPECIAL.sub(rb"\\\g<0>", keys.bindings("")) + b"*"
        while True:
            self._cursor, sets = keys.client.scan(self._cursor, pattern, KEYS_AT_ONCE, _type="set")
            yield from _declarations(keys, cast("list[bytes]", sets))  # nothing is decoded
            if self._cursor == 0 or monotonic() > until:
                return


def _declarations(keys: Keyspace, sets: list[bytes]) -> Iterator[Declaration]:
    """Yield the queues that are members of these sets, one of each exchange."""
    with keys.client.pipeline(transaction=False) as pipeline:
        for key in sets:
            pipeline.srandmember(key, MOST_BINDINGS)
        answers = pipeline.execute(raise_on_error=False)
    for key, members in zip(sets, answers, strict=True):
        exchange = text_of(key.removeprefix(keys.bindings("")))
        for routing_key, queue in filter(None, map(keys.split, members if isinstance(members, list) else ())):
            if _is_name(queue) and len(routing_key) <= LONGEST_NAME:
                yield Declaration(queue, (Binding(exchange, "", routing_key),))


def _is_name(queue: str) -> bool:
    return len(queue) <= LONGEST_NAME and not is_internal(queue, conf.celery_app)


def _with_tasks(keys: Keyspace, names: list[str]) -> Iterator[str]:
    """Yield the queues of which the next message is a task's, or too long to tell: others use kombu's queues too."""
    rest = iter(names)
    while batch := list(islice(rest, HEADS_AT_ONCE)):
        lists = [keys.sub_queues(name) for name in batch]
        heads = iter(_heads(keys, [sub_queue.key for sub_queue in chain.from_iterable(lists)]))
        for name, sub_queues in zip(batch, lists, strict=True):
            of_this_one = [*islice(heads, len(sub_queues))]
            if any(map(_is_task, of_this_one)):
                yield name


def _heads(keys: Keyspace, lists: list[bytes]) -> list[Any]:
    """Return of each list the ``[[length, message]]`` of its next message; ``[]`` where none waits."""
    try:
        return keys.client.eval(HEADS, len(lists), *lists, 1, LONGEST_MESSAGE, MOST_BYTES)
    except ResponseError:  # a broker that runs no scripts counts all the same
        with keys.client.pipeline(transaction=False) as pipeline:
            for key in lists:
                pipeline.llen(key)
            lengths = pipeline.execute(raise_on_error=False)
        return [[[length, b""]] if isinstance(length, int) and length else [] for length in lengths]


def _is_task(head: list[Any]) -> bool:
    return any(not raw or bool(message_info(raw, size).name) for size, raw in head)


_searches: dict[str, StraySearch] = {}
