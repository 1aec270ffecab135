"""From a task's id to its objects; ``newest`` goes from now back through the same.

The index is kept in the store like one more object a slot of time and shard of ids, so it needs nothing more of a
store. Small shards keep Redis's compact encoding; slots make the newest tasks quick to find and old ones expire. An
entry ends with when its task was published, so that of a slot only what is new needs to be read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, unquote
from zlib import crc32

from ..conf import conf, whole_seconds
from . import facts, workflows
from .recorder import recorder
from .refs import ObjectRef
from .stamp import now_ms
from .store import INDEX, REVOKE, TASK, WORKFLOW

#: Slots of time that ``RETENTION`` is cut into, and shards of each.
SLOTS: Final = 12
SHARDS: Final = 64
#: Milliseconds by which a task's publish may lie before and after the time at which it was asked for.
EARLIER: Final = 60_000
LATER: Final = 600_000

#: Characters of a time in an entry, behind which there are years.
LONGEST_TIME: Final = 10

#: Ends the names of what says where steps are that are not published yet or belong to no object, and groups.
STEPS_MARK: Final = "w"

Entry = tuple[ObjectRef, dict[str, str]]
#: What a store has of one place; None stands for a long value.
Fields = Mapping[str, str | None]


def entry(
    task_id: str, refs: Iterable[ObjectRef], published: int | None, workflow: str = "", found_since: int | None = None
) -> Entry:
    """Return what makes a task findable: ``published`` in milliseconds since the epoch, None for now.

    ``workflow`` is which one it is part of, empty for none, and ``found_since`` when it is made findable, where it was
    published long before.
    """
    length, at = slot_length(), now_ms() if published is None else published
    slot = (at if found_since is None else found_since) // length
    if workflow:
        refs = [*refs, ObjectRef(WORKFLOW, facts.short_id(workflow.removeprefix("!")))]
    return place_at(slot, _shard(task_id)), {facts.short_id(task_id): f"{text_of(refs)},{at - slot * length:x}"}


def is_far(moment: int | None) -> bool:
    """Return whether what was made findable then, in milliseconds since the epoch, is so for much less long than what
    is made so now."""
    return moment is not None and now_ms() // slot_length() - moment // slot_length() > 1


def to_come(ids: Iterable[str], workflow: str, published: int | None) -> list[Entry]:
    """Return what makes steps of a workflow findable that are not published yet, and groups: apart from what is."""
    places: dict[ObjectRef, dict[str, str]] = {}
    for place, fields in (step(task_id, workflow, published) for task_id in ids):
        places.setdefault(place, {}).update(fields)
    return list(places.items())


def step(task_id: str, workflow: str, published: int | None) -> Entry:
    """Return what makes one findable that belongs to no object: where the newest tasks are looked for it is not."""
    slot = (now_ms() if published is None else published) // slot_length()
    return _steps_place(slot, _shard(task_id)), {facts.short_id(task_id): facts.short_id(workflows.bare(workflow))}


def workflow_of(task_id: str, beside: Sequence[ObjectRef] = ()) -> tuple[str, list[ObjectRef], dict[ObjectRef, Fields]]:
    """Return the workflow that a task, published or to come, is part of, empty for none; its objects; and what the
    places ``beside`` hold.

    One round trip, and a second one for a task of many objects. Raises StoreUnavailable.
    """
    places, short = _places_of(task_id), facts.short_id(task_id)
    asked = [*((place, (short,)) for place in places), *((ref, ()) for ref in beside)]
    kept = recorder().ask(lambda store: store.read_fields(asked))
    held: dict[ObjectRef, Fields] = dict(zip(beside, kept[len(places) :], strict=True))
    texts = {place: stored[short] for place, stored in zip(places, kept, strict=False) if short in stored}
    for place, part in texts.items():
        refs, workflow = _told_by(place, short, part)
        return workflow, refs, held
    return "", [], held


def _places_of(task_id: str) -> list[ObjectRef]:
    """Return all places where an id may be found; what is published comes before what is to come."""
    shard, slots = _shard(task_id), list(kept_slots())
    return [*(place_at(slot, shard) for slot in slots), *(_steps_place(slot, shard) for slot in slots)]


def _told_by(place: ObjectRef, short: str, part: str | None) -> tuple[list[ObjectRef], str]:
    """Return the objects of a task and its workflow, as a place has them."""
    text = _whole(place, short, part)
    if place.pk.endswith(STEPS_MARK):
        return [], facts.id_in(text)
    return objects_in(text), workflow_in(text)


def objects_of(task_id: str) -> list[ObjectRef]:
    """Return the objects of a task, its own before inherited ones. Raises StoreUnavailable.

    ``own_place`` comes last, when the task failed.
    """
    return search(task_id).refs


class Search(NamedTuple):
    """The objects of a task, what was read beside them, and the workflow that it is part of, empty for none."""

    refs: list[ObjectRef]
    held: dict[ObjectRef, Fields]
    workflow: str


def search(task_id: str, beside: Sequence[ObjectRef] = ()) -> Search:
    """Return a task's objects and workflow, and what ``own_place`` and the places ``beside`` hold.

    Raises StoreUnavailable.
    """
    along = [own_place(task_id), *beside]
    places = _places_of(task_id)
    wanted, root = facts.short_id(task_id), ObjectRef(WORKFLOW, task_id)
    asked = [*((place, (wanted,)) for place in places), *((ref, ()) for ref in along), (root, (workflows.HERE,))]
    kept = recorder().ask(lambda store: store.read_fields(asked))
    held: dict[ObjectRef, Fields] = dict(zip(along, kept[len(places) : -1], strict=True))
    last = along[:1] if held[along[0]] else []
    own = task_id if kept[-1] else ""
    for place, stored in zip(places, kept, strict=False):
        if wanted in stored:
            refs, workflow = _told_by(place, wanted, stored[wanted])
            return Search([*refs, *last], held, workflow or own)
    return Search(last, held, own)


def own_place(task_id: str) -> ObjectRef:
    """Return where what it takes to run a task again is kept when it fails, whatever it belongs to."""
    return ObjectRef(TASK, task_id)


def revoke_place(task_id: str) -> ObjectRef:
    """Return where it is kept that a task which belongs to no object was asked to be revoked."""
    return ObjectRef(REVOKE, task_id)


def objects_of_many(
    published: Mapping[str, int], seen: Mapping[str, int] | None = None, *, succeeded: Collection[str] = ()
) -> dict[str, list[ObjectRef]]:
    """Return the objects of those of many tasks that are known, by id. Raises StoreUnavailable.

    ``published`` says for each when it was sent, give or take minutes, in milliseconds since the epoch, and ``seen`` of
    others when they were heard of, after they had waited for a while. A task that ``succeeded`` has no place of its own
    that says more. One round trip, and a second one when one of them has more objects than a short value names.
    """
    slots = _Slots()
    near = {task_id: slots.before(at) for task_id, at in (seen or {}).items()}
    near |= {task_id: slots.around(at) for task_id, at in published.items()}
    return _search(near, alone=near.keys() - set(succeeded))


def objects_wherever(created: Mapping[str, int | None], *, with_own: bool = True) -> dict[str, list[ObjectRef]]:
    """Return the objects of tasks by id, sent any time before ``created``, None when that is not known either.

    Without ``with_own`` their own places are not looked for.
    """
    slots = _Slots()
    near = {task_id: slots.before(at) for task_id, at in created.items()}
    objects = _search(near, alone=created if with_own else ())
    far = {task_id: slots.all_but(near[task_id]) for task_id in created if task_id not in objects}
    return objects | _search(far)


def _search(slots_of: Mapping[str, Collection[int]], *, alone: Iterable[str] = ()) -> dict[str, list[ObjectRef]]:
    """Look for each id in its shard of these slots, and for those of ``alone`` under themselves, which comes last."""
    wanted: dict[ObjectRef, list[str]] = {}
    for task_id, slots in slots_of.items():
        shard = _shard(task_id)
        for slot in slots:
            wanted.setdefault(place_at(slot, shard), []).append(task_id)
    own = [own_place(task_id) for task_id in alone]
    asked = [*((place, list(map(facts.short_id, ids))) for place, ids in wanted.items()), *((ref, ()) for ref in own)]
    kept = recorder().ask(lambda store: store.read_fields(asked)) if asked else []
    texts: dict[str, tuple[ObjectRef, str | None]] = {}
    for place, stored in zip(wanted, kept, strict=False):
        for task_id in wanted[place] if stored else ():
            if (name := facts.short_id(task_id)) in stored:
                texts.setdefault(task_id, (place, stored[name]))
    objects = {task_id: objects_in(text) for task_id, text in _completed(texts).items()}
    for place, stored in zip(own, kept[len(wanted) :], strict=True):
        if stored:
            objects.setdefault(place.pk, []).append(place)
    return objects


def _completed(texts: Mapping[str, tuple[ObjectRef, str | None]]) -> dict[str, str]:
    """Fetch the long values, in one round trip when there are any."""
    long = {task_id: (place, facts.short_id(task_id)) for task_id, (place, text) in texts.items() if text is None}
    values = recorder().ask(lambda store: store.look_up(list(long.values())))[0] if long else []
    whole = dict(zip(long, values, strict=True))
    return {task_id: whole.get(task_id) or "" if text is None else text for task_id, (_place, text) in texts.items()}


def kept_slots() -> Iterator[int]:
    """Newest first, with one more at either end: clocks differ, and the oldest slot is not over yet."""
    last = now_ms() // slot_length() + 1
    return iter(range(last, last - SLOTS - 3, -1))


class _Slots:
    """In which slots a task may be, from when it is known."""

    def __init__(self) -> None:
        self.length, self.all = slot_length(), list(kept_slots())

    def all_but(self, slots: Collection[int]) -> list[int]:
        return [slot for slot in self.all if slot not in slots]

    def around(self, moment: int) -> range:
        """Those of a task that was asked for then: sent a little later, by a clock that may differ."""
        earliest, latest = (moment - EARLIER) // self.length, (moment + LATER) // self.length
        return range(max(earliest, self.all[-1]), min(latest, self.all[0]) + 1)

    def before(self, moment: int | None) -> range:
        """Those in which a task is likely to be that was seen then: it may have waited for a while."""
        if moment is None:
            return range(0)
        slot = moment // self.length
        return range(min((moment + LATER) // self.length, slot + 1), slot - 2, -1)


def slot_length() -> int:
    """Return the milliseconds of one."""
    return _length_of(conf.RETENTION)


@lru_cache(maxsize=16)
def _length_of(retention: float | timedelta) -> int:
    return max(1000, whole_seconds(retention) * 1000 // SLOTS)


def _shard(task_id: str) -> int:
    return crc32(task_id.encode("utf-8", "surrogatepass")) % SHARDS


@lru_cache(maxsize=4 * SLOTS * SHARDS)
def place_at(slot: int, shard: int) -> ObjectRef:
    """Return where a part of a slot's tasks lies."""
    return ObjectRef(INDEX, f"{slot}-{shard}")


@lru_cache(maxsize=4 * SLOTS * SHARDS)
def _steps_place(slot: int, shard: int) -> ObjectRef:
    return ObjectRef(INDEX, f"{slot}-{shard}{STEPS_MARK}")


def _whole(place: ObjectRef, name: str, text: str | None) -> str:
    """A long value is kept apart, and few are."""
    if text is not None:
        return text
    values, _beats = recorder().ask(lambda store: store.look_up([(place, name)]))
    return values[0] or ""


def text_of(refs: Iterable[ObjectRef]) -> str:
    """Return objects as one text."""
    return ",".join(map(_text, refs))


def _text(ref: ObjectRef) -> str:
    pk = ref.pk if ref.pk.isalnum() and ref.pk.isascii() else quote(ref.pk, safe="", errors="surrogatepass")
    return f"{ref.label} {pk}"  # a label is two identifiers


def objects_in(text: str) -> list[ObjectRef]:
    """Return the objects that ``text_of`` wrote, or ``entry``."""
    return [ref for ref in _refs_in(text) if ref.label != WORKFLOW]


def time_in(text: str, begin: int) -> int | None:
    """Return when the task of an entry was published, in milliseconds since the epoch, as its slot's ``begin``.

    None where an older version wrote it.
    """
    time = text[text.rfind(",") + 1 :]
    try:
        return int(time, 16) + begin if len(time) <= LONGEST_TIME else None
    except ValueError:
        return None


def workflow_in(text: str) -> str:
    """Return the workflow that ``entry`` wrote, empty for none."""
    return (
        next((facts.id_in(ref.pk) for ref in _refs_in(text) if ref.label == WORKFLOW), "") if WORKFLOW in text else ""
    )


def _refs_in(text: str) -> Iterator[ObjectRef]:
    for part in text.split(","):
        label, space, pk = part.partition(" ")
        if space:  # the last one may be a time
            yield ObjectRef(label, unquote(pk, errors="surrogatepass"))
