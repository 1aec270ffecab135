"""What a form is filled with beforehand: the arguments of the task that is to be run again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..running import wire
from ..running.kinds import Kind, any_json
from ..running.parameters import Parameter, Parameters

Arguments = tuple[list[Any], dict[str, Any]]

#: Stands for an argument that nobody is shown.
HIDDEN: Final = object()


@dataclass(frozen=True, slots=True)
class Prefill:
    """What the fields begin with, by name, and the names of what they cannot show."""

    values: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def prefill(parameters: Parameters, kinds: Mapping[str, Kind], initial: Arguments | None) -> Prefill:
    """Return the texts that fields of these ``kinds`` begin with."""
    if initial is None:
        return Prefill()
    given, lost = by_name(parameters, *initial)
    sensitive = sensitive_names(parameters)
    texts = {}
    for name, value in given.items():
        text = None if name in sensitive or _is_hidden(value) else _shown(kinds[name], value)
        if text is None or _is_default(text, name, value, parameters.named):
            lost.append(name)
        else:
            texts[name] = text
    return Prefill(texts, tuple(lost))


def site_prefill(parameters: Parameters, initial: Arguments | None) -> Prefill:
    """Return the values that the fields of the site's own form begin with."""
    given = by_name(parameters, *initial)[0] if initial else {}
    hidden = tuple(name for name, value in given.items() if _is_hidden(value))
    withheld = sensitive_names(parameters).union(hidden)
    return Prefill({name: value for name, value in given.items() if name not in withheld}, hidden)


def json_prefill(initial: Arguments | None) -> Prefill:
    """Return the texts that the JSON of all arguments begins with."""
    if initial is None:
        return Prefill()
    args, kwargs = initial
    given = {"args": list(args)} | kwargs
    hidden = tuple(name for name, value in given.items() if _is_hidden(value))
    args = [] if "args" in hidden else args
    kwargs = {name: value for name, value in kwargs.items() if name not in hidden}
    try:
        return Prefill({"args": any_json.shown(wire.plain(args)), "kwargs": any_json.shown(wire.plain(kwargs))}, hidden)
    except ValueError:
        return Prefill(left_out=hidden)


def sensitive_names(parameters: Parameters) -> set[str]:
    """Return the names of the parameters whose values never show."""
    return {parameter.name for parameter in parameters.named if parameter.sensitive}


def _is_hidden(value: Any) -> bool:
    """Whether a field's value, or one of several, is not to be shown."""
    if isinstance(value, dict):
        value = list(value.values())
    return any(item is HIDDEN for item in value) if isinstance(value, list) else value is HIDDEN


def by_name(parameters: Parameters, args: list[Any], kwargs: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values by the parameter that takes them, and the names of what none takes."""
    taking = [parameter.name for parameter in parameters.positional]
    given: dict[str, Any] = dict(zip(taking, args, strict=False))
    names = {parameter.name for parameter in parameters.named}
    given |= {name: value for name, value in kwargs.items() if name in names}
    rest = {name: value for name, value in kwargs.items() if name not in names}
    more = list(args[len(taking) :])
    lost = []
    if more and parameters.takes_args:
        given[parameters.args_name] = more
    elif more:
        lost.append("args")
    if rest and parameters.takes_kwargs:
        given[parameters.kwargs_name] = rest
    else:
        lost += rest
    return given, lost


def _shown(kind: Kind, value: Any) -> str | None:
    """The text of a value as a message carried it, or None when the kind cannot show it."""
    try:
        text = kind.text(kind.read(wire.plain(value)))
    except (ValueError, TypeError):
        return None
    return None if "\r" in text else text  # a form changes line ends


def _is_default(text: str, name: str, value: Any, named: tuple[Parameter, ...]) -> bool:
    """Whether a blank field would mean the default, and the value is another."""
    parameter = next((parameter for parameter in named if parameter.name == name), None)
    is_blank = not text if parameter is None or parameter.kind.is_blank_meant else not text.strip()
    if not is_blank or parameter is None:
        return False
    return not parameter.kind.accepts_none if parameter.required else parameter.default != value
