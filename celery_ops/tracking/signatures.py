"""What a task's signature says of its parameters."""

import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MethodType
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from .django_tasks import function_of

Parameters = tuple[inspect.Parameter, ...]

VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
#: Whose decorators hand on what they get: ``autoretry_for``, ``pydantic=True``, ``transaction.atomic`` and their like.
FAITHFUL: Final = frozenset(("celery", "contextlib"))
#: Names in an annotation that is text.
WORDS: Final = re.compile(r"\w+")
#: Annotations inside one another: an alias may hold itself.
DEEPEST: Final = 10
#: Decorators that are looked through, and positions that get a name.
MOST_LAYERS: Final = 20
MOST_POSITIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Sensitive:
    """Marks a parameter whose value is never stored or shown: ``card: Annotated[str, Sensitive()]``."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a task, without a bound task's ``self``; annotations are resolved where they can be.

    Of decorators, the outermost counts: Celery calls it. One that takes ``*args`` may put arguments in front of those
    it was given, or take some away, so nobody can tell which parameter a value is for: ``names`` has for each position
    its name, or all names that it may have. ``all_names`` are those of every layer; one of them ``takes_any`` others
    as well. ``unresolved`` are the parameters whose annotation names what cannot be found.
    """

    positional: tuple[str, ...] = ()
    first: str | None = None  # of any kind that has a name
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[inspect.Parameter, ...] = ()
    sensitive: frozenset[str] = frozenset()
    unresolved: frozenset[str] = frozenset()
    names: tuple[str | tuple[str, ...], ...] = ()
    all_names: frozenset[str] = frozenset()
    takes_any: bool = False


def signature_of(task: Any) -> Signature | None:
    """Return the signature of a task, or None when it has none that Python can tell."""
    try:
        run = function_of(task) or task.run
        innermost = tuple(inspect.signature(run).parameters.values())
        layers = [_parameters(layer) for layer in _layers(run)]
    except (TypeError, ValueError, ImproperlyConfigured):
        return None
    parameters = _called(layers[0], innermost)
    annotations, unresolved = _resolved(run, parameters)
    named = _named(parameters)
    return Signature(
        positional=tuple(p.name for p in named if p.kind is not p.KEYWORD_ONLY),
        first=named[0].name if named else None,
        required=frozenset(p.name for p in named if p.default is p.empty),
        defaults={p.name: p.default for p in named if p.default is not p.empty},
        annotations=annotations,
        parameters=parameters,
        sensitive=_sensitive(run, annotations) | _sensitive(run, _resolved(run, innermost)[0]),
        unresolved=unresolved,
        names=_names(layers),
        all_names=frozenset(p.name for p in _named(chain.from_iterable(layers))),
        takes_any=any(p.kind is p.VAR_KEYWORD for p in chain.from_iterable(layers)),
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    """One of a task's functions; ``is_bound`` says that its first parameter is not the caller's."""

    function: Any
    is_bound: bool


def _layers(run: Any) -> list[_Layer]:
    """Return a task's functions, the outermost first, without decorators that hand on what they get."""
    layers, is_bound = [], False
    for _ in range(MOST_LAYERS):
        if isinstance(run, MethodType):
            run, is_bound = run.__func__, True
        is_last = hasattr(run, "__signature__") or not hasattr(run, "__wrapped__")
        if is_last or not _hands_on(run):
            layers.append(_Layer(run, is_bound))
        if is_last:
            break
        run = run.__wrapped__
    return layers


def _hands_on(function: Any) -> bool:
    return getattr(function, "__globals__", {}).get("__name__", "").partition(".")[0] in FAITHFUL


def _parameters(layer: _Layer) -> Parameters:
    parameters = tuple(inspect.signature(layer.function, follow_wrapped=False).parameters.values())
    if layer.is_bound and parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        return parameters[1:]
    return parameters


def _called(outermost: Parameters, innermost: Parameters) -> Parameters:
    """Return the parameters that a caller has: the innermost ones where the outermost takes anything beside them."""
    named = _positional(outermost)
    if any(p.kind in VARIABLE for p in outermost) and _positional(innermost)[: len(named)] == named:
        return innermost
    return outermost


def _names(layers: list[Parameters]) -> tuple[str | tuple[str, ...], ...]:
    outermost, *inner = layers
    named = _positional(outermost)
    if not inner or all(p.kind is not p.VAR_POSITIONAL for p in outermost):
        return named
    possible = tuple(dict.fromkeys(p.name for p in _named(chain.from_iterable(inner))))
    return (*named, *[possible] * (MOST_POSITIONS - len(named))) if possible else named


def _named(parameters: Iterable[inspect.Parameter]) -> list[inspect.Parameter]:
    return [p for p in parameters if p.kind not in VARIABLE]


def _positional(parameters: Parameters) -> tuple[str, ...]:
    return tuple(p.name for p in parameters if p.kind not in (*VARIABLE, p.KEYWORD_ONLY))


def _sensitive(run: Any, annotations: Mapping[str, Any]) -> frozenset[str]:
    names = _names_around(run)

    def is_marked(annotation: Any) -> bool:
        if not isinstance(annotation, str):
            return is_sensitive(annotation)
        words = WORDS.findall(annotation)  # it cannot be evaluated: one name in it is known to type checkers alone
        return Sensitive.__name__ in words or any(is_sensitive(names.get(word)) for word in words)

    return frozenset(name for name, annotation in annotations.items() if is_marked(annotation))


def is_sensitive(annotation: Any, depth: int = DEEPEST) -> bool:
    """Return whether an annotation is ``Sensitive``, or an ``Annotated`` anywhere in it says so."""
    if isinstance(annotation, Sensitive) or annotation is Sensitive:
        return True
    parts = (*getattr(annotation, "__metadata__", ()), *typing.get_args(annotation), *_aliased(annotation))
    return depth > 0 and any(is_sensitive(part, depth - 1) for part in parts)


def _aliased(annotation: Any) -> tuple[Any, ...]:
    """Return what another name stands for, in a tuple, or nothing."""
    if isinstance(annotation, typing.NewType):
        return (annotation.__supertype__,)
    if type(annotation).__name__ != "TypeAliasType":
        return ()
    try:
        return (annotation.__value__,)
    except Exception:  # evaluated only now
        return ()


def _names_around(run: Any) -> dict[str, Any]:
    return getattr(inspect.unwrap(getattr(run, "__func__", run)), "__globals__", {})


def _resolved(run: Any, parameters: tuple[inspect.Parameter, ...]) -> tuple[dict[str, Any], frozenset[str]]:
    """Evaluate annotations that are text, each on its own: one that names nothing known spoils no other."""
    raw = {p.name: p.annotation for p in parameters if p.annotation is not p.empty}
    names = _names_around(run)
    annotations, unresolved = {}, set()
    for name, annotation in raw.items():
        holder = type("Holder", (), {"__annotations__": {name: annotation}})
        try:
            annotations[name] = typing.get_type_hints(holder, globalns=names, include_extras=True)[name]
        except Exception:  # whatever a site's annotation raises
            annotations[name] = annotation
            unresolved.add(name)
    return annotations, frozenset(unresolved)
