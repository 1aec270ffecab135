"""System checks: a wrong ``CELERY_OPS``, and a site that something is missing from, are told at start.

Each has its remedy. Nothing here connects to anything, and no value of a setting makes a check raise.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage

from ..conf import DEFAULTS, NAME
from . import alerts, entries
from .all_settings import EVERY_SETTING
from .messages import IDS, Messages, failure
from .site import BY_SETTINGS, EVERY_SITE
from .values import PATHS, VALUES, description, dotted_path, is_default, unknown

__all__ = ["IDS", "check_settings"]

#: What else is said of a value of the right type.
EACH: Final[Mapping[str, Callable[[Any], Messages]]] = {
    "RUNNABLE_TASKS": entries.runnable_tasks,
    "TRACKED_TASKS": entries.tracked_tasks,
    "OBJECTIVES": alerts.objectives,
    "ALERTS": alerts.paths,
    "ALERT_WEBHOOK": alerts.webhook,
}


def check_settings(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with the site's ``CELERY_OPS``, and with the site around it, as Django's check messages."""
    messages = _settings()
    for check in EVERY_SITE:
        messages += _guarded(check)
    return messages


def _settings() -> list[CheckMessage]:
    site = getattr(settings, NAME, {})
    if not isinstance(site, dict):
        text = f"{NAME} is a {type(site).__name__}, not a dict."
        return [failure(1, text, f"Write {NAME} = {{…}}, or leave it out.")]
    site = dict.copy(site)
    messages: list[CheckMessage] = []
    for key in site:
        messages += _guarded(_key, key, site)
    for check in (*EVERY_SETTING, *BY_SETTINGS):
        messages += _guarded(check, site)
    return messages


def _key(key: Any, site: Mapping[Any, Any]) -> Messages:
    if not isinstance(key, str) or key not in DEFAULTS:
        yield unknown(2, f"{NAME} has no key", key, tuple(DEFAULTS))
        return
    value = site[key]
    valid, remedy = VALUES[key]
    if not valid(value):
        yield failure(3, f"{NAME}[{key!r}] is not valid: {description(value)}.", f"Use {remedy}.")
    elif key in PATHS and value is not None and not is_default(key, value):
        fits, wanted = PATHS[key]
        yield from dotted_path(f"{NAME}[{key!r}]", value, fits, wanted, wanted)
    elif key in EACH:
        yield from EACH[key](value)


def _guarded(check: Callable[..., Messages], *args: Any) -> list[CheckMessage]:
    try:
        return list(check(*args))
    except Exception as error:
        subject = args[0] if args and isinstance(args[0], str) else "a setting"
        text = f"{NAME}: {subject} cannot be checked: its value raises {type(error).__name__}."
        return [failure(3, text, "Use plain Python values.")]
