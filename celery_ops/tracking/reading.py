"""From facts to values: two round trips at most, however many objects."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from django.db.models import Model

from .. import redaction, states
from ..conf import conf
from ..exceptions import StoreUnavailable
from ..info import Payload, TrackedTask
from ..logs import get_logger
from . import capture, counters, facts, index
from .facts import Derived, Key, Life
from .recorder import recorder
from .refs import ObjectRef
from .registry import registry
from .stamp import now_ms
from .store import BEAT_COUNTS, TASK, lifetime

logger = get_logger("celery_ops.tracking")

_NEVER = datetime.min.replace(tzinfo=timezone.utc)

#: Kinds that a list shows; arguments, results and tracebacks are fetched for one task at a time.
_LISTED = (facts.NAME, facts.HOSTNAME, facts.ERROR, facts.PROGRESS)


def tasks_for(obj: Model, limit: int | None = 50) -> list[TrackedTask]:
    """Return the tasks of a saved model instance, newest first, at most ``limit`` of them (None: all that are kept).

    An empty list when the store cannot be reached: pages that want to say so use ``read_tasks``.
    """
    return tasks_for_many([obj], limit=limit)[obj]


def tasks_for_many(objs: Iterable[Model], limit: int | None = 50) -> dict[Model, list[TrackedTask]]:
    """Return ``{obj: its tasks}`` as ``tasks_for`` does, in at most two round trips for all of them."""
    objs = list(objs)
    try:
        found = read_tasks([ObjectRef.of(obj) for obj in objs], limit)
    except StoreUnavailable:
        found = [[] for _ in objs]
    return dict(zip(objs, found, strict=True))


def read_tasks(refs: Sequence[ObjectRef], limit: int | None = None) -> list[list[TrackedTask]]:
    """Return the tasks of each object, newest first. Raises StoreUnavailable."""
    kept = recorder().ask(lambda store: store.read(refs)) if refs else []
    histories = [_history(ref, stored, limit) for ref, stored in zip(refs, kept, strict=True)]
    starts = _complete(histories, hosts=_doubtful_hosts(histories))
    return [list(_values(history, starts)) for history in histories]


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
    history = _history(ref, stored, None)
    keys = [(place, key) for _, place, key in _wanted([history], _LISTED)]
    starts = _complete([history], hosts=_doubtful_hosts([history]))
    long = {history.field(place, key): history.tasks[place][1].facts[key] for place, key in keys}
    return ObjectReading(list(_values(history, starts)), long, _settled_until(history))


def _settled_until(history: "_History") -> int:
    if any(derived.state == states.STARTED for derived, _ in history.tasks):
        return 0
    oldest = min((derived.newest for derived, _ in history.tasks), default=now_ms())
    return oldest + lifetime(history.ref) * 1000


def find_task(task_id: str) -> list[tuple[ObjectRef, TrackedTask]]:
    """Return a task by its id with each object that it belongs to; empty when unknown. Raises StoreUnavailable.

    One that failed has its own place as well, which is returned when no object has it any more.
    """
    refs = index.objects_of(task_id)
    found = [(ref, task) for ref, tasks in zip(refs, read_tasks(refs), strict=True) for task in tasks]
    places = [(ref, task) for ref, task in found if task.id == task_id]
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
    wanted: dict[ObjectRef, list[str]] = {}
    near, far = _kept_still(published, oldest), _kept_still(seen or {}, oldest)
    for task_id, refs in index.objects_of_many(near, far, succeeded=succeeded).items():
        for ref in refs:
            wanted.setdefault(ref, []).append(facts.short_id(task_id))
    kept = recorder().ask(lambda store: store.read(list(wanted))) if wanted else []
    histories = [
        _history(ref, _only(stored, tuple(shorts)), None)
        for (ref, shorts), stored in zip(wanted.items(), kept, strict=True)
    ]
    starts = _complete(histories, hosts=_doubtful_hosts(histories))
    found: dict[str, TrackedTask] = {}
    for history in histories:
        for task in _values(history, starts):
            found.setdefault(task.id, task)
    return found


def _kept_still(times: Mapping[str, datetime], oldest: int) -> dict[str, int]:
    numbers = {task_id: int(time.timestamp() * 1000) for task_id, time in times.items()}
    return {task_id: number for task_id, number in numbers.items() if number + index.LATER > oldest}


def _only(stored: dict[str, str | None], shorts: tuple[str, ...]) -> dict[str, str | None]:
    """The fields of some tasks; an object may have hundreds of others."""
    return {name: value for name, value in stored.items() if name.startswith(shorts)}


def newest_tasks(limit: int) -> list[TrackedTask]:
    """Return the tasks published last of any object, newest first, each once. Raises StoreUnavailable."""
    found = {task.id: task for tasks in read_tasks(index.newest(limit)) for task in reversed(tasks)}
    tasks = sorted(
        found.values(), key=lambda task: (task.published_at or task.started_at or _NEVER, task.id), reverse=True
    )
    return tasks[:limit]


def read_payload(ref: ObjectRef, task_id: str) -> Payload:
    """Return what is kept of one task's arguments and outcome. Raises StoreUnavailable."""
    return read_kept(ref, task_id)[0]


def read_kept(ref: ObjectRef, task_id: str) -> "tuple[Payload, KeptArguments]":
    """Return the same and, for running the task again, what is kept of its arguments. Raises StoreUnavailable."""
    places = list(dict.fromkeys((ref, index.own_place(task_id))))
    stored = recorder().ask(lambda store: store.read(places))
    histories = [_one(place, fields, task_id) for place, fields in zip(places, stored, strict=True)]
    _complete(histories, kinds=_KEPT)
    return _given(histories[0], histories[-1])


def _given(history: "_History", own_place: "_History") -> "tuple[Payload, KeptArguments]":
    """What one place says of a task's arguments and outcome, beside what the task's own place keeps."""
    ref = history.ref
    derived, life = history.tasks[0]
    known, own = life.facts, _kept(own_place)
    arguments = known.get((facts.ARGUMENTS, derived.nesting)) or _same_life(derived.published, own)
    result = known.get((facts.RESULT, derived.attempt))
    payload = Payload(
        args=capture.shown_arguments(derived.name, arguments) if arguments else None,
        result=redaction.capture_text(result).text if result else None,
        error=known.get((facts.ERROR, derived.attempt)),
        traceback=known.get((facts.TRACEBACK, derived.attempt)),
    )
    refs = own.refs if ref.label == TASK else (ref,)
    return payload, KeptArguments(derived.name, derived.state, arguments, refs)


@dataclass(frozen=True, slots=True)
class Account:
    """All that is kept of one task: itself as each object has it, and what it was given; None where nothing is."""

    found: Sequence[tuple[ObjectRef, TrackedTask]] = ()
    payload: Payload = field(default_factory=Payload)
    kept: "KeptArguments | None" = None

    def at(self, ref: ObjectRef) -> TrackedTask | None:
        """Return the task as this object has it."""
        return dict(self.found).get(ref)


def read_account(task_id: str, beside: ObjectRef | None = None) -> Account:
    """Return what ``find_task`` and ``read_kept`` do, each hash read once, in three round trips at most.

    An object ``beside`` that is likely to have the task spares the second one. Raises StoreUnavailable.
    """
    likely = [beside] if beside is not None else []
    refs, held = index.search(task_id, likely)
    refs = list(dict.fromkeys([*refs, *likely]))
    missing = [ref for ref in refs if ref not in held]
    if missing:
        held |= dict(zip(missing, recorder().ask(lambda store: store.read(missing)), strict=True))
    own = index.own_place(task_id)
    histories = {ref: _one(ref, held[ref], task_id) for ref in dict.fromkeys((*refs, own))}
    places = list(histories.values())
    starts = _complete(places, kinds=(*_LISTED, *_KEPT), hosts=_doubtful_hosts(places))
    known = [histories[ref] for ref in refs if _is_kept(*histories[ref].tasks[0], _oldest(ref))]
    found = [(history.ref, task) for history in known for task in _values(history, starts)]
    found = [place for place in found if place[0].label != TASK] or found
    return Account(found, *_given(histories[found[0][0]], histories[own])) if found else Account()


#: Kinds that are fetched for one task at a time.
_KEPT = (facts.NAME, facts.ARGUMENTS, facts.OBJECTS, facts.RESULT, facts.ERROR, facts.TRACEBACK)


def _one(place: ObjectRef, stored: Mapping[str, str | None], task_id: str) -> "_History":
    """What a place has of one task, if it is only nothing."""
    short = facts.short_id(task_id)
    life = facts.by_task(stored.items()).get(short, Life({}, {}))
    return _History(place, [(facts.derive(short, life), life)])


@dataclass(frozen=True, slots=True)
class KeptArguments:
    """What is kept of a task for running it again: the fact of its arguments, None where there is none, and what it
    belongs to."""

    name: str
    state: str
    arguments: str | None
    refs: tuple[ObjectRef, ...]
    published: int | None = None  # milliseconds since the epoch
    executions: int = 0

    @property
    def published_at(self) -> datetime | None:
        return facts.moment(self.published)


def read_kept_of_many(created: Mapping[str, int | None]) -> dict[str, KeptArguments]:
    """Return what is kept of many tasks by id, in six round trips at most. Raises StoreUnavailable.

    ``created`` says about when each was published, in milliseconds since the epoch, None where that is not known.
    """
    places = index.objects_wherever(created)
    wanted: dict[ObjectRef, set[str]] = {}
    for task_id, refs in places.items():
        for ref in dict.fromkeys((*refs[:1], *refs[-1:])):  # an object, and the task's own place if it failed
            wanted.setdefault(ref, set()).add(facts.short_id(task_id))
    refs = list(wanted)
    histories = []
    for ref, stored in zip(refs, recorder().ask(lambda store: store.read(refs)) if refs else (), strict=True):
        lives = facts.by_task(stored.items())
        tasks = [(facts.derive(short, lives[short]), lives[short]) for short in wanted[ref] if short in lives]
        histories.append(_History(ref, tasks))
    starts = _complete(histories, kinds=(facts.NAME, facts.ARGUMENTS, facts.OBJECTS), hosts=_doubtful_hosts(histories))
    found: dict[str, KeptArguments] = {}
    for history in sorted(histories, key=lambda history: history.ref.label == TASK):
        for place in range(len(history.tasks)):
            if (facts.PUBLISHED, 0) in history.tasks[place][1].facts:
                task_id = facts.long_id(history.tasks[place][0].short)
                found[task_id] = _together(found.get(task_id), _kept(history, place, starts), places[task_id])
    return found


def _kept(history: "_History", place: int = 0, starts: Mapping[str, int] | None = None) -> KeptArguments:
    """What one place keeps; a task's own place knows its objects by a fact."""
    derived, life = history.tasks[place]
    known = life.facts
    state = states.LOST if _is_lost(derived, starts or {}) else derived.state
    refs = tuple(index.objects_in(known.get((facts.OBJECTS, 0)) or "")) if history.ref.label == TASK else ()
    return KeptArguments(
        derived.name, state, known.get((facts.ARGUMENTS, derived.nesting)), refs, derived.published, derived.executions
    )


def _same_life(published: int | None, kept: KeptArguments) -> str | None:
    """The arguments that a task's own place keeps, unless they are of an earlier publish under its id."""
    return kept.arguments if published in (None, kept.published) else None


def _together(first: KeptArguments | None, kept: KeptArguments, places: Iterable[ObjectRef]) -> KeptArguments:
    """What an object says of a task, else its own place."""
    refs = tuple(ref for ref in places if ref.label != TASK) or kept.refs
    if first is None:
        return replace(kept, refs=refs)
    return replace(first, arguments=first.arguments or _same_life(first.published, kept), refs=refs)


def run_again_as(refs: Sequence[ObjectRef], task_id: str) -> list[str]:
    """Return the ids of these objects' tasks that are ``task_id`` once more, newest first. Raises StoreUnavailable."""
    tasks = [task for tasks in read_tasks(refs) for task in tasks if task.retry_of == task_id]
    return list(dict.fromkeys(task.id for task in tasks))


def note_revoke_requested(ref: ObjectRef, task_id: str) -> None:
    """Remember that somebody asked for a task to be revoked, whether or not a worker is there to hear it."""
    note_revokes_requested({task_id: [ref]})


def note_revokes_requested(places: Mapping[str, Iterable[ObjectRef]]) -> None:
    """Remember the same of many tasks in one write: ``places`` are the objects of each, by its id."""
    now = str(now_ms())
    noted: dict[ObjectRef, dict[str, str]] = {}
    for task_id, refs in places.items():
        for ref in refs:
            noted.setdefault(ref, {})[facts.field(task_id, facts.REVOKE_REQUESTED)] = now
    recorder().record(list(noted.items()))


def revoke_noted_at(task_id: str) -> datetime | None:
    """Return when a task that belongs to no object was last asked to be revoked. Raises StoreUnavailable."""
    (stored,) = recorder().ask(lambda store: store.read([index.revoke_place(task_id)]))
    try:
        return facts.requested_at(stored.get(facts.field(task_id, facts.REVOKE_REQUESTED)))
    except (ValueError, OverflowError, OSError):  # a time beyond what a datetime holds: not ours
        return None


@dataclass(frozen=True, slots=True)
class _History:
    ref: ObjectRef
    tasks: list[tuple[Derived, Life]] = field(default_factory=list)

    def field(self, place: int, key: Key) -> str:
        derived, life = self.tasks[place]
        return life.field(derived.short, key)


def _history(ref: ObjectRef, stored: Mapping[str, str | None], limit: int | None) -> _History:
    oldest = _oldest(ref)
    lives = facts.by_task(stored.items()).items()
    tasks = [task for short, life in lives if _is_kept(*(task := (facts.derive(short, life), life)), oldest)]
    tasks.sort(key=_age, reverse=True)
    return _History(ref, tasks[:limit])


def _oldest(ref: ObjectRef) -> int:
    return now_ms() - lifetime(ref) * 1000


def _is_kept(derived: Derived, life: Life, oldest: int) -> bool:
    """Every event says when it was published; a request to revoke alone makes no task."""
    return (facts.PUBLISHED, 0) in life.facts and derived.newest > oldest


def _age(task: tuple[Derived, Life]) -> tuple[int, str]:
    derived, _life = task
    first = derived.published or (derived.started.at if derived.started else None) or derived.newest
    return first, derived.short


def _doubtful_hosts(histories: Sequence[_History]) -> set[str]:
    """The workers whose tasks have run for long enough that they may be gone."""
    doubtful = now_ms() - BEAT_COUNTS * 1000
    return {
        derived.started.hostname
        for history in histories
        for derived, _ in history.tasks
        if derived.state == states.STARTED and derived.started and derived.started.at < doubtful
    }


def _complete(
    histories: Sequence[_History], *, kinds: Sequence[str] = _LISTED, hosts: Collection[str] = ()
) -> dict[str, int]:
    """Fetch the long values of ``kinds`` and the starts of the workers ``hosts``, in one round trip."""
    wanted = _wanted(histories, kinds)
    if not wanted and not hosts:
        return {}
    fields = [(history.ref, history.field(place, key)) for history, place, key in wanted]
    values, starts = recorder().ask(lambda store: store.look_up(fields, sorted(hosts)))
    for (history, place, key), value in zip(wanted, values, strict=True):
        derived, life = history.tasks[place]
        life.facts[key] = value
        history.tasks[place] = (facts.derive(derived.short, life), life)
    return starts


def _wanted(histories: Iterable[_History], kinds: Collection[str]) -> list[tuple[_History, int, Key]]:
    """The long values of these kinds that are not fetched yet: history, place of the task in it, fact."""
    return [
        (history, place, key)
        for history in histories
        for place, (_, life) in enumerate(history.tasks)
        for key, value in life.facts.items()
        if value is None and key[0] in kinds
    ]


def _values(history: _History, starts: dict[str, int]) -> Iterator[TrackedTask]:
    for derived, life in history.tasks:
        try:
            yield facts.tracked_task(
                derived,
                life,
                label=registry.label(derived.name, history.ref.label),
                lost=_is_lost(derived, starts),
            )
        except (ValueError, OverflowError, OSError):  # a time beyond what a datetime holds: not ours
            counters.add("errors")
            logger.debug("A stored task of %s cannot be read", history.ref, exc_info=True)


def _is_lost(derived: Derived, starts: Mapping[str, int]) -> bool:
    """Whether the worker that started it is gone: no sign of life, or it began again after the task did."""
    started = derived.started
    if derived.state != states.STARTED or started is None or started.at >= now_ms() - BEAT_COUNTS * 1000:
        return False
    return starts.get(started.hostname, now_ms()) > started.at
