"""What is kept of arguments, results and errors: bounded, redacted, never by an object's own ``__repr__``."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import Reject
from kombu.utils import json as kombu_json

from .. import redaction
from ..conf import conf
from .facts import EXACT, INEXACT, TYPED
from .registry import registry


def arguments(
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    names: Sequence[str | tuple[str, ...]] | None = None,
) -> str | None:
    """Return the fact that keeps a task's arguments, or None when they are not kept.

    ``names`` are those of the positional ones, where they are not what the task's signature says.
    """
    mode = conf.ARGS_CAPTURE
    if mode == "none":
        return None
    captured = redaction.capture_arguments(
        args,
        kwargs,
        parameters=parameters(name) if names is None else names,
        sensitive=registry.sensitive(name),
        mode=mode,
        brief=True,
    )
    if captured.typed and (text := _typed(args, kwargs)):
        return TYPED + text
    return (EXACT if captured.exact else INEXACT) + captured.text


def tiny_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Return the fact "arguments" of what takes microseconds to capture; None of all else, and where none is kept."""
    if conf.ARGS_CAPTURE == "none":
        return None
    text = redaction.tiny_arguments(args, kwargs, parameters(name), registry.sensitive(name))
    return None if text is None else EXACT + text


def _typed(args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return arguments as a message would carry them, empty when that is more than is kept of a field."""
    values = [list(args), dict(kwargs)] if kwargs else [list(args)]
    try:
        text = kombu_json.dumps(values, separators=(",", ":"))[1:-1]
    except (TypeError, ValueError, OverflowError):
        return ""
    return text if len(text.encode("utf-8", "replace")) <= redaction.MAX_BYTES else ""


def kept_arguments(fact: str) -> tuple[list[Any], dict[str, Any]] | None:
    """Return the arguments that a fact keeps whole, None when they were redacted or cut.

    Raises ValueError for what no process of ours has written.
    """
    mark, text = fact[:1], fact[1:]
    if mark == INEXACT:
        return None
    if mark not in (EXACT, TYPED) or len(text) > redaction.MAX_BYTES:
        raise ValueError("not kept arguments")
    return _read(text, typed=mark == TYPED)


def _read(text: str, *, typed: bool) -> tuple[list[Any], dict[str, Any]]:
    loads = kombu_json.loads if typed else json.loads
    try:
        if text.startswith("{"):  # as earlier snapshots wrote them
            kept = loads(text)
            args, kwargs = kept["args"], kept["kwargs"]
        else:
            values = loads(f"[{text}]")
            args, kwargs = values if len(values) == 2 else (*values, {})
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # kombu's hooks raise whatever the values make them
        raise ValueError("unreadable arguments") from error
    if type(args) is not list or type(kwargs) is not dict:
        raise ValueError("not kept arguments")
    return args, kwargs


def shown_arguments(name: str, fact: str) -> str:
    """Return kept arguments as a page may show them: redacted again, since ``full`` keeps them as they were."""
    try:
        args, kwargs = _read(fact[1:], typed=fact[:1] == TYPED)
    except ValueError:
        return redaction.capture_text(fact[1:]).text
    return redaction.capture_arguments(
        args, kwargs, parameters=parameters(name), sensitive=registry.sensitive(name)
    ).text


def redacted_arguments(name: str, fact: str) -> tuple[Any, Any]:
    """Return kept arguments as ``shown_arguments`` shows them, both apart; the text and None where that is no JSON."""
    text = shown_arguments(name, fact)
    try:
        shown = json.loads(text)
        return shown["args"], shown["kwargs"]
    except (ValueError, TypeError, KeyError):
        return text, None


def result(name: str, value: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
    """Return the fact that keeps a task's result, or None when there is none to keep."""
    mode = conf.RESULT_CAPTURE
    if value is None or mode == "none":
        return None
    return redaction.capture_value(value, mode=mode, secrets=secrets(name, args, kwargs)).text


def error(exception: Any, hidden: Iterable[str]) -> str:
    """Return ``"Class: message"``; a message that cannot be had is said to be so."""
    name = getattr(exception, "exc_cls_name", None) or type(exception).__name__  # pickling may have wrapped it
    try:
        message = str(exception.reason or "") if isinstance(exception, Reject) else str(exception)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # whatever an exception's own method raises
        message = "[its message cannot be shown]"
    # The class apart: "NotAPicture: …" is no key with a value to hide.
    room = redaction.MAX_BYTES - len(name.encode("utf-8", "replace")) - 2
    shown = redaction.cut(redaction.capture_text(message, secrets=tuple(hidden)).text, max(0, room))
    return f"{name}: {shown}" if shown else str(name)


def traceback(text: Any, hidden: Iterable[str]) -> str | None:
    """Return the end of a traceback, where the cause stands, or None."""
    if not isinstance(text, str) or not text:
        return None
    return redaction.capture_text(text, secrets=tuple(hidden), tail=True).text


def secrets(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the argument values that redaction hides, so that they can be hidden elsewhere too."""
    return redaction.secrets_of(args, kwargs, parameters=parameters(name), sensitive=registry.sensitive(name))


def parameters(name: str) -> tuple[str | tuple[str, ...], ...]:
    """Return the names of a task's positional arguments, a tuple of them for one that may have each of these."""
    signature = registry.signature(name)
    return signature.names if signature else ()


def hidden_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> frozenset[int | str] | None:
    """Return the positions and names of a task's arguments that never show as they are; None when nobody can tell."""
    return redaction.hidden_arguments(args, kwargs, parameters=parameters(name), sensitive=registry.sensitive(name))


def hides_any(name: str) -> bool:
    """Return whether one of a task's parameters never shows, by its name or because it is sensitive."""
    signature = registry.signature(name)
    if registry.sensitive(name):
        return True
    return signature is not None and any(
        redaction.redact("0", name=parameter) != "0" for parameter in signature.all_names
    )
