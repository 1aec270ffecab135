"""Arguments that people send as JSON, held to the limits and bound to a task's parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..exceptions import BadInput
from .kinds.limits import check, load, named
from .parameters import Parameter, Parameters

__all__ = ["ArgumentProblem", "BoundArguments", "bind", "bound", "check", "load", "misfits"]

Place = Literal["args", "kwargs"]


@dataclass(frozen=True, slots=True)
class ArgumentProblem:
    """What is wrong with arguments. ``name`` is the parameter's, "" for none; ``place`` is where it was given."""

    place: Place
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class BoundArguments:
    """Arguments as the kinds of their parameters read them, and what is wrong with them."""

    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    problems: tuple[ArgumentProblem, ...] = ()


def bound(parameters: Parameters, args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return JSON arguments as the kinds of their parameters read them, given as they were: by position or by name.

    Raises BadInput with messages by parameter; by ``args`` or ``kwargs`` for what belongs to none.
    """
    arguments = bind(parameters, args, kwargs)
    if arguments.problems:
        errors: dict[str, list[str]] = {}
        for problem in arguments.problems:
            errors.setdefault(problem.name or problem.place, []).append(problem.message)
        raise BadInput(errors)
    return arguments.args, arguments.kwargs


def bind(parameters: Parameters, args: Any, kwargs: Any) -> BoundArguments:
    """Bind as ``bound`` does and return what is wrong instead of raising it."""
    problems = tuple(misfits(args, kwargs))
    if problems:
        return BoundArguments(problems=problems)
    if not parameters.is_known:
        return BoundArguments(list(args), dict(kwargs))
    binding = _Binding(parameters)
    return BoundArguments(binding.by_position(args), binding.by_name(args, kwargs), tuple(binding.problems))


def misfits(args: Any, kwargs: Any) -> Iterator[ArgumentProblem]:
    """Yield what makes arguments no arguments at all, or too many to send."""
    if not isinstance(args, list):
        yield ArgumentProblem("args", "", _("Give a JSON list, such as [1, 2]."))
    if not isinstance(kwargs, dict):
        yield ArgumentProblem("kwargs", "", _('Give a JSON object, such as {"a": 1}.'))
    if isinstance(args, list) and isinstance(kwargs, dict):
        both: tuple[tuple[Place, Any], ...] = (("args", args), ("kwargs", kwargs))
        for place, value in both:
            try:
                check(value)
            except BadInput as error:
                yield ArgumentProblem(place, "", str(error))
                return
        try:
            check([*args, kwargs])
        except BadInput as error:
            yield ArgumentProblem("kwargs" if len(kwargs) else "args", "", str(error))


class _Binding:
    """Goes through the arguments of one task once and notes what is wrong."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.problems: list[ArgumentProblem] = []

    def by_position(self, args: list[Any]) -> list[Any]:
        taking = self.parameters.positional
        if len(args) > len(taking) and not self.parameters.takes_args:
            numbers = {"most": len(taking), "found": len(args)}
            sentence = ngettext(
                "Give at most %(most)s value; there are %(found)s.",
                "Give at most %(most)s values; there are %(found)s.",
                len(taking),
            )
            self.note("args", "", sentence % numbers)
        read = [self.read("args", parameter, value) for parameter, value in zip(taking, args, strict=False)]
        return [*read, *args[len(taking) :]]

    def by_name(self, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
        given = {parameter.name for parameter in self.parameters.positional[: len(args)]}
        parameters = {parameter.name: parameter for parameter in self.parameters.named}
        values = {}
        for name, value in kwargs.items():
            if name in given:
                self.note("kwargs", "", _("“%(name)s” is given twice.") % {"name": name})
            elif name in parameters and parameters[name].positional_only:
                # Celery does not tell it from one of **kwargs
                self.note("kwargs", "", _("“%(name)s” goes by position: give it in args.") % {"name": name})
            elif name in parameters:
                values[name] = self.read("kwargs", parameters[name], value)
            elif self.parameters.takes_kwargs:
                values[name] = value
            else:
                self.note("kwargs", "", self.unknown(name))
        self.note_missing(given | values.keys())
        return values

    def note_missing(self, given: set[str]) -> None:
        wrong = {problem.name for problem in self.problems}
        for parameter in self.parameters.named:
            if parameter.required and parameter.name not in given | wrong:
                place: Place = "args" if parameter.positional_only else "kwargs"
                self.note(place, parameter.name, _("Give a value: it is required."))

    def unknown(self, name: str) -> str:
        return _("There is no parameter “%(name)s”.") % {"name": named(name)}

    def read(self, place: Place, parameter: Parameter, value: Any) -> Any:
        try:
            return parameter.kind.read(value)
        except ValueError as error:
            self.note(place, parameter.name, str(error))
            return None

    def note(self, place: Place, name: str, message: str) -> None:
        self.problems.append(ArgumentProblem(place, name, message))
