"""The objectives: which are breached now, and which nothing can be said of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from django.utils.translation import gettext as _

from ..alerts import evaluating, words
from ..alerts.evaluating import Evaluation
from ..alerts.measuring import Measured, measured
from ..alerts.objectives import DEPTH, FAILURE_RATE, LATE, OLDEST_AGE, RUN, WAIT, Objective, objectives
from ..exceptions import StoreUnavailable
from ..logs import get_logger
from .finding import Finding, listed, ok, warning

logger = get_logger("celery_ops.diagnosis")


def check() -> Iterator[Finding]:
    """Evaluate the objectives, as a worker does, and say which are breached."""
    wanted = objectives()
    if not wanted:
        yield ok("objectives", _("This site has no objectives."))
        return
    values = _evaluated().measured or measured(wanted)
    breached = {objective: over for objective in wanted if (over := _over(objective, values.of(objective)))}
    for objective, over in breached.items():
        yield _breached(objective, over)
    unknown = [objective for objective in wanted if not values.of(objective)]
    if unknown:
        yield _unknown(unknown, values)
    if not breached and len(unknown) < len(wanted):
        yield ok("objectives", _("Every objective that can be measured holds."))


def _evaluated() -> Evaluation:
    """Say what is new to those who want to know it, without waiting for them: the process does, when it ends."""
    try:
        return evaluating.evaluate(patience=0) or Evaluation()
    except StoreUnavailable as error:  # which another check tells
        logger.debug("The objectives cannot be evaluated: %s", error)
        return Evaluation()


def _over(objective: Objective, values: Mapping[str, float]) -> dict[str, float]:
    return {target: value for target, value in values.items() if objective.is_breached_by(value)}


def _breached(objective: Objective, over: Mapping[str, float]) -> Finding:
    worst = sorted(over, key=lambda target: -over[target])
    facts = {
        "name": objective.name,
        "what": words.described(objective.measure),
        "limit": words.amount(objective.measure, objective.limit),
        "names": listed(f"{target} ({words.amount(objective.measure, over[target])})" for target in worst),
    }
    message = _("%(name)s is breached. %(what)s is more than %(limit)s: %(names)s.") % facts
    return warning("objectives", message, _remedy(objective))


def _remedy(objective: Objective) -> str:
    workers = _("Add workers to these queues, or look for tasks that block them.")
    remedies: Final = {
        WAIT: workers,
        OLDEST_AGE: workers,
        DEPTH: workers,
        RUN: _("Look at the slowest runs: what they wait for, or whether they have more to do than they had."),
        FAILURE_RATE: _("Look at the failed tasks for what they have in common, mend that, and run them again."),
        LATE: _("Look whether beat runs, and whether workers have time for the schedule's task."),
    }
    return remedies[objective.measure]


def _unknown(unknown: Sequence[Objective], values: Measured) -> Finding:
    message = _("Nothing is known of these objectives: %(names)s.") % {
        "names": listed(objective.name for objective in unknown)
    }
    if values.silent:
        return warning("objectives", message, _("A part that tells it is away: the other checks say which."))
    hint = _("Correct the names in OBJECTIVES; nothing, if no such task has run lately or the queue is not there yet.")
    return warning("objectives", message, hint)
