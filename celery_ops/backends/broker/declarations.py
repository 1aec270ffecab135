"""Which queues the settings and the workers name, and how messages come into them.

kombu describes a queue in one form, a worker's answer in the same: both are read here, and neither is trusted.
"""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, TypeGuard

from kombu.common import Broadcast
from kombu.entity import Queue
from kombu.transport.base import to_rabbitmq_queue_arguments

from ...conf import conf
from ...info import Binding

#: What makes a pattern of an objective's name.
PATTERN: Final = frozenset("*?")
#: Queues of one page: a worker or a broker may name any number.
MOST_QUEUES: Final = 1000
#: Characters of a name that can be a queue's: AMQP allows 255 bytes, Redis any number.
LONGEST_NAME: Final = 1024

#: Bindings of one queue that a worker is believed.
MOST_BINDINGS: Final = 100

#: Descriptions of queues that a process keeps.
MOST_READ: Final = 20_000

#: What kombu calls the queues of RabbitMQ in which messages wait for their time.
DELAYS: Final = tuple(f"celery_delayed_{level}" for level in range(28))

#: What kombu sends along as arguments of the broker, under names of its own.
LIMITS: Final = ("expires", "message_ttl", "max_length", "max_length_bytes", "max_priority")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One queue, as somebody who uses it describes it."""

    name: str
    bindings: tuple[Binding, ...] = ()
    durable: bool | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def merged(name: str, *sources: Mapping[str, Declaration]) -> Declaration:
    """Return what all of them say of one queue; where they differ, what the first of them says."""
    declarations = [source[name] for source in sources if name in source]
    bindings = chain.from_iterable(declaration.bindings for declaration in declarations)
    durable = [declaration.durable for declaration in declarations if declaration.durable is not None]
    arguments: dict[str, Any] = {}
    for declaration in reversed(declarations):
        arguments.update(declaration.arguments)
    return Declaration(name, tuple(dict.fromkeys(bindings)), durable[0] if durable else None, arguments)


def of_settings(app: Any) -> dict[str, Declaration]:
    """Return the queues of the app's configuration: its own, the default one, and those to which it sends.

    These are named by routes, by tasks (``@task(queue=…)``) and by entries of ``beat_schedule``.
    """
    queues = dict(app.amqp.Queues(app.conf.task_queues))  # app.amqp.queues has those too that were only published to
    for queue in (app.conf.task_default_queue, *_of_routes(app), *_of_tasks(app), *_of_schedule(app)):
        if isinstance(queue, Queue):
            queues.setdefault(queue.name, queue)
        elif isinstance(queue, str) and queue and queue not in app.amqp.queues.aliases and queue not in queues:
            queues[queue] = app.amqp.queues.new_missing(queue)
    return _declarations(queues)


def of_objectives(app: Any, known: Sequence[Mapping[str, Declaration]]) -> dict[str, Declaration]:
    """Return the queues that objectives alone name, by no pattern: nobody takes from these, it may be.

    How messages come into one is taken to be as Celery has it by itself: so an empty one is known to be there.
    """
    objectives = conf.OBJECTIVES
    entries = objectives.values() if isinstance(objectives, Mapping) else ()
    named = (entry.get("queue") for entry in entries if isinstance(entry, Mapping))
    names = [name for name in named if _is_name(name) and not PATTERN & set(name)]
    alone = [name for name in names if not any(name in source for source in known)]
    return _declarations({name: app.amqp.queues.new_missing(name) for name in alone})


def of_process(app: Any) -> dict[str, Declaration]:
    """Return the queues that this process has come across too, such as by publishing to them: they may be anywhere."""
    return _declarations(app.amqp.queues)


def _declarations(queues: Mapping[str, Queue]) -> dict[str, Declaration]:
    # a broadcast's queue is one that this process would read itself
    mine = [queue for _, queue in list(queues.items()) if not isinstance(queue, Broadcast)]
    return {declaration.name: declaration for declaration in map(_read, mine) if declaration is not None}


def _read(queue: Queue) -> Declaration | None:
    """Describing a queue takes a tenth of a millisecond, and a site may have thousands that never change."""
    entry = _read_before.get(id(queue))
    if entry is None or entry[0]() is not queue:
        if len(_read_before) >= MOST_READ:
            _read_before.clear()
        entry = _read_before[id(queue)] = (weakref.ref(queue), described(queue.as_dict(recurse=True)))
    return entry[1]


_read_before: dict[int, tuple[Any, Declaration | None]] = {}


def _of_routes(app: Any) -> Iterator[Any]:
    for route in app.amqp.routes:
        for pattern in ("map", "patterns"):  # a route that is a function names none
            for destination in getattr(route, pattern, {}).values():
                yield destination.get("queue") if isinstance(destination, Mapping) else destination


def _of_tasks(app: Any) -> Iterator[Any]:
    for task in list(app.tasks.values()):
        yield getattr(task, "queue", None)


def _of_schedule(app: Any) -> Iterator[Any]:
    entries = app.conf.beat_schedule
    for entry in entries.values() if isinstance(entries, Mapping) else ():
        options = entry.get("options") if isinstance(entry, Mapping) else None
        yield options.get("queue") if isinstance(options, Mapping) else None


def described(fields: Any) -> Declaration | None:
    """Return the queue that ``Queue.as_dict`` or a worker describes, or None when that is no description."""
    if not isinstance(fields, Mapping) or not _is_name(name := fields.get("name")):
        return None
    durable = fields.get("durable")
    return Declaration(
        name,
        tuple(dict.fromkeys(_bindings(fields))),
        durable if isinstance(durable, bool) else None,
        _arguments(fields),
    )


def is_internal(name: str, app: Any) -> bool:
    """Return whether Celery itself uses this queue: for remote control, its replies, or events."""
    return name.endswith(f".{app.conf.control_exchange}.pidbox") or name.startswith(f"{app.conf.event_queue_prefix}.")


def _bindings(fields: Mapping[str, Any]) -> Iterator[Binding]:
    others = fields.get("bindings")
    for bound in (fields, *(others[:MOST_BINDINGS] if isinstance(others, (list, tuple)) else ())):
        exchange = bound.get("exchange") if isinstance(bound, Mapping) else None
        if isinstance(exchange, Mapping) and (exchange.get("name") == "" or _is_name(exchange.get("name"))):
            kind = _text(exchange.get("type")) or "direct"
            yield Binding(exchange["name"], kind, _text(bound.get("routing_key")))


def _arguments(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    given = fields.get("queue_arguments")
    arguments = dict(given) if isinstance(given, Mapping) else {}
    try:
        return to_rabbitmq_queue_arguments(arguments, **{name: fields.get(name) for name in LIMITS})
    except (TypeError, ValueError, OverflowError):  # a worker may have said anything
        return arguments


def delays(driver: str, *sources: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """Return the queues in which RabbitMQ lets messages wait for their time, where Celery has it do so.

    It does with quorum queues: RabbitMQ passes such a message from one of these queues to the next, and nobody consumes
    them.
    """
    queues = chain.from_iterable(source.values() for source in sources)
    has_quorum = any(queue.arguments.get("x-queue-type") == "quorum" for queue in queues)
    return {name: Declaration(name) for name in DELAYS} if driver == "amqp" and has_quorum else {}


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME


def _text(value: Any) -> str:
    return value[:LONGEST_NAME] if isinstance(value, str) else ""
