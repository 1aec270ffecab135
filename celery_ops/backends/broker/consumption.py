"""Which queues the workers consume, as they answered last."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from ...exceptions import BackendUnavailable
from ..remote.snapshot import Snapshot, snapshot
from .declarations import MOST_QUEUES, Declaration, described, merged


@dataclass(frozen=True, slots=True)
class Consumption:
    """The queues as workers describe them, and who consumes each.

    ``is_known`` says whether the workers could be asked. ``doubtful`` are the queues of those that did not reply: a
    busy one may consume still. ``is_partial`` says that one is there that has not named its queues: it may be any.
    """

    declarations: Mapping[str, Declaration] = field(default_factory=dict)
    workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubtful: frozenset[str] = frozenset()
    is_known: bool = False
    is_partial: bool = False

    def of(self, queue: str) -> tuple[str, ...] | None:
        """Return the hostnames of the queue's workers that replied; None when it is unknown whether there are any."""
        workers = self.workers.get(queue, ())
        is_certain = bool(workers) or not (self.is_partial or queue in self.doubtful)
        return workers if self.is_known and is_certain else None


def consumption(only: str | None = None) -> Consumption:
    """Return what the workers say, of one queue alone if it is named; they are asked by the shared snapshot."""
    try:
        latest = snapshot()
    except BackendUnavailable:
        return Consumption()
    queues = {host: _queues(parts.get("active_queues"), only) for host, parts in latest.last_words.items()}
    names = dict.fromkeys(chain.from_iterable(queues.values()))
    workers: dict[str, list[str]] = {}
    for host in sorted(latest.answers.replies.keys() & queues.keys()):
        for name in queues[host]:
            workers.setdefault(name, []).append(host)
    return Consumption(
        {name: merged(name, *queues.values()) for name in names},
        {name: tuple(hosts) for name, hosts in workers.items()},
        frozenset(chain.from_iterable(queues.get(host, ()) for host in latest.silent)),
        is_known=not latest.trouble,
        is_partial=_is_partial(latest),
    )


def _is_partial(latest: Snapshot) -> bool:
    """Whether a worker has not named its queues: the reply is missing, or it is there and was never heard."""
    unheard = latest.silent.keys() - latest.last_words.keys()
    replies = [parts.get("active_queues") for parts in latest.answers.replies.values()]
    return bool(unheard) or not all(isinstance(reply, list) for reply in replies)


def _queues(reply: Any, only: str | None) -> dict[str, Declaration]:
    fields = reply if isinstance(reply, list) else []
    if only is not None:
        fields = [queue for queue in fields if isinstance(queue, Mapping) and queue.get("name") == only]
    declarations = map(described, fields[:MOST_QUEUES])
    return {declaration.name: declaration for declaration in declarations if declaration is not None}
