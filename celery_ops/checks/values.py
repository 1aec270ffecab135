"""What holds for a good value of a key of ``CELERY_OPS``, or of an option of an entry, and what is said of another."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, Final

from celery import Celery
from django.core.checks import CheckMessage
from django.forms import BaseForm
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from ..conf import DEFAULTS
from .messages import Messages, failure

CONTRACTS: Final = "celery_ops.backends.base"
BACKENDS: Final = {"TASK_BACKEND": "TaskBackend", "WORKER_BACKEND": "WorkerBackend", "QUEUE_BACKEND": "QueueBackend"}
CAPTURES: Final = ("none", "redacted", "full")
#: Seconds of a century: beyond that no clock, thread or store can be told to wait or to keep.
LONGEST: Final = 36_525 * 86_400
#: Rows, or runs of a minute: what no database takes for a limit is far beyond.
MOST: Final = 10**9
HUGE: Final = 10**20


def description(value: Any) -> str:
    """What is said of a wrong value: never the value of a setting that may hold a password."""
    if type(value) is int and not -HUGE < value < HUGE:
        return "it is a very large number"  # which Python may refuse to write
    return f"{value!r}" if type(value) in (int, float, bool, type(None)) else f"it is a {type(value).__name__}"


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= LONGEST


def _is_trace_url(value: Any) -> bool:
    from ..tracking.traces import is_template  # most sites have no traces

    return is_template(value)


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST


def _age(value: Any) -> bool:
    return isinstance(value, timedelta) and timedelta(0) < value <= timedelta(seconds=LONGEST)


def _seconds_or_age(value: Any) -> bool:
    return _age(value) or _positive(value)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _path_or_class(value: Any) -> bool:
    return is_text(value) or isinstance(value, type)


def _words(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset)) and all(map(is_text, value))


def is_runnable(value: Any) -> bool:
    return value == "*" if isinstance(value, str) else isinstance(value, (list, tuple, set, frozenset, dict))


def _permission(value: Any) -> bool:
    return is_text(value) and value.count(".") == 1 and all(value.split("."))


def _label(value: Any) -> bool:
    return isinstance(value, (str, Promise))


CLASS = (_path_or_class, "the dotted path of a class")
SIZE = (is_count, "a whole number above 0, a billion at most")
SECONDS = (_positive, "a number of seconds above 0, a century at most")
TIME = (_seconds_or_age, "seconds above 0, or a timedelta, a century at most")
SILENCE = (
    lambda v: v == timedelta(0) or (v == 0 and not isinstance(v, bool)) or _seconds_or_age(v),
    "seconds or a timedelta, 0 to a century",
)
CAPTURE = (lambda value: isinstance(value, str) and value in CAPTURES, f"one of {', '.join(map(repr, CAPTURES))}")

#: For each key: what holds for a good value, and how to describe one.
VALUES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "APP": (lambda v: v is None or is_text(v) or isinstance(v, Celery), "the dotted path of the Celery app, or None"),
    "TASK_BACKEND": CLASS,
    "WORKER_BACKEND": CLASS,
    "QUEUE_BACKEND": CLASS,
    "STORE": CLASS,
    "STORE_URL": (lambda v: v is None or is_text(v), "a URL such as 'redis://localhost:6379/0', or None"),
    "STORE_TIMEOUT": SECONDS,
    "STORE_PREFIX": (lambda v: is_text(v) or callable(v), "a string that is not empty, or a callable that returns one"),
    "RETENTION": TIME,
    "RERUN_RETENTION": TIME,
    "TRACKED_TASKS": (lambda v: isinstance(v, dict), "a dict of task name to {'model': 'app.Model', …}"),
    "RUNNABLE_TASKS": (is_runnable, "a list of task names, a dict of name to options, or '*' for every task"),
    "RECORD_RETENTION": (
        lambda v: v is None or _age(v),
        "a timedelta above 0, a century at most, or None to keep for ever",
    ),
    "POLICY": CLASS,
    "REDACT_KEYS": (_words, "a list of strings: parts of names, none of them empty"),
    "REDACTOR": (lambda v: v is None or is_text(v) or callable(v), "the dotted path of a callable, or None"),
    "ARGS_CAPTURE": CAPTURE,
    "RESULT_CAPTURE": CAPTURE,
    "PAGE_SIZE": SIZE,
    "MAX_PAGE_SIZE": SIZE,
    "REFRESH_SECONDS": (lambda v: _positive(v) and v >= 1, "a number of seconds, 1 at least, a century at most"),
    "CONTROL_TIMEOUT": SECONDS,
    "METRICS": (lambda v: isinstance(v, bool), "True or False"),
    "METRICS_RETENTION": TIME,
    "METRICS_TOKEN": (lambda v: v is None or is_text(v), "a string that is not empty, or None"),
    "METRICS_NAMES": (lambda v: v in ("celery", "flower"), "'celery' or 'flower'"),
    "RELEASE": (lambda v: v is None or is_text(v), "a string that is not empty, or None"),
    "OBJECTIVES": (lambda v: isinstance(v, dict), "a dict of name to {'queue': …, one measure: its limit}"),
    "ALERTS": (lambda v: isinstance(v, (list, tuple)) and _words(v), "a list or tuple of dotted paths"),
    "ALERT_WEBHOOK": (lambda v: v is None or is_text(v), "a URL such as 'https://example.com/hook', or None"),
    "ALERT_COOL_DOWN": SILENCE,
    "LOGS": (lambda v: v in ("none", "tracked", "all"), "'none', 'tracked' or 'all'"),
    "TRACE_URL": (
        lambda v: v is None or _is_trace_url(v),
        "an address with {trace_id}, from https:// or / on, or None",
    ),
    "BASE_TEMPLATE": (is_text, "the name of a template"),
}


#: The same for the options of one runnable task.
RUNNABLE_VALUES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "permission": (_permission, "one permission, such as 'shop.change_order'"),
    "label": (_label, "text"),
    "description": (_label, "text"),
    "group": (_label, "text"),
    "confirm": (lambda v: isinstance(v, bool), "True or False"),
    "queues": (lambda v: _words(v) and bool(v), "a list of queue names"),
    "form": (_path_or_class, "the dotted path of a form"),
    "max_per_minute": SIZE,
}
RUNNABLE_OPTIONS: Final = tuple(RUNNABLE_VALUES)


def dotted_path(where: str, value: Any, fits: Callable[[Any], bool], wanted: str, remedy: str) -> Messages:
    try:
        target = import_string(value) if isinstance(value, str) else value
    except Exception as error:
        text = f"{where}: {value!r} cannot be imported: {type(error).__name__}: {error}"
        yield failure(4, text, "Correct the dotted path, or what its module raises.")
        return
    if not fits(target):
        yield failure(5, f"{where} does not name {wanted}.", f"Name {remedy}.")


def _is_store(target: Any) -> bool:
    from ..tracking.store import Store

    return isinstance(target, type) and issubclass(target, Store)


def _is_policy(target: Any) -> bool:
    return isinstance(target, type) and callable(getattr(target, "allows", None))


def is_form(target: Any) -> bool:
    return isinstance(target, type) and issubclass(target, BaseForm)


def _is_backend(contract: str) -> Callable[[Any], bool]:
    return lambda target: isinstance(target, type) and issubclass(target, import_string(f"{CONTRACTS}.{contract}"))


#: For each key that takes a dotted path: what holds for a good thing to name, and how to describe one.
PATHS: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "APP": (lambda target: isinstance(target, Celery), "a Celery app"),
    "STORE": (_is_store, "a subclass of celery_ops.tracking.store.Store"),
    "POLICY": (_is_policy, "a class with a method allows(user, action, obj=None)"),
    "REDACTOR": (callable, "a callable (name, value) -> value"),
    **{key: (_is_backend(name), f"a subclass of {CONTRACTS}.{name}") for key, name in BACKENDS.items()},
}


def unknown_options(number: int, where: str, options: Mapping[Any, Any], names: tuple[str, ...]) -> Messages:
    for option in options:
        if not isinstance(option, str) or option not in names:
            yield unknown(number, f"{where} has no option", option, names)


def unknown(number: int, text: str, word: Any, names: tuple[str, ...]) -> CheckMessage:
    near = {name.lower(): name for name in names}
    meant = get_close_matches(word.lower(), near, n=1) if isinstance(word, str) else []
    hint = f"Did you mean {near[meant[0]]!r}?" if meant else f"It knows {', '.join(names)}."
    return failure(
        number, f"{text} {word!r}." if isinstance(word, str) else f"{text} of type {type(word).__name__}.", hint
    )


def is_default(key: str, value: Any) -> bool:
    return isinstance(value, str) and value == DEFAULTS[key]
