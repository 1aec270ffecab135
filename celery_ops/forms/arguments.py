"""From the values of a task's fields to its arguments."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.forms import Field, FileField
from django.utils.translation import gettext as _

from ..running.kinds.limits import named
from ..running.parameters import Parameters


def by_position(parameters: Parameters, given: dict[str, Any], more: list[Any]) -> tuple[list[Any], str]:
    """Take what goes by position out of ``given``: what must, and all that comes before ``more``, those of ``*args``.

    Return it, and the parameter that has no value though others come after it by position, empty when there is none.
    """
    args: list[Any] = []
    skipped = ""
    for parameter in parameters.positional:
        if not (more or parameter.positional_only):
            break
        if parameter.name not in given:
            skipped = skipped or parameter.name
        elif skipped:
            more = more or [given[parameter.name]]
        else:
            args.append(given.pop(parameter.name))
    return [*args, *more], skipped if more else ""


def unsendable(fields: Mapping[str, Field]) -> Iterator[str]:
    """Say which fields of a site's form take files: no message carries one."""
    if files := [name for name, field in fields.items() if isinstance(field, FileField)]:
        names = ", ".join(map(named, files))
        yield _("Files cannot be sent to a task: the form of this one has fields for them (%(names)s).") % {
            "names": names
        }


def misnamed(parameters: Parameters, given: dict[str, Any]) -> Iterator[str]:
    """Say what a site's form has fields for that the task does not know, and what it needs that the form has not."""
    if not parameters.is_known:
        return
    if not parameters.takes_kwargs:
        for name in sorted(given.keys() - {parameter.name for parameter in parameters.named}):
            yield _("There is no parameter “%(name)s”.") % {"name": named(name)}
    for parameter in parameters.named:
        if parameter.required and parameter.name not in given:
            yield _("The parameter “%(name)s” is missing.") % {"name": parameter.name}
