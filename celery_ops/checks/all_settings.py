"""What is asked of the settings as a whole: whether they fit together, and the site that they are of."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.template import TemplateDoesNotExist, loader
from django.template.utils import get_app_template_dirs
from django.utils.module_loading import import_string

from ..backends.results.checks import problems
from ..conf import DEFAULTS, NAME, conf
from ..logs import get_logger
from . import alerts
from .messages import Messages, failure, note, warning
from .values import BACKENDS, is_count, is_default, is_runnable, is_text

logger = get_logger("celery_ops.checks")

DJANGO_TEMPLATES: Final = "django.template.backends.django.DjangoTemplates"
#: Where our own templates are.
OURS: Final = Path(__file__).parents[1] / "templates"
#: What to do about a template that is not found: the site's own, and ours, which no other engine reads.
UNFOUND: Final = "Name a template that your TEMPLATES find."
OURS_UNFOUND: Final = f"Have an engine {DJANGO_TEMPLATES!r} among your TEMPLATES, with 'APP_DIRS': True."
#: A host that may have a login, a port and a database: what any Redis client reads as it stands.
PLAIN_URL: Final = re.compile(
    r"(?:rediss?|valkeys?)://(?:[^\s/?#;,@\[\]]*@)?[\w.-]+(?::(?:\d{1,4}|[1-5]\d{4}))?(?:/\d{0,4})?", re.ASCII
)
#: Brokers that are no Redis.
NO_REDIS: Final = re.compile(r"(?:pyamqp|amqps?|memory|sqs)://")


def _page_sizes(site: Mapping[Any, Any]) -> Messages:
    size, most = (site.get(key, DEFAULTS[key]) for key in ("PAGE_SIZE", "MAX_PAGE_SIZE"))
    if is_count(size) and is_count(most) and most < size:
        text = f"{NAME}['MAX_PAGE_SIZE'], {most}, is less than PAGE_SIZE, {size}."
        yield failure(10, text, "Raise MAX_PAGE_SIZE or lower PAGE_SIZE.")


def _base_template(site: Mapping[Any, Any]) -> Messages:
    name = site.get("BASE_TEMPLATE", DEFAULTS["BASE_TEMPLATE"])
    # a worker's settings may do without templates
    if not is_text(name) or not settings.TEMPLATES or (is_default("BASE_TEMPLATE", name) and _finds_ours(name)):
        return
    where = f"{NAME}['BASE_TEMPLATE']: the template {name!r}"
    try:
        loader.get_template(name)
    except TemplateDoesNotExist:
        yield failure(11, f"{where} does not exist.", OURS_UNFOUND if is_default("BASE_TEMPLATE", name) else UNFOUND)
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
    prefixes = tuple(f"{name} is tracked for " for name in configured) if isinstance(configured, dict) else ()
    for problem in registry.problems():
        if not problem.startswith(prefixes):  # the setting's own entries have been reported above, by their key
            yield failure(12, f"Tracking: {problem}.", "Correct the @track of that task.")


def _misnamed(site: Mapping[Any, Any]) -> Messages:
    """A warning: nothing breaks, the task is only on no object's panel."""
    from ..tracking.registry import registry

    try:
        sentences = registry.unknown_names()
    except Exception:  # APP itself is wrong, which has been told by its key
        logger.debug("The site's tasks cannot be had", exc_info=True)
        return
    for sentence in sentences:
        hint = f"Correct the id_query of its @track, or of its entry in {NAME}['TRACKED_TASKS']."
        yield warning(9, f"Tracking: {sentence}, so it is linked to nothing.", hint)


def _modules(site: Mapping[Any, Any]) -> Messages:
    """A warning: the site ran without these modules before it had us."""
    from ..tracking.registry import registry

    for problem in registry.unimported():
        yield warning(3, f"Tracking: {problem}.", "Correct what the module raises.")


def _unknown_runnable(site: Mapping[Any, Any]) -> Messages:
    """A note: workers may know a task that a web process does not."""
    allowed = site.get("RUNNABLE_TASKS", ())
    if not allowed or isinstance(allowed, str) or not is_runnable(allowed):
        return
    from ..running.allowlist import site_tasks

    try:
        tasks = site_tasks()
    except Exception:  # APP itself is wrong, which has been told by its key
        logger.debug("The site's tasks cannot be had", exc_info=True)
        return
    for name in allowed:
        if is_text(name) and name not in tasks and not name.startswith("celery."):
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
    if not is_default("STORE", site.get("STORE", DEFAULTS["STORE"])):
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
            messages = _of_default(key) if is_default(key, value) else _backend(value).check()
        except Exception:
            logger.debug("%s[%r] could not check itself", NAME, key, exc_info=True)
        else:
            yield from messages


def _backend(value: Any) -> Any:
    return (import_string(value) if isinstance(value, str) else value)()


def _of_default(key: str) -> list[CheckMessage]:
    """What that backend says, which itself is dear to import. Those of workers and queues need nothing."""
    return list(problems(conf.celery_app)) if key == "TASK_BACKEND" else []


EVERY_SETTING: Final = (
    _page_sizes,
    _base_template,
    _bindings,
    _misnamed,
    _modules,
    _unknown_runnable,
    _store,
    _backends,
    alerts.combinations,
)
