"""What a task was given, though it changed it since: a list or a dict of its arguments is its own to work on."""

import marshal
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: Where it lies on the request.
_ATTRIBUTE: Final = "celery_ops_given"
_MUTABLE: Final = (list, dict, set, bytearray)


def note(request: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Remember the arguments of a task that begins, where it could change them: microseconds, whatever they are."""
    if not any(isinstance(value, _MUTABLE) for value in (*args, *kwargs.values())):
        return
    try:
        setattr(request, _ATTRIBUTE, marshal.dumps((list(args), dict(kwargs))))
    except ValueError:  # dates, Decimals and the like inside: they are as they are found at the end
        return


def noted(request: Any, args: Any, kwargs: Any) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments as ``note`` saw them, else as they are now."""
    kept = getattr(request, _ATTRIBUTE, None)
    if isinstance(kept, bytes):
        return marshal.loads(kept)  # noqa: S302 - written a moment ago by this very process
    return args or (), kwargs or {}
