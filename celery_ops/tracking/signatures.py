"""What a task's signature says of its parameters."""

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Sensitive:
    """Marks a parameter whose value is never stored or shown: ``card: Annotated[str, Sensitive()]``."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a task, without a bound task's ``self``; annotations are resolved where they can be.

    ``unresolved`` are the parameters whose annotation names what cannot be found.
    """

    positional: tuple[str, ...] = ()
    first: str | None = None  # of any kind that has a name
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[inspect.Parameter, ...] = ()
    sensitive: frozenset[str] = frozenset()
    unresolved: frozenset[str] = frozenset()


def signature_of(task: Any) -> Signature | None:
    """Return the signature of a task, or None when it has none that Python can tell."""
    try:
        run = task.run
        parameters = tuple(inspect.signature(run).parameters.values())
    except (TypeError, ValueError, ImproperlyConfigured):
        return None
    annotations, unresolved = _resolved(run, parameters)
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Signature(
        positional=tuple(p.name for p in named if p.kind is not p.KEYWORD_ONLY),
        first=named[0].name if named else None,
        required=frozenset(p.name for p in named if p.default is p.empty),
        defaults={p.name: p.default for p in named if p.default is not p.empty},
        annotations=annotations,
        parameters=parameters,
        sensitive=frozenset(name for name, annotation in annotations.items() if is_sensitive(annotation)),
        unresolved=unresolved,
    )


def is_sensitive(annotation: Any) -> bool:
    """Return whether ``Sensitive()`` or ``Sensitive`` is among what an ``Annotated`` says, at its top or in a union."""
    if any(isinstance(each, Sensitive) or each is Sensitive for each in getattr(annotation, "__metadata__", ())):
        return True
    return any(is_sensitive(each) for each in typing.get_args(annotation) if hasattr(each, "__metadata__"))


def _resolved(run: Any, parameters: tuple[inspect.Parameter, ...]) -> tuple[dict[str, Any], frozenset[str]]:
    """Evaluate annotations that are text, each on its own: one that names nothing known spoils no other."""
    raw = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    names = getattr(inspect.unwrap(getattr(run, "__func__", run)), "__globals__", {})
    found, unresolved = {}, set()
    for name, annotation in raw.items():
        holder = type("Holder", (), {"__annotations__": {name: annotation}})
        try:
            found[name] = typing.get_type_hints(holder, globalns=names, include_extras=True)[name]
        except Exception:  # whatever a site's annotation raises
            found[name] = annotation
            unresolved.add(name)
    return found, frozenset(unresolved)
