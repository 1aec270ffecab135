"""How each target of an objective is, and what of that has been told: worked out from the values and what was before.

Only what is breached is kept, or was told to be. A value that is unknown changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from .alert import BREACHED, RECOVERED
from .objectives import Objective

#: Targets of one objective that are told of one by one. Of those beyond it is told how many they are.
MOST_TARGETS: Final = 20
#: What stands for those beyond.
OTHERS: Final = ""
#: Seconds that a breach is kept of which nothing is known any more, beside its window.
KEPT: Final = 86_400


class Key(NamedTuple):
    """What is about one target of an objective, by the objective's name."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Condition:
    """How a target is: ``told`` is the state that was told last, empty for none.

    ``since`` is when it came to be so, ``measured`` when that was known last: both in seconds since the epoch.
    ``value`` was the last one, and ``others`` how many targets it stands for beyond the first.
    """

    state: str
    told: str
    since: float
    measured: float
    value: float
    others: int = 0

    @property
    def is_breached(self) -> bool:
        return self.state == BREACHED

    @property
    def is_to_be_told(self) -> bool:
        """Whether something is so that nobody has been told. That it holds is no news of what nobody heard was not."""
        return self.told != BREACHED if self.is_breached else self.told == BREACHED


Conditions = Mapping[Key, Condition]


def advanced(
    conditions: Conditions, objectives: Mapping[Objective, Mapping[str, float]], now: float
) -> dict[Key, Condition]:
    """Return how everything is after these values. Those of objectives that are not among them stay for a while."""
    after = {key: one for key, one in conditions.items() if now - one.measured < KEPT}
    for objective, values in objectives.items():
        after.update(_of(objective, values, conditions, now))
    return {key: one for key, one in after.items() if one.is_breached or one.is_to_be_told}


def _of(
    objective: Objective, values: Mapping[str, float], before: Conditions, now: float
) -> Iterator[tuple[Key, Condition]]:
    of_old = {key.target: one for key, one in before.items() if key.name == objective.name}
    breached = {target: value for target, value in values.items() if objective.is_breached_by(value)}
    for target in values.keys() & of_old.keys() - {OTHERS}:
        yield Key(objective.name, target), _next(of_old[target], values[target], target in breached, now)
    newly = sorted(breached.keys() - of_old.keys(), key=lambda target: (-breached[target], target))
    others = of_old.get(OTHERS)
    room = 0 if others is not None and others.is_breached else max(0, MOST_TARGETS - len(of_old))
    for target in newly[:room]:
        yield Key(objective.name, target), Condition(BREACHED, "", now, now, breached[target])
    if beyond := newly[room:]:
        others = others or Condition(RECOVERED, "", now, now, 0.0)
        worst = replace(_next(others, breached[beyond[0]], True, now), others=len(beyond))
        yield Key(objective.name, OTHERS), worst
    elif others is not None and values:
        yield Key(objective.name, OTHERS), replace(_next(others, 0.0, False, now), others=0)


def _next(before: Condition, value: float, is_breached: bool, now: float) -> Condition:
    state = BREACHED if is_breached else RECOVERED
    since = before.since if state == before.state else now
    return replace(before, state=state, since=since, measured=now, value=value)
