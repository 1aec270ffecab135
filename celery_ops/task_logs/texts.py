"""The text of a log record, however hostile: bounded in time and length, never raising, without terminal escapes."""

import logging
import re
import traceback
from types import TracebackType
from typing import Any, Final

from billiard.exceptions import SoftTimeLimitExceeded

from ..redaction.fitting import MAX_BYTES
from ..redaction.text import OVERSCAN

#: Characters of a message that are read: a secret across the end of what is shown is still recognised.
REACH: Final = MAX_BYTES + OVERSCAN
#: Characters of a message that a traceback follows, and frames of that: the innermost ones.
LONGEST_HEAD: Final = 500
FRAMES: Final = 5
#: Characters of what a logger and a level are called.
LONGEST_LOGGER: Final = 100
LONGEST_LEVEL: Final = 20

#: What terminals take for commands: colours and titles, and what is left of those that were cut.
ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])?|\x9b[0-?]*[ -/]*[@-~]?"
)
#: No line has any use for them; newlines and tabs stay.
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def text_of(record: logging.LogRecord) -> str:
    """Return what a record says, as it is to be redacted, ``REACH`` characters at most."""
    text = record.__dict__.get("message")  # as a handler before this one has put it together
    if type(text) is not str:
        text = _message(record)
    if record.exc_info and isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        return f"{text[:LONGEST_HEAD]}\n{_traceback(record)}"[:REACH]
    return text[:REACH]


def plain(text: str) -> str:
    """Return a text without escapes and control characters."""
    if text.isprintable():
        return text
    return CONTROLS.sub("", ESCAPES.sub("", text))


def _message(record: logging.LogRecord) -> str:
    message, args = record.msg, record.args
    if not args:
        return message if type(message) is str else _text(message)
    try:
        if type(args) is tuple:
            return str(message) % tuple(map(_bounded, args))
        return str(message) % args
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # as many people write as there are format strings that do not fit
        return f"{_text(message)[:LONGEST_HEAD]} [its arguments do not fit]"


def _bounded(value: Any) -> Any:
    kind = type(value)
    return value[:REACH] if (kind is str or kind is bytes) and len(value) > REACH else value


def _text(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value[:REACH]).decode("utf-8", "replace")
    try:
        return str(value)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # whatever a value's own method raises
        return f"<{type(value).__name__}>"


def _traceback(record: logging.LogRecord) -> str:
    """The end of it, where the cause stands."""
    if isinstance(record.exc_text, str):
        return record.exc_text[-MAX_BYTES:]
    kind, error, where = record.exc_info  # type: ignore[misc]  # it has an exception
    try:
        lines = traceback.format_exception(kind, error, _traceback_of(where), limit=-FRAMES)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # of an exception of the site's own that cannot be put into words
        return f"{getattr(kind, '__name__', kind)}"
    return "".join(lines).rstrip("\n")[-MAX_BYTES:]


def _traceback_of(value: Any) -> TracebackType | None:
    return value if isinstance(value, TracebackType) else None
