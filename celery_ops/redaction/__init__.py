"""What never shows and is never stored: arguments, results and messages become short, clean, redacted text.

Nothing here calls into a value it does not know: a hostile ``__str__`` or an unevaluated QuerySet sleeps on. Nothing
takes longer for one text than for another of its length; ``Budget`` bounds the work.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .budget import Budget
    from .capturing import (
        LineRedactor,
        asks_the_site,
        capture_arguments,
        capture_text,
        capture_value,
        hidden_arguments,
        plain_text,
        redact,
        secrets_of,
        tiny_arguments,
    )
    from .fitting import MAX_BYTES, Captured, encode
    from .text import REDACTED, cut
    from .walk import FAILED

_HOMES = {
    "FAILED": "walk",
    "LineRedactor": "capturing",
    "MAX_BYTES": "fitting",
    "REDACTED": "text",
    "Budget": "budget",
    "Captured": "fitting",
    "asks_the_site": "capturing",
    "capture_arguments": "capturing",
    "capture_text": "capturing",
    "capture_value": "capturing",
    "cut": "text",
    "encode": "fitting",
    "hidden_arguments": "capturing",
    "plain_text": "capturing",
    "redact": "capturing",
    "secrets_of": "capturing",
    "tiny_arguments": "capturing",
}

__all__ = [
    "FAILED",
    "MAX_BYTES",
    "REDACTED",
    "Budget",
    "Captured",
    "LineRedactor",
    "asks_the_site",
    "capture_arguments",
    "capture_text",
    "capture_value",
    "cut",
    "encode",
    "hidden_arguments",
    "plain_text",
    "redact",
    "secrets_of",
    "tiny_arguments",
]


def __getattr__(name: str) -> Any:
    """Import the rules when they are first asked for: a process that neither tracks nor shows needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return globals().setdefault(name, getattr(import_module(f"{__name__}.{_HOMES[name]}"), name))


def preload() -> None:
    """Import all that there is."""
    for name in _HOMES:
        __getattr__(name)
