"""What one place of the store has of its tasks, completed by long values and by the starts of workers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from .. import states
from ..info import TrackedTask
from ..logs import get_logger
from . import counters, facts
from .deriving import Derived, derive, tracked_task
from .facts import Key
from .lives import Life, by_task
from .recorder import recorder
from .refs import ObjectRef
from .registry import registry
from .stamp import now_ms
from .store import BEAT_COUNTS, lifetime

logger = get_logger("celery_ops.tracking")
#: Kinds that a list shows; arguments, results and tracebacks are fetched for one task at a time.
LISTED = (facts.NAME, facts.STARTED_BY, facts.SCHEDULE, facts.HOSTNAME, facts.ERROR, facts.PROGRESS)


@dataclass(frozen=True, slots=True)
class History:
    """The tasks of one place, each with what its facts come to."""

    ref: ObjectRef
    tasks: list[tuple[Derived, Life]] = field(default_factory=list)

    def field(self, place: int, key: Key) -> str:
        """Return the name of the field in which a fact of the task at ``place`` is stored."""
        derived, life = self.tasks[place]
        return life.field(derived.short, key)

    def unread(self, kinds: Collection[str]) -> Iterator[tuple[int, Key]]:
        """Yield the long values of these kinds that are not fetched yet: place of the task, fact."""
        for place, (_derived, life) in enumerate(self.tasks):
            yield from ((place, key) for key, value in life.facts.items() if value is None and key[0] in kinds)


def history_of(ref: ObjectRef, stored: Mapping[str, str | None], limit: int | None) -> History:
    """Return the tasks of an object that are kept still, newest first, at most ``limit`` of them."""
    oldest = oldest_kept(ref)
    lives = by_task(stored.items()).items()
    tasks = [task for short, life in lives if is_kept(*(task := (derive(short, life), life)), oldest)]
    tasks.sort(key=_age, reverse=True)
    return History(ref, tasks if limit is None else tasks[: max(0, limit)])


def history_of_one(place: ObjectRef, stored: Mapping[str, str | None], task_id: str) -> History:
    """Return what a place has of one task, if it is only nothing."""
    short = facts.short_id(task_id)
    life = by_task(stored.items()).get(short, Life({}, {}))
    return History(place, [(derive(short, life), life)])


def oldest_kept(ref: ObjectRef) -> int:
    """Return when the last thing was heard, in ms since the epoch, of tasks that are just not kept any more."""
    return now_ms() - lifetime(ref) * 1000


def is_kept(derived: Derived, life: Life, oldest: int) -> bool:
    """Return whether it is a task, and not too old.

    Every event says when it was published; a request to revoke alone makes no task.
    """
    return (facts.PUBLISHED, 0) in life.facts and derived.newest > oldest


def _age(task: tuple[Derived, Life]) -> tuple[int, str]:
    derived, _life = task
    first = derived.published or (derived.started.at if derived.started else None) or derived.newest
    return first, derived.short


def doubtful_hosts(histories: Sequence[History]) -> set[str]:
    """Return the workers whose tasks have run for long enough that they may be gone."""
    doubtful = now_ms() - BEAT_COUNTS * 1000
    hosts = set()
    for derived, _life in chain.from_iterable(history.tasks for history in histories):
        if derived.state == states.STARTED and derived.started and derived.started.at < doubtful:
            hosts.add(derived.started.hostname)
    return hosts - {""}


def complete(
    histories: Sequence[History], *, kinds: Sequence[str] = LISTED, hosts: Collection[str] = ()
) -> dict[str, int]:
    """Fetch the long values of ``kinds`` and the starts of the workers ``hosts``, in one round trip if any.

    Return the starts by worker, in ms since the epoch. Raises StoreUnavailable.
    """
    wanted: list[tuple[History, int, Key]] = []
    for history in histories:
        wanted += ((history, place, key) for place, key in history.unread(kinds))
    if not wanted and not hosts:
        return {}
    fields = [(history.ref, history.field(place, key)) for history, place, key in wanted]
    values, starts = recorder().ask(lambda store: store.look_up(fields, sorted(hosts)))
    for (history, place, key), value in zip(wanted, values, strict=True):
        derived, life = history.tasks[place]
        life.facts[key] = value
        history.tasks[place] = (derive(derived.short, life), life)
    return starts


def tracked_tasks(history: History, starts: Mapping[str, int]) -> Iterator[TrackedTask]:
    """Yield the values of a history; ``starts`` says when the workers began that ``complete`` was asked about."""
    for derived, life in history.tasks:
        try:
            yield tracked_task(
                derived,
                life,
                label=registry.label(derived.name, history.ref.label),
                lost=is_lost(derived, starts),
            )
        except (ValueError, OverflowError, OSError):  # a time beyond what a datetime holds: not ours
            counters.add("errors")
            logger.debug("A stored task of %s cannot be read", history.ref, exc_info=True)


def is_lost(derived: Derived, starts: Mapping[str, int]) -> bool:
    """Return whether the worker that started it is gone: no sign of life, or it began again after the task did.

    Of an eager task that no worker runs nobody gives any.
    """
    started = derived.started
    if (
        derived.state != states.STARTED
        or started is None
        or not started.hostname
        or started.at >= now_ms() - BEAT_COUNTS * 1000
    ):
        return False
    return starts.get(started.hostname, now_ms()) > started.at
