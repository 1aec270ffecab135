"""One evaluation: whoever comes first measures, works out what is new, keeps that, and tells it.

What is to be told is kept before it is told. So one who is killed in between has told nobody, and nobody is told twice.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Final

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import StoreUnavailable
from ..formatting import clean
from ..logs import get_logger, one_line
from . import delivery
from .alert import BREACHED, Alert
from .board import Board, State
from .conditions import OTHERS, Condition, Key, advanced
from .groups import ROW_KEPT, SeenFailure, seen_failures
from .measuring import BEAT, WORKERS, Measured, measured
from .objectives import FAILURE_GROUP, LATE, WORKER_GONE, Objective, objectives
from .switch import is_on

logger = get_logger("celery_ops.alerts")

#: Seconds without a word of a worker after which it was forgotten, and is no longer gone.
FORGOTTEN: Final = 60.0
#: Seconds for which beat may be silent before that is told: with those after which it is silent.
BEAT_STARTS: Final = 25.0
#: Failures that are told of one by one in one evaluation.
MOST_FAILURES: Final = 20
#: Characters of a name that is told.
LONGEST_TOLD: Final = 200


@dataclass(frozen=True, slots=True)
class Breach:
    """One target that is breached, since when, and its last value. ``others`` are as many more in its place."""

    objective: Objective
    target: str
    since: datetime
    value: float
    others: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What was found: ``measured`` is None where it was another one's turn."""

    breaches: tuple[Breach, ...] = ()
    alerts: tuple[Alert, ...] = ()
    measured: Measured | None = None


class Unsure:
    """Alerts of turns that this process ended and of which the store did not say whether it kept them as told.

    If it did, nobody else tells them; if not, whoever evaluates next does.
    """

    def __init__(self) -> None:
        self._by_turn: dict[str, list[Alert]] = {}

    def keep(self, turn: str, alerts: list[Alert]) -> None:
        self._by_turn[turn] = alerts

    def settled(self, state: State) -> list[Alert]:
        """Return those that are for this process to tell, now that the store says which turns it has; forget all."""
        kept, self._by_turn = self._by_turn, {}
        return [alert for turn, alerts in kept.items() if turn in state.turns for alert in alerts]


_unsure: Final = Unsure()


def watched_objectives() -> tuple[Objective, ...]:
    """Return the site's objectives, that no worker is gone, and that beat is not silent."""
    return (*objectives(), WORKERS, BEAT)


def evaluate(*, only_if_due: bool = False, patience: float = delivery.PATIENCE) -> Evaluation | None:
    """Evaluate every objective and tell what is new, where it is for this process to do so; else return None.

    Those who are told have ``patience`` seconds before this returns without them. Raises StoreUnavailable: without what
    was told before nothing is told, and nothing was evaluated.
    """
    if not is_on():
        return Evaluation()
    board = Board()
    if only_if_due and not board.is_due():
        return None
    before = board.take_turn(only_if_due=only_if_due)
    if before is None:
        return None
    unsure = _unsure.settled(before)
    try:
        with translation.override(settings.LANGUAGE_CODE):  # whoever comes first may be a page in another language
            evaluation = _evaluated(board, before)
    except StoreUnavailable:
        raise
    except Exception:
        board.give_up()
        raise
    finally:
        delivery.deliver(unsure, patience)
    delivery.deliver(evaluation.alerts, patience)
    return evaluation


def state() -> State:
    """Return how everything was when it was evaluated last. One round trip. Raises StoreUnavailable."""
    return Board().state()


def breaches(state: State) -> list[Breach]:
    """Return which objectives of the site were breached, the longest first."""
    by_name = {objective.name: objective for objective in objectives()}
    kept = sorted(
        ((key, one) for key, one in state.conditions.items() if one.is_breached and key.name in by_name),
        key=lambda item: item[1].since,
    )
    return [
        Breach(by_name[key.name], clean(key.target), _moment(one.since), one.value, one.others) for key, one in kept
    ]


def _evaluated(board: Board, before: State) -> Evaluation:
    now, watching = time.time(), watched_objectives()
    by_name = {objective.name: objective for objective in watching}
    values = measured(watching)
    by_objective = {objective: values.of(objective) for objective in watching}
    if "workers" not in values.silent:
        by_objective[WORKERS] = {**_forgotten(before, values.of(WORKERS), now), **values.of(WORKERS)}
    if "schedules" not in values.silent:
        for late in (objective for objective in watching if objective.measure == LATE):
            by_objective[late] = {**_gone(before, late), **values.of(late)}
    conditions = advanced(before.conditions, by_objective, now)
    new_failures = [seen for seen in seen_failures(now) if seen.id not in before.handled]
    candidates = {
        **{
            _quiet_key(key, one): key
            for key, one in conditions.items()
            if key.name in by_name and _is_to_be_told(key, one, now)  # others are for those whose settings have them
        },
        **{_quiet_key_of(seen): seen for seen in new_failures},
    }
    quiet = board.quiet(candidates)
    if quiet is None:
        logger.warning("An evaluation of the objectives took too long, and was given up.")
        return Evaluation(measured=values)
    told = {name: what for name, what in candidates.items() if name not in quiet}
    failures = [what for what in told.values() if isinstance(what, SeenFailure)]
    keys = [what for what in told.values() if isinstance(what, Key)]
    alerts = [_alert(by_name[key.name], key, conditions[key], now) for key in keys]
    alerts += _of_failures(failures, now)
    handled = [seen for seen in new_failures if _quiet_key_of(seen) not in quiet]  # the others are told later
    after = State(_told(conditions, keys), _handled(before, handled, now), before.turns)
    try:
        is_kept = board.end_turn(after, told, conf.cool_down_seconds)
    except StoreUnavailable:
        _unsure.keep(board.token, alerts)
        raise
    return Evaluation(tuple(breaches(after)), tuple(alerts) if is_kept else (), values)


def _forgotten(before: State, values: Mapping[str, float], now: float) -> dict[str, float]:
    """Return the workers of which nobody knows any more that they are gone."""
    return {
        key.target: 0.0
        for key, one in before.conditions.items()
        if key.name == WORKER_GONE and key.target not in (OTHERS, *values) and now - one.measured > FORGOTTEN
    }


def _gone(before: State, objective: Objective) -> dict[str, float]:
    """Return the schedules of an objective that was breached: one that is there no more is not late, either."""
    targets = (key.target for key in before.conditions if key.name == objective.name)
    return dict.fromkeys((target for target in targets if target != OTHERS), 0.0)


def _is_to_be_told(key: Key, condition: Condition, now: float) -> bool:
    """Beat may start a moment later than who looks first."""
    is_young = key.name == BEAT.name and condition.is_breached and now - condition.since < BEAT_STARTS
    return condition.is_to_be_told and not is_young


def _quiet_key(key: Key, condition: Condition) -> str:
    return f"{key.name}\n{key.target}\n{condition.state}"


def _quiet_key_of(failure: SeenFailure) -> str:
    return f"{FAILURE_GROUP}\n{failure.key}"


def _told(conditions: Mapping[Key, Condition], keys: list[Key]) -> dict[Key, Condition]:
    """Return the conditions as they are when these have been told."""
    after = {**conditions, **{key: replace(conditions[key], told=conditions[key].state) for key in keys}}
    return {key: one for key, one in after.items() if one.is_breached or one.is_to_be_told}


def _alert(objective: Objective, key: Key, condition: Condition, now: float) -> Alert:
    target = _told_name(key.target)
    if key.target == OTHERS:
        target = _("and %(n)s more") % {"n": condition.others} if condition.others else _("and all others")
    return Alert(
        objective.name,
        objective.measure,
        condition.value,
        objective.limit,
        target,
        objective.window,
        _moment(now),
        condition.state,
    )


def _of_failures(failures: list[SeenFailure], now: float) -> Iterator[Alert]:
    by_key = {seen.key: seen for seen in failures}
    for seen in list(by_key.values())[:MOST_FAILURES]:
        words = _("Failure of %(task)s is back") if seen.is_regressed else _("New failure of %(task)s")
        yield _failure(words % {"task": _told_name(seen.task_name)}, _told_name(seen.key), now)
    if (more := len(by_key) - MOST_FAILURES) > 0:
        yield _failure(_("New failures"), _("and %(n)s more") % {"n": more}, now)


def _failure(name: str, target: str, now: float) -> Alert:
    return Alert(name, FAILURE_GROUP, None, None, target, "", _moment(now), BREACHED)


def _handled(before: State, failures: list[SeenFailure], now: float) -> dict[str, float]:
    kept = {event: at for event, at in before.handled.items() if abs(now - at) < 2 * ROW_KEPT}
    return {**kept, **{seen.id: now for seen in failures}}


def _told_name(text: str) -> str:
    """Return a name for one line of a mail: whoever can send a message can name a queue."""
    return one_line(clean(text, LONGEST_TOLD))


def _moment(at: float) -> datetime:
    try:
        return datetime.fromtimestamp(at, timezone.utc)
    except (OverflowError, ValueError, OSError):  # what a store says
        return datetime.now(timezone.utc)
