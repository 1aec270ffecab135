"""From a task's arguments to the objects that it belongs to."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from django.core.exceptions import SynchronousOnlyOperation, ValidationError
from django.db import Error as DatabaseError
from django.db import router, transaction
from django.db.models import Model

from ..databases import has_copy, shielded
from ..logs import get_logger
from . import capture, counters
from .refs import ObjectRef
from .registry import registry
from .signatures import Signature
from .task_bindings import TaskBinding

logger = get_logger("celery_ops.tracking")

_MISSING = object()


class Undecided(Exception):
    """This process cannot tell; the worker, who knows the task and a fresh connection, may."""


def resolve(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepended: int = 0) -> list[ObjectRef]:
    """Return the objects that a task named ``name`` with these arguments is bound to, without duplicates.

    ``prepended`` counts leading arguments that a previous chain step's result put there: ``id_query=None`` never takes
    one for a primary key. Raises Undecided when the task or the database is not at hand.
    """
    bindings = registry.bindings(name)
    if not bindings:
        return []
    refs: dict[ObjectRef, None] = {}
    for binding in bindings:
        try:
            ref = _resolve_one(binding, name, args, kwargs, prepended)
        except Undecided:
            raise
        except (ValueError, LookupError, TypeError, ValidationError) as error:
            counters.add("unlinked")
            if logger.isEnabledFor(logging.DEBUG):
                reason = capture.error(error, capture.secrets(name, args, kwargs))
                logger.debug("%s is not linked to %s: %s", name, binding.model, reason)
        else:
            if ref is not None:
                refs[ref] = None
    return list(refs)


def _resolve_one(
    binding: TaskBinding, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], prepended: int
) -> ObjectRef | None:
    query, model, given = binding.id_query, binding.model_class, tuple(args)
    if query is None and given:  # as most are
        return None if prepended or given[0] is None else ObjectRef.build(model, given[0])
    named, signature = dict(kwargs), registry.signature(name)
    if query is None or isinstance(query, str):
        value = _argument(query, signature, given, named) if query else _first(signature, named)
        return None if value is _MISSING or value is None else ObjectRef.build(model, value)
    if callable(query):
        return _from_callable(query, model, given, named)
    wanted = query if isinstance(query, Mapping) else {name: name for name in query}
    values = {lookup: _argument(argument, signature, given, named) for lookup, argument in wanted.items()}
    if any(value is _MISSING for value in values.values()):
        return None
    if len(values) == 1:
        (lookup, value) = next(iter(values.items()))
        if lookup in ("pk", model._meta.pk.name):
            return ObjectRef.build(model, value)
    return _look_up(model, values)


def _first(signature: Signature | None, kwargs: dict[str, Any]) -> Any:
    if signature is None:
        raise Undecided
    return _argument(signature.first, signature, (), kwargs) if signature.first else _MISSING


def _argument(name: str, signature: Signature | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if name in kwargs:
        return kwargs[name]
    if signature is None:
        raise Undecided
    if name in signature.positional:
        position = signature.positional.index(name)
        if position < len(args):
            return args[position]
    return signature.defaults.get(name, _MISSING)


def _from_callable(query: Any, model: type[Model], args: tuple[Any, ...], kwargs: dict[str, Any]) -> ObjectRef | None:
    try:
        with shielded():
            value = query(args, kwargs)
    except (DatabaseError, SynchronousOnlyOperation) as error:
        raise Undecided from error
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        raise ValueError(f"its id_query raised {type(error).__name__}: {error}") from error
    if value is None:
        return None
    if isinstance(value, Model):
        if value._meta.concrete_model is not model:
            raise ValueError(f"its id_query returned a {type(value).__name__}")
        return ObjectRef.of(value)
    return ObjectRef.build(model, value)


def _look_up(model: type[Model], values: Mapping[str, Any]) -> ObjectRef | None:
    """Ask the database for the one object. One that a copy does not have yet, where that is read, the writer has."""
    keys = _keys(model, values, router.db_for_read(model))
    if not keys and has_copy(model):
        with suppress(Undecided, ValueError):  # a model may be one that is only read here
            keys = _keys(model, values, router.db_for_write(model))
    if len(keys) > 1:
        raise ValueError(f"its id_query matches more than one {model._meta.verbose_name}")
    if not keys:
        raise LookupError(f"its id_query matches no {model._meta.verbose_name}")
    return ObjectRef.build(model, keys[0])


def _keys(model: type[Model], values: Mapping[str, Any], using: str) -> list[Any]:
    """Ask one database for two of them at most; inside the host's transaction a savepoint shields it from a failure."""
    connection = transaction.get_connection(using)
    if connection.in_atomic_block and connection.needs_rollback:
        raise Undecided
    shield = transaction.atomic(using=using) if connection.in_atomic_block else nullcontext()
    try:
        with shield:
            return list(model._base_manager.using(using).filter(**values).values_list("pk", flat=True)[:2])
    except (DatabaseError, SynchronousOnlyOperation) as error:
        raise Undecided from error
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:
        raise ValueError(f"its id_query could not be looked up: {type(error).__name__}: {error}") from error
