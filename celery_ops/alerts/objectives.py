"""What ``OBJECTIVES`` says: which numbers of which queues, tasks or schedules must not go over a limit."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from ..conf import conf
from ..exceptions import WrongObjective
from ..metrics.windows import WINDOWS

WAIT, RUN, FAILURE_RATE = "wait_p95", "run_p95", "failure_rate"
OLDEST_AGE, DEPTH, LATE = "oldest_age", "depth", "late"
#: What happens and is no objective of the site's.
WORKER_GONE, FAILURE_GROUP, BEAT_SILENT = "worker_gone", "failure_group", "beat_silent"

#: What an objective may be about, and what can be measured of it.
MEASURES: Final[Mapping[str, tuple[str, ...]]] = {
    "queue": (WAIT, RUN, FAILURE_RATE, OLDEST_AGE, DEPTH),
    "task": (WAIT, RUN, FAILURE_RATE),
    "schedule": (LATE,),
}
ALL_MEASURES: Final = tuple(dict.fromkeys(measure for measures in MEASURES.values() for measure in measures))
#: Measures of what was counted over a window; the others are of the moment.
COUNTED: Final = frozenset({WAIT, RUN, FAILURE_RATE})
#: Names that an objective cannot have: what is told of workers and failures has them.
TAKEN: Final = frozenset({WORKER_GONE, FAILURE_GROUP, BEAT_SILENT})
OPTIONS: Final = (*MEASURES, *ALL_MEASURES, "window")

WINDOW: Final = "15m"
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
SHORTEST_WINDOW: Final = 60
LONGEST_WINDOW: Final = max(window.seconds for window in WINDOWS.values())
LONGEST_NAME: Final = 100
LONGEST_PATTERN: Final = 255
HIGHEST_LIMIT: Final = 1e12
#: More objectives than anybody reads of.
MOST_OBJECTIVES: Final = 200
_WRITTEN_WINDOW: Final = re.compile(r"([1-9][0-9]{0,8})([smhdw])")


@dataclass(frozen=True, slots=True)
class Objective:
    """``measure`` of each ``subject`` (queue, task or schedule) that the pattern matches is ``limit`` at most.

    ``window`` is how the settings write it, and ``seconds`` how long it is: 0 for what is of the moment, which any
    window leaves as it is.
    """

    name: str
    subject: str
    pattern: str
    measure: str
    limit: float
    window: str = ""
    seconds: int = 0

    @property
    def is_counted(self) -> bool:
        return self.measure in COUNTED

    @property
    def is_exact(self) -> bool:
        """Whether the pattern is a name."""
        return not set("*?") & set(self.pattern)

    def matches(self, name: str) -> bool:
        return _pattern(self.pattern).fullmatch(name) is not None

    def is_breached_by(self, value: float) -> bool:
        return value > self.limit


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    wild = {"*": ".*", "?": "."}
    parts = filter(None, re.split(r"(\*)\**|(\?)", pattern))
    return re.compile("".join(wild.get(part) or re.escape(part) for part in parts), re.DOTALL)


def objectives() -> tuple[Objective, ...]:
    """Return the objectives of the settings, without those that are wrong: the system checks tell of them."""
    entries = conf.OBJECTIVES
    right = []
    for name, entry in list(entries.items())[:MOST_OBJECTIVES] if isinstance(entries, Mapping) else ():
        try:
            right.append(objective(name, entry))
        except WrongObjective:
            continue
    return tuple(right)


def objective(name: Any, entry: Any) -> Objective:
    """Return what one entry of ``OBJECTIVES`` says. Raises WrongObjective, with the remedy."""
    _check_name(name)
    if not isinstance(entry, Mapping):
        raise WrongObjective(f"is a {type(entry).__name__}", "Use {'queue': 'mail', 'wait_p95': 30, 'window': '15m'}.")
    if unknown := [option for option in entry if not isinstance(option, str) or option not in OPTIONS]:
        raise WrongObjective(f"has no option {_shown(unknown[0])}", f"It knows {', '.join(OPTIONS)}.")
    subject = _only(entry, tuple(MEASURES), "what it is about", "'queue', 'task' or 'schedule'")
    measure = _only(entry, ALL_MEASURES, "a measure", ", ".join(map(repr, MEASURES[subject])))
    if measure not in MEASURES[subject]:
        fitting = ", ".join(map(repr, MEASURES[subject]))
        raise WrongObjective(f"measures {measure!r} of a {subject}, which has none", f"Use one of {fitting}.")
    pattern = _checked_pattern(subject, entry[subject])
    limit = _checked_limit(measure, entry[measure])
    is_counted = measure in COUNTED
    if not is_counted and "window" not in entry:
        return Objective(name, subject, pattern, measure, limit)
    window, seconds = _checked_window(entry.get("window", WINDOW))
    return Objective(name, subject, pattern, measure, limit, window, seconds if is_counted else 0)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        remedy = f"Name it with one line of text, {LONGEST_NAME} characters at most."
        raise WrongObjective("has a name that is none", remedy)
    if name in TAKEN:
        raise WrongObjective("has a name that alerts of ours have", "Call it something else.")


def _only(entry: Mapping[str, Any], options: tuple[str, ...], what: str, remedy: str) -> str:
    given = [option for option in options if option in entry]
    if len(given) != 1:
        told = f"says more than once {what}: {', '.join(given)}" if given else f"does not say {what}"
        raise WrongObjective(told, f"Give just one of {remedy}.")
    return given[0]


def _checked_pattern(subject: str, pattern: Any) -> str:
    if not isinstance(pattern, str) or not pattern.strip() or len(pattern) > LONGEST_PATTERN:
        remedy = f"Use the name of a {subject}, in which * and ? stand for others, as in a shell."
        raise WrongObjective(f"has a {subject} that is no name: {_shown(pattern)}", remedy)
    return pattern


def _checked_limit(measure: str, limit: Any) -> float:
    remedy = "a part of 1, such as 0.05" if measure == FAILURE_RATE else "a number, 0 or more"
    is_number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    if not is_number or not 0 <= limit <= (1 if measure == FAILURE_RATE else HIGHEST_LIMIT):
        raise WrongObjective(f"has a limit of {measure} that will not do: {_shown(limit)}", f"Use {remedy}.")
    return limit


def _checked_window(window: Any) -> tuple[str, int]:
    """Return how a window is written, and its seconds."""
    longest = max(SHORTEST_WINDOW, min(conf.metrics_seconds, LONGEST_WINDOW))
    remedy = f"Use a text such as '15m', '1h' or '1d': {SHORTEST_WINDOW} s at least, {_written(longest)} at most."
    if isinstance(window, str) and (match := _WRITTEN_WINDOW.fullmatch(window)):
        seconds = int(match[1]) * UNITS[match[2]]
    elif isinstance(window, timedelta):
        seconds = int(window.total_seconds())
        window = _written(seconds)
    else:
        raise WrongObjective(f"has a window that will not do: {_shown(window)}", remedy)
    if not SHORTEST_WINDOW <= seconds <= longest:
        which = "shorter than a minute" if seconds < SHORTEST_WINDOW else "longer than numbers are kept"
        raise WrongObjective(f"has a window that is {which}: {window}", remedy)
    return window, seconds


def _written(seconds: int) -> str:
    unit = next(unit for unit in "dhms" if seconds % UNITS[unit] == 0)
    return f"{seconds // UNITS[unit]}{unit}"


def _shown(value: Any) -> str:
    """Return what is said of a wrong value: it may be of any type, and its own words may raise."""
    if type(value) is str:
        return repr(value[:LONGEST_NAME])
    if isinstance(value, int) and not -HIGHEST_LIMIT <= value <= HIGHEST_LIMIT:
        return "it is a very large number"  # which Python may refuse to write
    return repr(value) if type(value) in (int, float, bool, type(None)) else f"it is a {type(value).__name__}"
