"""Which objectives are breached, as it was evaluated last. A page reads that, and waits for no evaluation."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import states
from ...alerts import evaluating, words
from ...alerts.evaluating import Breach
from ...alerts.objectives import FAILURE_RATE, objectives
from ...concurrency import Asked
from ...exceptions import StoreUnavailable
from ...links import task_list_url
from ...logs import get_logger
from ...tables.links import PageLink, queue_link
from ...tracking import prefix
from .problems import MOST_NAMED, Problem

logger = get_logger("celery_ops.views")


def breached_objectives() -> tuple[Problem, ...]:
    """Return a sentence for each, none while the store is away. One round trip at most.

    Where nobody has evaluated for a while, that is begun beside the page.
    """
    if not objectives():
        return ()
    try:
        state = evaluating.state()
    except StoreUnavailable:
        return ()
    if not state.is_recent:
        whose = prefix.current_or_none()
        Asked(lambda: _evaluate(whose), "evaluates")
    return tuple(_problems(evaluating.breaches(state)))


def _evaluate(whose: str) -> None:
    try:
        with prefix.using(whose):
            evaluating.evaluate(only_if_due=True)
    except StoreUnavailable:
        return
    except Exception:
        logger.warning("The objectives could not be evaluated", exc_info=True)


def _problems(breaches: list[Breach]) -> Iterator[Problem]:
    for breach in breaches[:MOST_NAMED]:
        yield _problem(breach)
    if (more := len(breaches) - MOST_NAMED) > 0:
        words_of_more = ngettext("%(n)s more objective is breached.", "%(n)s more objectives are breached.", more)
        yield Problem(words_of_more % {"n": more})


def _problem(breach: Breach) -> Problem:
    return Problem.of(
        _("{about} breaches “{name}”. {what} is more than {limit}."),
        _link(breach),
        name=breach.objective.name,
        what=words.described(breach.objective.measure),
        limit=words.amount(breach.objective.measure, breach.objective.limit),
    )


def _link(breach: Breach) -> PageLink:
    if breach.others:
        return PageLink(ngettext("%(n)s more", "%(n)s more", breach.others) % {"n": breach.others}, "")
    if breach.objective.subject == "queue":
        return queue_link(breach.target)
    if breach.objective.subject != "task":
        return PageLink(breach.target, "")
    failed = {"state": states.FAILURE} if breach.objective.measure == FAILURE_RATE else {}
    return PageLink(breach.target, task_list_url(name=breach.target, **failed))
