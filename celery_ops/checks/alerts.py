"""What is said of ``OBJECTIVES``, ``ALERTS`` and ``ALERT_WEBHOOK``."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from django.conf import settings
from django.utils.module_loading import import_string

from ..alerts.objectives import LONGEST_NAME, MEASURES, MOST_OBJECTIVES, objective
from ..alerts.objectives import objectives as right_objectives
from ..conf import DEFAULTS, NAME
from ..exceptions import WrongObjective
from .messages import Messages, failure, warning

MAIL, WEBHOOK = "celery_ops.alerts.mail_admins", "celery_ops.alerts.webhook"
OURS: Final = (MAIL, WEBHOOK)


def objectives(value: Mapping[Any, Any]) -> Messages:
    if len(value) > MOST_OBJECTIVES:
        text = f"{NAME}['OBJECTIVES'] has {len(value)} entries; those after {MOST_OBJECTIVES} are not looked at."
        yield failure(14, text, "Use patterns: 'mail*' is every queue whose name begins so, each on its own.")
    for name, entry in list(value.items())[:MOST_OBJECTIVES]:
        where = f"{NAME}['OBJECTIVES']"
        where = f"{where}[{name[:LONGEST_NAME]!r}]" if isinstance(name, str) else where
        try:
            objective(name, entry)
        except WrongObjective as error:
            yield failure(14, f"{where} {error}.", error.hint)


def paths(value: Any) -> Messages:
    for path in value:
        where = f"{NAME}['ALERTS']: {path!r}"
        if path in OURS:
            continue
        try:
            target = import_string(path)
        except Exception as error:
            near = get_close_matches(path, OURS, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else "Correct the dotted path, or what its module raises."
            yield failure(4, f"{where} cannot be imported: {type(error).__name__}: {error}", hint)
            continue
        if not callable(target):
            yield failure(5, f"{where} is not callable.", "Name a function that takes an alert.")


def webhook(value: Any) -> Messages:
    """The URL itself is not told: it may hold a secret."""
    from ..alerts.posting import url_problem

    if value is not None and (problem := url_problem(value)):
        yield failure(15, f"{NAME}['ALERT_WEBHOOK'] {problem}.", "Use a URL such as 'https://example.com/hook'.")


def combinations(site: Mapping[Any, Any]) -> Messages:
    """Say what is in order by itself, and does nothing beside the other settings."""
    alerts = site.get("ALERTS", DEFAULTS["ALERTS"])
    alerts = alerts if isinstance(alerts, (list, tuple)) else ()
    has_url = site.get("ALERT_WEBHOOK") is not None
    if WEBHOOK in alerts and not has_url:
        text = f"{NAME}['ALERTS'] names the webhook, and ALERT_WEBHOOK is not set."
        yield failure(15, text, "Set ALERT_WEBHOOK to the URL to post to.")
    if has_url and WEBHOOK not in alerts:
        text = f"{NAME}['ALERT_WEBHOOK'] is set, and nothing is posted there."
        yield warning(7, text, f"Add {WEBHOOK!r} to ALERTS.")
    if MAIL in alerts and not settings.ADMINS:
        yield warning(7, f"{NAME}['ALERTS'] mails the admins, and ADMINS is empty.", "Set ADMINS to their addresses.")
    if site.get("METRICS", DEFAULTS["METRICS"]) is False:
        counted = [objective.name for objective in right_objectives() if objective.is_counted]
        if counted:
            text = f"{NAME}['OBJECTIVES'][{counted[0]!r}] needs numbers, and METRICS is False."
            yield warning(7, text, f"Set METRICS to True, or measure {' or '.join(MEASURES['queue'][3:])} of a queue.")
