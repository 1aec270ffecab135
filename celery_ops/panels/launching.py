"""Which of an object's tasks a person may launch from its panel, and with which arguments."""

from collections.abc import Iterator
from functools import lru_cache
from inspect import Parameter
from typing import Any
from uuid import UUID

from celery.app.task import Task
from django.db.models import Model

from ..conf import conf
from ..permissions import RUN_TASK, Asking
from ..running.allowlist import options_of
from ..tracking.registry import humanised, registry
from ..tracking.signatures import Signature
from ..tracking.task_bindings import FromModel, TaskBinding
from .page import Choice


def launchable(instance: Model, user: Any) -> Iterator[tuple[Task, TaskBinding]]:
    """Yield the tasks that ``user`` may launch for ``instance``: tracked for its model, not hidden, and granted."""
    tasks, policy = conf.celery_app.tasks, Asking(user)
    seen = set()
    for name, binding in registry.for_model(instance.__class__):
        if name in seen or binding.hidden or name not in tasks or name.startswith("celery."):
            continue
        if _is_offered(binding, registry.signature(name), instance) and policy.allows(RUN_TASK, name):
            seen.add(name)
            yield tasks[name], binding


def launch_choices(instance: Model, user: Any) -> tuple[Choice, ...]:
    """Return the options of a panel's launch menu for ``user``."""
    return tuple(
        _choice(task.name, str(binding.label), task.__doc__ or "", asks=bool(options_of(task.name).get("confirm")))
        for task, binding in launchable(instance, user)
    )


@lru_cache(maxsize=1024)  # each poll offers the same ones
def _choice(name: str, label: str, doc: str, *, asks: bool) -> Choice:
    summary = doc.strip().partition("\n")[0][:200]
    return Choice(name, label or humanised(name), description=summary, asks=asks)


def launch_arguments(name: str, binding: TaskBinding, instance: Model) -> tuple[list[Any], dict[str, Any]]:
    """Return what the task is launched with. Raises MissingRelatedObject when the object cannot supply it."""
    kwargs = {key: _value(value, instance) for key, value in (binding.launch_kwargs or {}).items()}
    if binding.launch_args is not None:
        return [_value(value, instance) for value in binding.launch_args], kwargs
    signature = registry.signature(name)
    parameter = _pk_parameter(binding, signature)
    if parameter is None or parameter in kwargs:
        return [], kwargs
    key = _pk(instance, signature, parameter)
    if _goes_by_position(parameter, signature):
        return [key], kwargs
    return [], {**kwargs, parameter: key}


def _goes_by_position(parameter: str, signature: Signature | None) -> bool:
    """Whether Python takes it by position alone: Celery would send it by name, and the task fail in the worker."""
    if signature is None or signature.first != parameter:
        return False
    return signature.parameters[0].kind is Parameter.POSITIONAL_ONLY


def _is_offered(binding: TaskBinding, signature: Signature | None, instance: Model) -> bool:
    if binding.launch_args is not None:
        return True
    if signature is None:
        return False
    given = set(binding.launch_kwargs or ())
    parameter = _pk_parameter(binding, signature)
    if parameter is not None and not isinstance(instance.pk, tuple):
        given.add(parameter)
    return bool(given) and signature.required <= given


def _pk_parameter(binding: TaskBinding, signature: Signature | None) -> str | None:
    """The parameter that takes the primary key, where the binding says which one that is."""
    query = binding.id_query
    if isinstance(query, str):
        return query
    if query is None:
        return signature.first if signature else None
    if not callable(query) and len(query) == 1:
        lookup = next(iter(query))
        if lookup in ("pk", binding.model_class._meta.pk.name):
            return query[lookup] if isinstance(query, dict) else lookup
    return None


def _pk(instance: Model, signature: Signature | None, parameter: str) -> Any:
    """Numbers as they are, a UUID too where the task asks for one; anything else as the text that JSON carries."""
    wanted = signature.annotations.get(parameter) if signature else None
    if isinstance(instance.pk, int) or (isinstance(instance.pk, UUID) and wanted is UUID):
        return instance.pk
    return str(instance.pk)


def _value(value: Any, instance: Model) -> Any:
    return value.resolve(instance) if isinstance(value, FromModel) else value
