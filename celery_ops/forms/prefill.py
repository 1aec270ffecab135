"""What a form is filled with beforehand: the arguments of a run that is to be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..running import wire
from ..running.kinds import Kind
from ..running.parameters import Parameter, Parameters

Arguments = tuple[list[Any], dict[str, Any]]

#: Stands for an argument that nobody is shown.
HIDDEN: Final = object()


@dataclass(frozen=True, slots=True)
class Prefill:
    """Texts by field, and the names of what the fields cannot show."""

    texts: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def prefill(parameters: Parameters, kinds: Mapping[str, Kind], initial: Arguments | None) -> Prefill:
    """Return the texts that the fields of these ``kinds`` begin with."""
    if initial is None:
        return Prefill()
    given, lost = by_name(parameters, *initial)
    sensitive = {each.name for each in parameters.named if each.sensitive}
    texts = {}
    for name, value in given.items():
        text = None if name in sensitive or is_hidden(value) else shown(kinds[name], value)
        if text is None or _is_default(text, name, value, parameters.named):
            lost.append(name)
        else:
            texts[name] = text
    return Prefill(texts, tuple(lost))


def is_hidden(value: Any) -> bool:
    """Return whether a field's value, or one of several, is not to be shown."""
    several = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is HIDDEN or any(each is HIDDEN for each in several)


def by_name(parameters: Parameters, args: list[Any], kwargs: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values by the parameter that takes them, and the names of what none takes."""
    taking = [each.name for each in parameters.positional]
    given: dict[str, Any] = dict(zip(taking, args, strict=False))
    names = {each.name for each in parameters.named}
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


def shown(kind: Kind, value: Any) -> str | None:
    """Return the text of a value as a message carried it, or None when the kind cannot show it."""
    try:
        text = kind.text(kind.read(wire.plain(value)))
    except (ValueError, TypeError):
        return None
    return None if "\r" in text else text  # a form changes line ends


def _is_default(text: str, name: str, value: Any, named: tuple[Parameter, ...]) -> bool:
    """Whether a blank field would mean the default, and the value is another."""
    parameter = next((each for each in named if each.name == name), None)
    is_blank = not text if parameter is None or parameter.kind.is_blank_meant else not text.strip()
    if not is_blank or parameter is None:
        return False
    return not parameter.kind.accepts_none if parameter.required else parameter.default != value
