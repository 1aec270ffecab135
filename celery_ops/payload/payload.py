"""What a page shows of a task's arguments and outcome: redacted here, whatever source they come from."""

import ast
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from .. import redaction
from ..info import Payload, TaskInfo, error_class
from ..redaction import Budget
from ..redaction.text import REDACTED
from ..tracking import capture
from ..tracking.registry import registry

__all__ = [
    "Searched",
    "arguments_text",
    "error_class",
    "error_text",
    "hides_any",
    "knows_arguments",
    "outcome_text",
    "searched_text",
    "shown",
]

#: Characters of a source's text that are read as a value, of JSON and of Python's literals, which are slow to read;
#: of a longer one only the text is left.
LONGEST_PARSED: Final = 65_536
LONGEST_LITERAL: Final = 4_096
#: Values of arguments, after which no more lists and dicts are opened, to find what was hidden before.
MOST_VALUES: Final = 2000
#: What stands where redaction hid something, or lost it since a redactor of the site's raised.
MARKS: Final = (REDACTED, redaction.FAILED)


def shown(task: TaskInfo, page: Budget | None = None) -> Payload:
    """Return a task's payload as a viewer with ``view_payload`` may see it: text of at most 2 KiB each, or None.

    ``args`` is the JSON text ``{"args": [...], "kwargs": {...}}``, or redacted text when the source keeps no values.
    ``page`` is what may be looked through for all tasks of a page.
    """
    page = page or Budget.of_page()
    arguments = _arguments(task)
    secrets = _secrets(task, arguments, page)
    args = _arguments_text(task, arguments, page) or None
    error = _error(task, arguments, secrets, page) or None
    if _is_hidden(task, arguments):  # what its outcome repeats of that cannot be told here
        return Payload(
            args=args,
            result=task.result and REDACTED,
            meta=task.meta and REDACTED,
            error=error,
            traceback=task.traceback and REDACTED,
        )
    return Payload(
        args=args,
        result=None if task.result is None else _value(task.result, secrets, page),
        meta=None if task.meta is None else _value(task.meta, secrets, page),
        error=error,
        traceback=redaction.capture_text(task.traceback, secrets=secrets, tail=True, budget=page.field()).text or None,
    )


def knows_arguments(task: TaskInfo) -> bool:
    """Return whether the source has all that a task was given: else what its worker kept of its outcome is better."""
    return _are_known(task, _arguments(task))


def _are_known(task: TaskInfo, arguments: tuple[Any, Any]) -> bool:
    args, kwargs = arguments
    is_read = isinstance(args, (list, tuple)) and (kwargs is None or isinstance(kwargs, Mapping))
    return is_read and not task.hides and not _has_mark((args, kwargs))


def hides_any(task: TaskInfo) -> bool:
    """Return whether some of what a task was given is hidden from whoever asks its source."""
    return _is_hidden(task, _arguments(task))


def _is_hidden(task: TaskInfo, arguments: tuple[Any, Any]) -> bool:
    """Return whether the source lacks secrets that a task was given: its sender hid them, or they were cut off."""
    is_text = any(isinstance(part, str) for part in arguments)
    return task.hides or _has_mark(arguments) or (is_text and capture.hides_any(task.name))


def _has_mark(arguments: tuple[Any, Any]) -> bool:
    """Return whether redaction was here before; of a source's text all is looked at, of values so many."""
    values = list(arguments)
    for value in values:  # which grows meanwhile
        if isinstance(value, str):
            if any(mark in value for mark in MARKS):
                return True
        elif isinstance(value, (list, tuple, Mapping)) and len(values) < MOST_VALUES:
            values += value.values() if isinstance(value, Mapping) else value
    return False


def error_text(task: TaskInfo, page: Budget | None = None) -> str:
    """Return a task's error as a viewer with ``view_payload`` may see it, without what its arguments hide."""
    if not task.error:
        return ""
    page, arguments = page or Budget.of_page(), _arguments(task)
    return _error(task, arguments, _secrets(task, arguments, page), page)


def _error(task: TaskInfo, arguments: tuple[Any, Any], secrets: tuple[str, ...], page: Budget) -> str:
    """What every page, list and file shows of an error: its worker knew all arguments, where its source does not."""
    error = task.error
    if error and not _are_known(task, arguments):
        error = task.told_error or (_class_alone(error) if _is_hidden(task, arguments) else error)
    return redaction.capture_text(error, secrets=secrets, budget=page.field()).text


def _class_alone(error: str) -> str:
    name = error_class(error)
    return error if name == error else f"{name}: {REDACTED}" if name else REDACTED


def outcome_text(task: TaskInfo, text: str) -> str | None:
    """Return a part of a task's outcome without what its arguments hide; None where only its worker could tell that."""
    arguments = _arguments(task)
    if not _are_known(task, arguments) and (task.told_error or _is_hidden(task, arguments)):
        return None
    return redaction.capture_text(text, secrets=_secrets(task, arguments, Budget.of_page())).text


def arguments_text(task: TaskInfo, page: Budget | None = None) -> str:
    """Return a task's arguments as a page shows them; empty when they are unknown."""
    return _arguments_text(task, _arguments(task), page or Budget.of_page())


def _arguments_text(task: TaskInfo, arguments: tuple[Any, Any], page: Budget) -> str:
    args, kwargs = arguments
    if args is None and kwargs is None:
        return ""
    if isinstance(args, str) or isinstance(kwargs, str):  # keys cannot be told from values
        return _unreadable(task, [part for part in (args, kwargs) if isinstance(part, str)], page)
    return redaction.capture_arguments(
        args,
        kwargs,
        parameters=capture.parameters(task.name),
        sensitive=registry.sensitive(task.name),
        budget=page.field(),
    ).text


def searched_text(task: TaskInfo) -> str:
    """Return what a viewer with ``view_payload`` reads of a task's arguments and error: what a search looks at."""
    return Searched().text(task)


class Searched:
    """What a viewer reads of many tasks' arguments and errors: what goes by their names is found out once.

    Short arguments in which nothing can be hidden are taken as their source wrote them, at a tenth of the price.
    """

    def __init__(self, page: Budget | None = None) -> None:
        self._page = page
        self._is_plain = redaction.plain_text()
        self._open = cache(self._hides_no_parameter)

    def text(self, task: TaskInfo) -> str:
        plain = self._plain(task)
        if plain is None:
            payload = shown(replace(task, result=None, traceback=None))
            return f"{payload.args or ''}\n{payload.error or ''}"
        return f"{plain}\n{redaction.capture_text(task.error).text}" if task.error else plain

    def error(self, task: TaskInfo) -> str:
        """Return what such a viewer reads of a task's error alone."""
        if not task.error or self._plain(task) is None:
            return error_text(task, self._page)
        return redaction.capture_text(task.error, budget=(self._page or Budget.of_page()).field()).text

    def _plain(self, task: TaskInfo) -> str | None:
        if task.hides or task.told_error not in (None, task.error):
            return None
        parts = [part for part in (task.args, task.kwargs) if part]
        if not all(isinstance(part, str) for part in parts) or not self._open(task.name):
            return None
        text = " ".join(map(_unquoted, parts))
        return text if self._is_plain(text) and not _has_mark((text, None)) else None

    def _hides_no_parameter(self, name: str) -> bool:
        return not capture.hides_any(name)


def _unquoted(text: str) -> str:
    """The text in the JSON of a text, as django-celery-results keeps a repr."""
    return text[1:-1] if text[:1] == text[-1:] == '"' else text


def _value(value: Any, secrets: tuple[str, ...], page: Budget) -> str:
    plain = _plain(value)
    if isinstance(plain, str) and isinstance(value, str) and len(value) > LONGEST_PARSED:
        return redaction.capture_text(plain, secrets=secrets, budget=page.field()).text
    return redaction.capture_value(plain, secrets=secrets, budget=page.field()).text


def _arguments(task: TaskInfo) -> tuple[Any, Any]:
    """Return what the source says of both; names that stand where values should are names all the same."""
    args, kwargs = _plain(task.args), _plain(task.kwargs)
    return ((), args) if isinstance(args, Mapping) and not kwargs else (args, kwargs)


def _secrets(task: TaskInfo, arguments: tuple[Any, Any], page: Budget) -> tuple[str, ...]:
    args, kwargs = arguments
    if isinstance(args, str) or isinstance(kwargs, str):
        kwargs = {"": [args, kwargs]}  # texts, in which names give values away
    return redaction.secrets_of(
        args if isinstance(args, (list, tuple)) else (),
        kwargs if isinstance(kwargs, Mapping) else {},
        parameters=capture.parameters(task.name),
        sensitive=registry.sensitive(task.name),
        budget=page.field(),
    )


def _unreadable(task: TaskInfo, parts: list[str], page: Budget) -> str:
    """Arguments of which only a text is left: where one of the parameters is never shown, none is."""
    if capture.hides_any(task.name):
        return REDACTED
    return " ".join(redaction.capture_text(part, budget=page.field()).text for part in parts)


def _plain(value: Any) -> Any:
    """Return what a source's text says, JSON or Python's literals, and everything else as it is."""
    if not isinstance(value, str) or len(value) > LONGEST_PARSED:
        return value
    for read in (json.loads, ast.literal_eval) if len(value) <= LONGEST_LITERAL else (json.loads,):
        try:
            literal = read(value)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        # django-celery-results keeps the JSON of a repr
        return _plain(literal) if isinstance(literal, str) and read is json.loads and literal != value else literal
    return value
