"""What a task takes: its parameters, each with the kind of value that a person may give."""

import inspect
from dataclasses import dataclass
from typing import Any

from ..permissions import VIEW_INSTANCE, allows
from ..tracking.registry import registry
from ..tracking.signatures import Signature
from .kinds import Kind, OptionalKind, kind_of
from .kinds.objects import Sees, sees_all


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a task. ``default`` is meaningful when it is not ``required``."""

    name: str
    kind: Kind
    required: bool
    default: Any = None
    keyword_only: bool = False
    positional_only: bool = False
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Parameters:
    """All that a task takes; ``takes_args`` and ``takes_kwargs`` say whether it has ``*args`` and ``**kwargs``.

    ``is_known`` is False for a task whose signature this process cannot tell: it takes whatever JSON it is given.
    ``args_name`` and ``kwargs_name`` are what the task calls its ``*args`` and ``**kwargs``.
    """

    named: tuple[Parameter, ...] = ()
    takes_args: bool = False
    takes_kwargs: bool = False
    is_known: bool = True
    args_name: str = "args"
    kwargs_name: str = "kwargs"

    @property
    def positional(self) -> tuple[Parameter, ...]:
        """Those that may be given by position."""
        return tuple(parameter for parameter in self.named if not parameter.keyword_only)


def parameters_of(name: str, sees: Sees = sees_all) -> Parameters:
    """Return what the task of this name takes.

    ``sees`` says whether the person who gives the values may know of an object: see ``seen_by``.
    """
    signature = registry.signature(name)
    if signature is None:
        return Parameters(takes_args=True, takes_kwargs=True, is_known=False)
    sensitive = registry.sensitive(name)
    names = {parameter.kind: parameter.name for parameter in signature.parameters}
    args, kwargs = names.get(inspect.Parameter.VAR_POSITIONAL), names.get(inspect.Parameter.VAR_KEYWORD)
    return Parameters(
        named=tuple(
            _parameter(parameter, signature, parameter.name in sensitive, sees)
            for parameter in signature.parameters
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ),
        takes_args=args is not None,
        takes_kwargs=kwargs is not None,
        args_name=args or "args",
        kwargs_name=kwargs or "kwargs",
    )


def seen_by(user: Any) -> Sees:
    """Return the question whether ``user`` may know of an object, as the site's policy answers it."""
    return lambda instance: allows(user, VIEW_INSTANCE, instance)


def _parameter(parameter: inspect.Parameter, signature: Signature, sensitive: bool, sees: Sees) -> Parameter:
    is_told = parameter.name in signature.annotations and parameter.name not in signature.unresolved
    kind = kind_of(signature.annotations[parameter.name] if is_told else Any, sees)
    if parameter.default is None:
        kind = OptionalKind.of(kind)
    required = parameter.default is parameter.empty
    return Parameter(
        name=parameter.name,
        kind=kind,
        required=required,
        default=None if required else parameter.default,
        keyword_only=parameter.kind is parameter.KEYWORD_ONLY,
        positional_only=parameter.kind is parameter.POSITIONAL_ONLY,
        sensitive=sensitive,
    )
