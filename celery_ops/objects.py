"""The site's own objects that tasks belong to: what they are called, and the tasks of those that a text names."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.models import Field, IntegerField, Model
from django.utils.translation import get_language

from .backends.caching import Shared
from .exceptions import StoreUnavailable
from .formatting import clean
from .logs import get_logger
from .models import TaskRunRecord
from .permissions import VIEW_INSTANCE, VIEW_OPS, allows
from .tracking import newest, prefix, reading
from .tracking.refs import ObjectRef, key_of
from .tracking.registry import registry
from .tracking.store import TASK
from .tracking.task_bindings import describe

logger = get_logger("celery_ops.details")

#: Characters of an object's name.
LONGEST_NAME: Final = 200
#: Of so many tracked tasks, and of so many rows of the journal, the newest ones, the objects are found by their names.
NEWEST: Final = 1000
#: Characters of the shortest part of a name that is looked for.
SHORTEST_PART: Final = 3
#: Objects that one text may mean, and tasks of theirs.
MOST_OBJECTS: Final = 50
MOST_TASKS: Final = 1000
#: Seconds for which the names of objects serve every viewer.
SHARED_FOR: Final = 10.0

#: What a label or a key may be answered with that no longer means anything here.
_UNREADABLE = (LookupError, TypeError, ValueError, OverflowError, ValidationError, DatabaseError)


# -- what they are called ---------------------------------------------------------------------------------------------


def name_of(instance: Model) -> str:
    """Return what the site calls an object: its ``str()``, or its model and key where that fails or says nothing."""
    text = ""
    if type(instance).__str__ is not Model.__str__:
        try:
            text = clean(str(instance), LONGEST_NAME).strip()
        except Exception as error:  # the site's own code: its object is only called by its key
            logger.debug("%s has no name: %r", describe(instance), error)
    return text or clean(describe(instance), LONGEST_NAME)


def names_of(instances: Iterable[Model]) -> list[str]:
    """Return what the site calls many objects: one whose ``str()`` would ask the database is called by its key."""
    with _without_queries():
        return [name_of(instance) for instance in instances]


def visible_names(refs: Iterable[ObjectRef], user: Any) -> dict[ObjectRef, tuple[str, Model | None]]:
    """Return the names of those objects that ``user`` may see, with the objects: one query for each model.

    One that is gone is called by its model and key, for those who may see the operations pages, and is None.
    """
    wanted = list(dict.fromkeys(refs))
    read = _read(wanted)
    seen = {ref: instance for ref, instance in read.items() if instance and allows(user, VIEW_INSTANCE, instance)}
    gone = [ref for ref, instance in read.items() if instance is None] if allows(user, VIEW_OPS) else []
    named = {ref: (name, seen[ref]) for ref, name in zip(seen, names_of(seen.values()), strict=True)}
    return {ref: named.get(ref) or (_key_name(ref), None) for ref in wanted if ref in named or ref in gone}


class _Refused(Exception):
    """A name is not worth a query for each object."""


@contextlib.contextmanager
def _without_queries() -> Iterator[None]:
    def refuse(*_args: Any) -> Any:
        raise _Refused("its __str__ asks the database")

    with contextlib.ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            stack.enter_context(connection.execute_wrapper(refuse))
        yield


def _read(refs: Iterable[ObjectRef]) -> dict[ObjectRef, Model | None]:
    """Return the objects, None for one that is gone; those of a model that cannot be read are left out."""
    read: dict[ObjectRef, Model | None] = {}
    by_label: dict[str, list[ObjectRef]] = {}
    for ref in refs:
        by_label.setdefault(ref.label, []).append(ref)
    for label, of_model in by_label.items():
        with contextlib.suppress(*_UNREADABLE):
            read |= _instances(apps.get_model(label), of_model)
    return read


def _instances(model: type[Model], refs: list[ObjectRef]) -> dict[ObjectRef, Model | None]:
    keys = {ref: key for ref in refs if (key := _key(model, ref)) is not None}
    near = [field.name for field in model._meta.fields if _is_beside(model, field)]  # what a name is often made of
    rows = model._base_manager.select_related(*near) if near else model._base_manager
    instances = {instance.pk: instance for instance in rows.filter(pk__in=list(keys.values()))} if keys else {}
    return {ref: instances.get(key) for ref, key in keys.items()}


def _is_beside(model: type[Model], field: "Field[Any, Any]") -> bool:
    """Whether a field leads to what can be read with the row: no database joins what another one has."""
    related = field.related_model if field.is_relation else None
    return related is not None and router.db_for_read(related) == router.db_for_read(model)


def _key(model: type[Model], ref: ObjectRef) -> Any:
    """The primary key as the model has it, None when it cannot be one."""
    try:
        field, key = model._meta.pk, key_of(model, ref.pk)
        parts = getattr(field, "fields", None)  # a CompositePrimaryKey names its fields
        if parts is None:
            return _value(field, key)
        return tuple(_value(part, value) for part, value in zip(parts, key, strict=True))
    except _UNREADABLE:
        return None


def _value(field: "Field[Any, Any]", text: Any) -> Any:
    """The value as the column holds it. Raises OverflowError for a number that it has no room for."""
    value = field.to_python(text)
    if isinstance(field, IntegerField) and isinstance(value, int):
        using = connections[router.db_for_read(field.model)]
        low, high = using.ops.integer_field_range(field.get_internal_type())
        if (low is not None and value < low) or (high is not None and value > high):
            raise OverflowError("too large a number for the column")
    return value


def _key_name(ref: ObjectRef) -> str:
    return clean(f"{apps.get_model(ref.label)._meta.verbose_name} {ref.pk}", LONGEST_NAME)


# -- their tasks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObjectTasks:
    """The ids of the tasks of objects; ``is_partial`` says that the names of older objects were not looked at."""

    ids: tuple[str, ...] = ()
    is_partial: bool = False


def tasks_of(text: str, user: Any) -> ObjectTasks:
    """Return the tasks of the objects that a text means and ``user`` may see: by ``order 8``, ``shop.order:8`` or a
    part of the name. A store or a database that is away knows none."""
    try:
        named, is_partial = _named(text)
        refs = list(visible_names([*_keyed(text), *named], user))[:MOST_OBJECTS]
        tracked = [task.id for task in chain.from_iterable(reading.read_tasks(refs) if refs else ())]
        return ObjectTasks(tuple(dict.fromkeys([*tracked, *_run_by_hand(refs)]))[:MOST_TASKS], is_partial)
    except (StoreUnavailable, DatabaseError) as error:
        logger.warning("The tasks of objects cannot be searched: %s", error)
        return ObjectTasks()


def _keyed(text: str) -> Iterator[ObjectRef]:
    """Yield the objects that the text names by their model and key."""
    for model in registry.models():
        meta = model._meta
        for name in (meta.label_lower, str(meta.model_name), str(meta.verbose_name).lower()):
            before, key = text[: len(name)].lower(), text[len(name) :]
            if before == name and key[:1] in (":", " ", "#"):
                with contextlib.suppress(ValueError):
                    yield ObjectRef.build(model, key.strip(": #"))


def _named(text: str) -> tuple[list[ObjectRef], bool]:
    if len(text) < SHORTEST_PART:
        return [], False
    names, is_partial = _names.get((prefix.current(), get_language()), _read_names)
    wanted = text.lower()
    return [ref for ref, name in names if wanted in name][:MOST_OBJECTS], is_partial


_names: Shared[tuple[list[tuple[ObjectRef, str]], bool]] = Shared(SHARED_FOR)


def forget() -> None:
    """Keep no names."""
    _names.forget()


def _read_names() -> tuple[list[tuple[ObjectRef, str]], bool]:
    rows = TaskRunRecord.objects.exclude(object_type="").order_by("-pk").values_list("object_type", "object_id")
    recorded = [ObjectRef(label, key) for label, key in rows[:NEWEST]]
    tracked = newest.newest_tasks(NEWEST)
    refs = chain(*(tracked or {}).values(), recorded)
    read = _read(dict.fromkeys(ref for ref in refs if ref.label != TASK))
    seen = {ref: instance for ref, instance in read.items() if instance is not None}
    names = [name.lower() for name in names_of(seen.values())]
    is_partial = tracked is None or len(tracked) >= NEWEST or len(recorded) >= NEWEST
    return list(zip(seen, names, strict=True)), is_partial


def _run_by_hand(refs: Iterable[ObjectRef]) -> list[str]:
    task_ids: list[str] = []
    for ref in refs:
        rows = TaskRunRecord.objects.filter(object_type=ref.label, object_id=ref.pk).order_by("-pk")
        task_ids += rows.values_list("task_id", flat=True)[:MOST_TASKS]
    return task_ids
