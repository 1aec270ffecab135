"""Loggers whose lines cannot be forged: what somebody sent stays inside the line that quotes it."""

import logging
import traceback
from collections.abc import Mapping
from typing import Any, Final

#: Before each line of a traceback: none of them can be taken for the beginning of a log line.
INDENT: Final = "  "


def get_logger(name: str) -> logging.Logger:
    """Return the logger of that name, whose records hold no control character, whatever handler writes them."""
    logger = logging.getLogger(name)
    if not any(isinstance(log_filter, _OneLine) for log_filter in logger.filters):
        logger.addFilter(_OneLine())
    return logger


#: What was said in this process, and is not said again.
said: Final[set[Any]] = set()


def is_new(*what: Any) -> bool:
    """Return whether this is to be said for the first time: what may come with every request would fill the log."""
    if what in said:
        return False
    said.add(what)
    return True


def one_line(text: str) -> str:
    """Return a text with every character that is not printable written as its escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class _OneLine(logging.Filter):
    """Makes a record harmless; it never raises, as a log line must not."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _plain(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {name: _plain(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(map(_plain, record.args))
        if record.exc_info and not record.exc_text:
            record.exc_text = _indented("".join(traceback.format_exception(*record.exc_info)))
        return True


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    try:
        text = str(value)
        return one_line(getattr(text, "untranslated", text))  # of a sentence, in whose language nobody reads logs
    except Exception:  # the object's own
        return f"<{type(value).__name__}>"


def _indented(text: str) -> str:
    return "\n".join(f"{INDENT}{one_line(line)}" for line in text.rstrip("\n").split("\n"))
