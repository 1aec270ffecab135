"""From facts to values: two round trips at most, however many objects."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import chain
from typing import TypeVar

from django.db.models import Model

from .. import states
from ..conf import conf
from ..exceptions import StoreUnavailable
from ..info import TrackedTask
from . import facts, index, newest
from .histories import LISTED, History, complete, doubtful_hosts, history_of, tracked_tasks
from .newest import Listed
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms
from .store import TASK, lifetime

M = TypeVar("M", bound=Model)

_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def tasks_for(obj: Model, limit: int | None = 50) -> list[TrackedTask]:
    """Return the tasks of a saved model instance, newest first, at most ``limit`` of them (None: all that are kept).

    An empty list when the store cannot be reached: pages that want to say so use ``read_tasks``.
    """
    return tasks_for_many([obj], limit=limit)[obj]


def tasks_for_many(objs: Iterable[M], limit: int | None = 50) -> dict[M, list[TrackedTask]]:
    """Return ``{obj: its tasks}`` as ``tasks_for`` does, in at most two round trips for all of them."""
    objs = list(objs)
    try:
        tasks = read_tasks([ObjectRef.of(obj) for obj in objs], limit)
    except StoreUnavailable:
        tasks = [[] for _ in objs]
    return dict(zip(objs, tasks, strict=True))


def read_tasks(refs: Sequence[ObjectRef], limit: int | None = None) -> list[list[TrackedTask]]:
    """Return the tasks of each object, newest first. Raises StoreUnavailable."""
    kept = recorder().ask(lambda store: store.read(refs)) if refs else []
    histories = [history_of(ref, stored, limit) for ref, stored in zip(refs, kept, strict=True)]
    starts = complete(histories, hosts=doubtful_hosts(histories))
    return [list(tracked_tasks(history, starts)) for history in histories]


def read_facts(ref: ObjectRef, version: str = "") -> tuple[str, Mapping[str, str | None] | None]:
    """Return the version of what is stored of one object, and that, with None for each long value.

    The latter is None when it is still this ``version``. One round trip. Raises StoreUnavailable.
    """
    return recorder().ask(lambda store: store.read_unless(ref, version))


def read_long(ref: ObjectRef, names: Collection[str]) -> dict[str, str | None]:
    """Return the long values of these fields of one object, in one round trip if any. Raises StoreUnavailable."""
    if not names:
        return {}
    values, _starts = recorder().ask(lambda store: store.look_up([(ref, name) for name in names]))
    return dict(zip(names, values, strict=True))


@dataclass(frozen=True, slots=True)
class ObjectReading:
    """The tasks of one object, newest first, and for how long the same facts come to the same tasks.

    ``long`` are the long values that were looked up, by field. ``until`` is in ms since the epoch: then the first task
    is too old to be kept. It is 0 while a task runs: signs of life and the task's own state tell of it, too.
    """

    tasks: list[TrackedTask]
    long: dict[str, str | None]
    until: int


def reading_of(ref: ObjectRef, stored: Mapping[str, str | None]) -> ObjectReading:
    """Return what one object's facts come to, in one more round trip at most. Raises StoreUnavailable."""
    history = history_of(ref, stored, None)
    keys = list(history.unread(LISTED))
    starts = complete([history], hosts=doubtful_hosts([history]))
    long = {history.field(place, key): history.tasks[place][1].facts[key] for place, key in keys}
    return ObjectReading(list(tracked_tasks(history, starts)), long, _settled_until(history))


def _settled_until(history: History) -> int:
    if any(derived.state == states.STARTED for derived, _ in history.tasks):
        return 0
    oldest = min((derived.newest for derived, _ in history.tasks), default=now_ms())
    return oldest + lifetime(history.ref) * 1000


def find_task(task_id: str) -> list[tuple[ObjectRef, TrackedTask]]:
    """Return a task by its id with each object that it belongs to; empty when unknown. Raises StoreUnavailable.

    One that failed has its own place as well, which is returned when no object has it any more.
    """
    refs = index.objects_of(task_id)
    places: list[tuple[ObjectRef, TrackedTask]] = []
    for ref, tasks in zip(refs, read_tasks(refs), strict=True):
        places += ((ref, task) for task in tasks if task.id == task_id)
    return [place for place in places if place[0].label != TASK] or places


def find_tasks(
    published: Mapping[str, datetime], seen: Mapping[str, datetime] | None = None, *, succeeded: Collection[str] = ()
) -> dict[str, TrackedTask]:
    """Return those of many tasks that are known, by id. Raises StoreUnavailable.

    ``published`` says for each id when that task was sent, give or take minutes, and ``seen`` of others when they were
    heard of first, after they had waited for a while. Of tasks that ``succeeded`` nothing is said that only a failure
    of theirs has left. Three round trips at most, however many tasks, and one more when one of them has more objects
    than a short value names.
    """
    oldest = now_ms() - conf.retention_seconds * 1000
    near, far = _kept_still(published, oldest), _kept_still(seen or {}, oldest)
    return tasks_in(index.objects_of_many(near, far, succeeded=succeeded))


def find_tasks_wherever(task_ids: Iterable[str]) -> dict[str, TrackedTask]:
    """Return those of many tasks that are known, by id, whenever they were sent. Raises StoreUnavailable."""
    return tasks_in(index.objects_wherever(dict.fromkeys(task_ids)))


def tasks_in(objects: Mapping[str, Iterable[ObjectRef]]) -> dict[str, TrackedTask]:
    """Return tasks by their ids, from the objects of each. Two round trips at most. Raises StoreUnavailable."""
    wanted: dict[ObjectRef, set[str]] = {}
    for task_id, refs in objects.items():
        for ref in refs:
            wanted.setdefault(ref, set()).add(facts.short_id(task_id))
    kept = recorder().ask(lambda store: store.read_begun(list(wanted.items()))) if wanted else []
    histories = [
        history_of(ref, _only(stored, shorts), None) for (ref, shorts), stored in zip(wanted.items(), kept, strict=True)
    ]
    starts = complete(histories, hosts=doubtful_hosts(histories))
    tasks: dict[str, TrackedTask] = {}
    for history in histories:
        for task in tracked_tasks(history, starts):
            tasks.setdefault(task.id, task)
    return tasks


def _kept_still(times: Mapping[str, datetime], oldest: int) -> dict[str, int]:
    numbers = {task_id: int(time.timestamp() * 1000) for task_id, time in times.items()}
    return {task_id: number for task_id, number in numbers.items() if number + index.LATER > oldest}


def _only(stored: dict[str, str | None], shorts: Collection[str]) -> dict[str, str | None]:
    """The fields of some tasks: the store may have sent others."""
    return {name: value for name, value in stored.items() if facts.short_id_in(name) in shorts}


def newest_tasks(limit: int, until: datetime | None = None) -> list[TrackedTask]:
    """Return the tasks published last of any object, newest first, each once; of those until then, where it is said.

    Raises StoreUnavailable.
    """
    return NewestTasks(limit, until).first(limit)


class NewestTasks:
    """The tasks published last of any object, each once; of those until then, where it is said.

    No more are read than are asked for, of about as many as are ``wanted``; and none is read again.
    """

    def __init__(self, wanted: int, until: datetime | None = None) -> None:
        self._until = until
        self._parts = newest.newest_first(wanted, None if until is None else int(until.timestamp() * 1000))
        self._left: Sequence[Listed] = ()  # of the part that is told
        self._since = 0
        self._tasks: dict[str, TrackedTask] = {}

    def first(self, number: int) -> list[TrackedTask]:
        """Return so many, newest first, or all there are. Raises StoreUnavailable."""
        some = number - len(self._tasks)
        while self._known() < number and self._read(some):
            some = max(some, 1) * 2  # of those that the index tells of many may be gone
        return sorted(self._tasks.values(), key=_newness, reverse=True)[:number]

    def _known(self) -> int:
        """Return of how many it is known that they are the newest."""
        at = self._left[0].at if self._left else self._since - 1
        moment = facts.moment_or_none(at) or _NEVER
        return sum(_newness(task)[0] > moment for task in self._tasks.values())

    def _read(self, number: int) -> bool:
        """Read about so many more. Return whether there were any."""
        if not self._left:
            told = next(self._parts, None)
            if told is None:
                return False
            self._since, self._left = told
        end = len(newest.undated(self._left)) + max(number, 1)
        some, self._left = self._left[:end], self._left[end:]
        tasks = tasks_in({facts.long_id(entry.short): entry.refs for entry in some}).values()
        self._tasks |= {task.id: task for task in tasks if self._until is None or _newness(task)[0] <= self._until}
        return True


def _newness(task: TrackedTask) -> tuple[datetime, str]:
    return task.published_at or task.started_at or _NEVER, task.id


def reruns_of(refs: Sequence[ObjectRef], task_id: str) -> list[str]:
    """Return the ids of these objects' tasks that are ``task_id`` once more, newest first. Raises StoreUnavailable."""
    tasks = chain.from_iterable(read_tasks(refs))
    return list(dict.fromkeys(task.id for task in tasks if task.retry_of == task_id))
