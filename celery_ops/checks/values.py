"""Every key of ``CELERY_OPS``: what holds for a good value, and what is said of another."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from celery import Celery
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage
from django.forms import BaseForm
from django.template import TemplateDoesNotExist, loader
from django.template.utils import get_app_template_dirs
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from ..backends.results.checks import problems
from ..conf import DEFAULTS, NAME, conf
from ..logs import get_logger
from ..tracking.traces import is_template
from . import alerts
from .messages import Messages, failure, note, warning

TRACKED_OPTIONS: Final = ("model", "id_query", "launch_args", "launch_kwargs", "hidden", "label", "sensitive")
CONTRACTS: Final = "celery_ops.backends.base"
BACKENDS: Final = {"TASK_BACKEND": "TaskBackend", "WORKER_BACKEND": "WorkerBackend", "QUEUE_BACKEND": "QueueBackend"}
DJANGO_TEMPLATES: Final = "django.template.backends.django.DjangoTemplates"
#: Where our own templates are.
OURS: Final = Path(__file__).parents[1] / "templates"
#: A host that may have a login, a port and a database: what any Redis client reads as it stands.
PLAIN_URL: Final = re.compile(
    r"(?:rediss?|valkeys?)://(?:[^\s/?#;,@\[\]]*@)?[\w.-]+(?::(?:\d{1,4}|[1-5]\d{4}))?(?:/\d{0,4})?", re.ASCII
)
#: Brokers that are no Redis.
NO_REDIS: Final = re.compile(r"(?:pyamqp|amqps?|memory|sqs)://")
CAPTURES: Final = ("none", "redacted", "full")
#: Seconds of a century: beyond that no clock, thread or store can be told to wait or to keep.
LONGEST: Final = 36_525 * 86_400
#: Rows, or runs of a minute: what no database takes for a limit is far beyond.
MOST: Final = 10**9
HUGE: Final = 10**20

logger = get_logger("celery_ops.checks")


def check_key(key: Any, site: Mapping[Any, Any]) -> Messages:
    if not isinstance(key, str) or key not in DEFAULTS:
        yield _unknown(2, f"{NAME} has no key", key, tuple(DEFAULTS))
        return
    value = site[key]
    valid, remedy = VALUES[key]
    if not valid(value):
        yield failure(3, f"{NAME}[{key!r}] is not valid: {_description(value)}.", f"Use {remedy}.")
    elif key in PATHS and value is not None and not _is_default(key, value):
        fits, wanted = PATHS[key]
        yield from _path(f"{NAME}[{key!r}]", value, fits, wanted, wanted)
    elif key in EACH:
        yield from EACH[key](value)


def _description(value: Any) -> str:
    """What is said of a wrong value: never the value of a setting that may hold a password."""
    if type(value) is int and not -HUGE < value < HUGE:
        return "it is a very large number"  # which Python may refuse to write
    return f"{value!r}" if type(value) in (int, float, bool, type(None)) else f"it is a {type(value).__name__}"


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= LONGEST


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST


def _age(value: Any) -> bool:
    return isinstance(value, timedelta) and timedelta(0) < value <= timedelta(seconds=LONGEST)


def _seconds_or_age(value: Any) -> bool:
    return _age(value) or _positive(value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _path_or_class(value: Any) -> bool:
    return _text(value) or isinstance(value, type)


def _words(value: Any) -> bool:
    return isinstance(value, (list, tuple, set, frozenset)) and all(map(_text, value))


def _runnable(value: Any) -> bool:
    return value == "*" if isinstance(value, str) else isinstance(value, (list, tuple, set, frozenset, dict))


def _permission(value: Any) -> bool:
    return _text(value) and value.count(".") == 1 and all(value.split("."))


def _label(value: Any) -> bool:
    return isinstance(value, (str, Promise))


CLASS = (_path_or_class, "the dotted path of a class")
SIZE = (_count, "a whole number above 0, a billion at most")
SECONDS = (_positive, "a number of seconds above 0, a century at most")
TIME = (_seconds_or_age, "seconds above 0, or a timedelta, a century at most")
CAPTURE = (lambda value: isinstance(value, str) and value in CAPTURES, f"one of {', '.join(map(repr, CAPTURES))}")

#: For each key: what holds for a good value, and how to describe one.
VALUES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "APP": (lambda v: v is None or _text(v) or isinstance(v, Celery), "the dotted path of the Celery app, or None"),
    "TASK_BACKEND": CLASS,
    "WORKER_BACKEND": CLASS,
    "QUEUE_BACKEND": CLASS,
    "STORE": CLASS,
    "STORE_URL": (lambda v: v is None or _text(v), "a URL such as 'redis://localhost:6379/0', or None"),
    "STORE_TIMEOUT": SECONDS,
    "STORE_PREFIX": (lambda v: _text(v) or callable(v), "a string that is not empty, or a callable that returns one"),
    "RETENTION": TIME,
    "RERUN_RETENTION": TIME,
    "TRACKED_TASKS": (lambda v: isinstance(v, dict), "a dict of task name to {'model': 'app.Model', …}"),
    "RUNNABLE_TASKS": (_runnable, "a list of task names, a dict of name to options, or '*' for every task"),
    "RECORD_RETENTION": (
        lambda v: v is None or _age(v),
        "a timedelta above 0, a century at most, or None to keep for ever",
    ),
    "POLICY": CLASS,
    "REDACT_KEYS": (_words, "a list of strings: parts of names, none of them empty"),
    "REDACTOR": (lambda v: v is None or _text(v) or callable(v), "the dotted path of a callable, or None"),
    "ARGS_CAPTURE": CAPTURE,
    "RESULT_CAPTURE": CAPTURE,
    "PAGE_SIZE": SIZE,
    "MAX_PAGE_SIZE": SIZE,
    "REFRESH_SECONDS": (lambda v: _positive(v) and v >= 1, "a number of seconds, 1 at least, a century at most"),
    "CONTROL_TIMEOUT": SECONDS,
    "METRICS": (lambda v: isinstance(v, bool), "True or False"),
    "METRICS_RETENTION": TIME,
    "METRICS_TOKEN": (lambda v: v is None or _text(v), "a string that is not empty, or None"),
    "METRICS_NAMES": (lambda v: v in ("celery", "flower"), "'celery' or 'flower'"),
    "RELEASE": (lambda v: v is None or _text(v), "a string that is not empty, or None"),
    "OBJECTIVES": (lambda v: isinstance(v, dict), "a dict of name to {'queue': …, one measure: its limit}"),
    "ALERTS": (lambda v: isinstance(v, (list, tuple)) and _words(v), "a list or tuple of dotted paths"),
    "ALERT_WEBHOOK": (lambda v: v is None or _text(v), "a URL such as 'https://example.com/hook', or None"),
    "ALERT_COOL_DOWN": TIME,
    "LOGS": (lambda v: v in ("none", "tracked", "all"), "'none', 'tracked' or 'all'"),
    "TRACE_URL": (lambda v: v is None or is_template(v), "a URL with {trace_id} that begins with https://, or None"),
    "BASE_TEMPLATE": (_text, "the name of a template"),
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


def _path(where: str, value: Any, fits: Callable[[Any], bool], wanted: str, remedy: str) -> Messages:
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


def _is_form(target: Any) -> bool:
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


def _runnable_tasks(value: Any) -> Messages:
    for name in () if isinstance(value, str) else value:
        where = f"{NAME}['RUNNABLE_TASKS']"
        if not _text(name):
            yield failure(6, f"{where} has an entry that is no task name: {_description(name)}.", "Use names of tasks.")
            continue
        if name.startswith("celery."):
            yield failure(
                7, f"{where} names {name}.", "Take it out: celery.map runs any task, whatever is listed here."
            )
        options = value[name] if isinstance(value, dict) else None
        if options is not None and not isinstance(options, dict):
            yield failure(6, f"{where}[{name!r}] is not valid: {_description(options)}.", "Use a dict of options.")
        else:
            yield from _runnable_options(f"{where}[{name!r}]", options or {})


def _runnable_options(where: str, options: Mapping[Any, Any]) -> Messages:
    yield from _unknown_options(6, where, options, RUNNABLE_OPTIONS)
    for option in (option for option in RUNNABLE_OPTIONS if options.get(option) is not None):
        valid, remedy = RUNNABLE_VALUES[option]
        if not valid(options[option]):
            yield failure(6, f"{where}: {option!r} is not valid: {_description(options[option])}.", f"Use {remedy}.")
        elif option == "form":
            form = f"{where}: 'form'"
            yield from _path(form, options[option], _is_form, "a form", "a subclass of django.forms.Form")


def _tracked_tasks(value: dict[Any, Any]) -> Messages:
    for name, entry in value.items():
        where = f"{NAME}['TRACKED_TASKS'][{name!r}]" if isinstance(name, str) else f"{NAME}['TRACKED_TASKS']"
        if not _text(name):
            yield failure(8, f"{where} has a key that is no task name: {_description(name)}.", "Use names of tasks.")
            continue
        for binding in entry if isinstance(entry, (list, tuple)) else (entry,):
            yield from _binding(where, binding)


def _binding(where: str, binding: Any) -> Messages:
    if not isinstance(binding, dict):
        yield failure(
            8, f"{where} is not valid: {_description(binding)}.", "Use {'model': 'app.Model', …}, or a list of it."
        )
        return
    yield from _unknown_options(8, where, binding, TRACKED_OPTIONS)
    if "model" not in binding:
        yield failure(8, f"{where} has no 'model'.", "Add 'model': 'app.Model'.")
    elif not _is_model(binding["model"]):
        model = binding["model"]
        told = f"{model!r}, which is no model of this site" if isinstance(model, str) else _description(model)
        yield failure(9, f"{where}: 'model' is not valid: {told}.", "Use the label of an installed model.")
    else:
        from ..tracking.registry import make_binding

        options = {option: binding[option] for option in TRACKED_OPTIONS[1:] if option in binding}
        try:
            make_binding(binding["model"], options)
        except TypeError as error:
            yield failure(8, f"{where} is not valid: {error}.", "Correct the option, or leave it out.")


def _is_model(model: Any) -> bool:
    if not isinstance(model, str):
        return isinstance(model, type) and hasattr(model, "_meta")
    try:
        apps.get_model(model)
    except (LookupError, ValueError):
        return False
    return True


def _unknown_options(number: int, where: str, options: Mapping[Any, Any], names: tuple[str, ...]) -> Messages:
    for option in options:
        if not isinstance(option, str) or option not in names:
            yield _unknown(number, f"{where} has no option", option, names)


def _unknown(number: int, text: str, word: Any, names: tuple[str, ...]) -> CheckMessage:
    near = {name.lower(): name for name in names}
    meant = get_close_matches(word.lower(), near, n=1) if isinstance(word, str) else []
    hint = f"Did you mean {near[meant[0]]!r}?" if meant else f"It knows {', '.join(names)}."
    return failure(
        number, f"{text} {word!r}." if isinstance(word, str) else f"{text} of type {type(word).__name__}.", hint
    )


def _page_sizes(site: Mapping[Any, Any]) -> Messages:
    size, most = (site.get(key, DEFAULTS[key]) for key in ("PAGE_SIZE", "MAX_PAGE_SIZE"))
    if _count(size) and _count(most) and most < size:
        text = f"{NAME}['MAX_PAGE_SIZE'], {most}, is less than PAGE_SIZE, {size}."
        yield failure(10, text, "Raise MAX_PAGE_SIZE or lower PAGE_SIZE.")


def _base_template(site: Mapping[Any, Any]) -> Messages:
    name = site.get("BASE_TEMPLATE", DEFAULTS["BASE_TEMPLATE"])
    # a worker's settings may do without templates
    if not _text(name) or not settings.TEMPLATES or (_is_default("BASE_TEMPLATE", name) and _finds_ours(name)):
        return
    where = f"{NAME}['BASE_TEMPLATE']: the template {name!r}"
    try:
        loader.get_template(name)
    except TemplateDoesNotExist:
        yield failure(11, f"{where} does not exist.", "Name a template that your TEMPLATES find.")
    except Exception as error:
        yield failure(11, f"{where} cannot be loaded: {type(error).__name__}: {error}", "Correct it, or name another.")


def _finds_ours(name: str) -> bool:
    """Whether our own template is what Django's loaders find, as far as the settings tell: it need not be read."""
    engine = settings.TEMPLATES[0]
    if engine.get("BACKEND") != DJANGO_TEMPLATES or not engine.get("APP_DIRS"):
        return False
    places = (Path(place) / name for place in (*engine.get("DIRS", ()), *get_app_template_dirs("templates")))
    return next((place for place in places if place.is_file()), None) == OURS / name


def _bindings(site: Mapping[Any, Any]) -> Messages:
    from ..tracking.registry import registry

    configured = site.get("TRACKED_TASKS")
    told = tuple(f"{name} is tracked for " for name in configured) if isinstance(configured, dict) else ()
    for problem in registry.problems():
        if not problem.startswith(told):  # the setting's own entries have been reported above, by their key
            yield failure(12, f"Tracking: {problem}.", "Correct the @track of that task.")


def _modules(site: Mapping[Any, Any]) -> Messages:
    """A warning: the site ran without these modules before it had us."""
    from ..tracking.registry import registry

    for problem in registry.unimported():
        yield warning(3, f"Tracking: {problem}.", "Correct what the module raises.")


def _unknown_runnable(site: Mapping[Any, Any]) -> Messages:
    """A note: workers may know a task that a web process does not."""
    allowed = site.get("RUNNABLE_TASKS", ())
    if not allowed or isinstance(allowed, str) or not _runnable(allowed):
        return
    from ..running.allowlist import site_tasks

    try:
        tasks = site_tasks()
    except Exception:  # APP itself is wrong, which has been told by its key
        logger.debug("The site's tasks cannot be had", exc_info=True)
        return
    for name in allowed:
        if _text(name) and name not in tasks and not name.startswith("celery."):
            text = f"{NAME}['RUNNABLE_TASKS'] names {name}, which this process does not know."
            near = get_close_matches(name, tasks, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "It runs while a worker has it; else correct the name."
            yield note(3, text, hint)


def _store(site: Mapping[Any, Any]) -> Messages:
    """The store knows best what its settings mean. The URL itself is not told: it may hold a password."""
    try:
        if not _is_plain(site):
            from ..tracking.recorder import new_store

            new_store().close()
    except ValueError as error:
        hint = getattr(error, "hint", "Begin it with redis://, rediss://, unix:// or sentinel://.")
        yield failure(13, f"{NAME}['STORE_URL'] is not a URL that the store knows.", hint)
    except Exception as error:  # STORE itself is wrong, which has been told by its key
        logger.debug("The store cannot be made: %s", type(error).__name__)  # its words may quote a password


def _is_plain(site: Mapping[Any, Any]) -> bool:
    """Whether nothing can be wrong with the URL: then the store, whose client is dear to import, need not be asked."""
    if not _is_default("STORE", site.get("STORE", DEFAULTS["STORE"])):
        return False
    if url := site.get("STORE_URL"):
        return isinstance(url, str) and bool(PLAIN_URL.fullmatch(url))
    broker = conf.celery_app.conf.broker_write_url  # where the store is without a URL, if that is Redis
    return isinstance(broker, str) and bool(PLAIN_URL.fullmatch(broker) or NO_REDIS.match(broker))


def _backends(site: Mapping[Any, Any]) -> Messages:
    """Each backend knows what it needs of the site; a wrong path has been told by its key."""
    for key in BACKENDS:
        value = site.get(key, DEFAULTS[key])
        try:
            messages = _of_default(key) if _is_default(key, value) else _backend(value).check()
        except Exception:
            logger.debug("%s[%r] could not check itself", NAME, key, exc_info=True)
        else:
            yield from messages


def _backend(value: Any) -> Any:
    return (import_string(value) if isinstance(value, str) else value)()


def _is_default(key: str, value: Any) -> bool:
    return isinstance(value, str) and value == DEFAULTS[key]


def _of_default(key: str) -> list[CheckMessage]:
    """What that backend says, which itself is dear to import. Those of workers and queues need nothing."""
    return list(problems(conf.celery_app)) if key == "TASK_BACKEND" else []


#: What else is said of a value of the right type.
EACH: Final[Mapping[str, Callable[[Any], Messages]]] = {
    "RUNNABLE_TASKS": _runnable_tasks,
    "TRACKED_TASKS": _tracked_tasks,
    "OBJECTIVES": alerts.objectives,
    "ALERTS": alerts.paths,
    "ALERT_WEBHOOK": alerts.webhook,
}

#: What is asked of the settings as a whole.
EVERY_SETTING: Final = (
    _page_sizes,
    _base_template,
    _bindings,
    _modules,
    _unknown_runnable,
    _store,
    _backends,
    alerts.together,
)
