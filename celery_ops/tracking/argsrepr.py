"""What a caller gave to be shown in place of a task's arguments: ``apply_async(…, argsrepr="(***)")``.

Workers that are asked for what they hold tell the arguments themselves. So a worker's main process notes what stands
for them where its answers carry it, and nowhere else.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Final

from celery.utils.saferepr import saferepr

#: The key among a request's ``delivery_info``.
KEY: Final = "celery_ops_shown"
#: Characters of the texts that Celery makes itself, and of those that are read as values.
LONGEST_OF_CELERY: Final = 1024
LONGEST_GIVEN: Final = 4096
#: The name of a text that stands for arguments by name.
ALL: Final = "…"


def note(request: Any) -> None:
    """Have a worker's answers tell what stands for a request's arguments, if its caller gave anything.

    The pool gets the message's own ``delivery_info``: a retry publishes all that is in it.
    """
    details = request.request_dict
    given = from_caller(details, details.get("args"), details.get("kwargs"))
    if given != (None, None):
        details["delivery_info"] = dict(request.delivery_info)
        request.delivery_info[KEY] = given


def from_caller(headers: Mapping[str, Any], args: Any, kwargs: Any) -> tuple[str | None, str | None]:
    """Return the ``argsrepr`` and the ``kwargsrepr`` that the caller gave; None for each that Celery has made."""
    return _given(headers.get("argsrepr"), args), _given(headers.get("kwargsrepr"), kwargs)


def _given(text: Any, value: Any) -> str | None:
    if not isinstance(text, str) or not text or _is_made(text, value):
        return None
    return text[:LONGEST_GIVEN]


def _is_made(text: str, value: Any) -> bool:
    forms = (tuple(value), list(value)) if isinstance(value, (list, tuple)) else (value,)
    if len(text) < LONGEST_OF_CELERY and text in map(repr, forms):  # a tenth of the price, and nearly always so
        return True
    return any(text == saferepr(form, LONGEST_OF_CELERY) for form in forms)


def shown(given: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Return a live task's arguments as its caller wants them shown; ``given`` is what a worker has noted."""
    texts = given if isinstance(given, (list, tuple)) and len(given) == 2 else (None, None)
    args_text, kwargs_text = (text if isinstance(text, str) else None for text in texts)
    return (
        args if args_text is None else _read(args_text, (list, tuple), [args_text]),
        kwargs if kwargs_text is None else _read(kwargs_text, dict, {ALL: kwargs_text}),
    )


def _read(text: str, kind: Any, otherwise: Sequence[Any] | Mapping[str, Any]) -> Any:
    try:
        value = ast.literal_eval(text[:LONGEST_GIVEN])
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return otherwise
    return value if isinstance(value, kind) else otherwise
