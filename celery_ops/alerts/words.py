"""What an alert says, in plain words."""

from datetime import timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ..formatting import duration
from .alert import Alert
from .objectives import (
    BEAT_SILENT,
    COUNTED,
    DEPTH,
    FAILURE_GROUP,
    FAILURE_RATE,
    LATE,
    OLDEST_AGE,
    RUN,
    WAIT,
    WORKER_GONE,
)


def title(alert: Alert) -> str:
    """Return one line of text."""
    if alert.measure == FAILURE_GROUP:
        return alert.name
    if alert.measure == BEAT_SILENT:
        return _("Beat is silent") if alert.is_breached else _("Beat is heard again")
    if alert.measure == WORKER_GONE:
        words = _("%(target)s is gone") if alert.is_breached else _("%(target)s is no longer gone")
        return words % {"target": alert.target}
    words = _("%(name)s: breached by %(target)s") if alert.is_breached else _("%(name)s: %(target)s has recovered")
    return words % {"name": alert.name, "target": alert.target}


def sentence(alert: Alert) -> str:
    """Return what happened, with its numbers."""
    if alert.measure == FAILURE_GROUP:
        return _("%(name)s: its group is %(key)s.") % {"name": alert.name, "key": alert.target}
    if alert.measure == BEAT_SILENT:
        return _("No beat gives a sign of life: nothing is sent.") if alert.is_breached else _("Beat sends again.")
    if alert.measure == WORKER_GONE:
        if alert.is_breached:
            return _("The worker %(target)s gives no sign of life, and never said goodbye.") % {"target": alert.target}
        return _("The worker %(target)s is back, or was forgotten.") % {"target": alert.target}
    facts = {
        "what": described(alert.measure),
        "target": alert.target,
        "value": amount(alert.measure, alert.value),
        "limit": amount(alert.measure, alert.limit),
    }
    words = (
        _("%(what)s of %(target)s is %(value)s: more than %(limit)s.")
        if alert.is_breached
        else _("%(what)s of %(target)s is %(value)s: no more than %(limit)s.")
    )
    is_over_time = alert.window and alert.measure in COUNTED
    over = _(" Measured over the last %(window)s.") % {"window": alert.window} if is_over_time else ""
    return words % facts + over


def described(measure: str) -> str:
    """Return what a measure is, as the beginning of a sentence."""
    return {
        WAIT: _("The wait (p95)"),
        RUN: _("The run time (p95)"),
        FAILURE_RATE: _("The failure rate"),
        OLDEST_AGE: _("The age of the oldest message"),
        DEPTH: _("The number of waiting messages"),
        LATE: _("The lateness"),
    }.get(measure, measure)


def amount(measure: str, value: float | None) -> str:
    """Return a value in the measure's unit."""
    if value is None:
        return _("unknown")
    if measure == FAILURE_RATE:
        return f"{100 * value:.3g} %"
    if measure == DEPTH:
        return number_format(int(value) if value == int(value) else value, force_grouping=True)
    return duration(timedelta(seconds=min(value, 1e9)))
