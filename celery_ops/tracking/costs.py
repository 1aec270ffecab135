"""What an attempt costs: seconds of CPU, and by how much the peak of its process's memory grew meanwhile.

Both come from one call of ``getrusage`` at its beginning and one at its end. A process of a prefork pool runs one task
at a time, so all its CPU is that task's, its threads' too. In a pool of threads the CPU of the task's own thread is
counted. Greenlets share theirs, so nobody knows. Memory is the process's in any case: what ran beside may be in it.
"""

import sys
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

with suppress(ImportError):  # there is none on Windows
    import resource

#: Set on a request: what it began with, and what it came to.
BEGAN: Final = "celery_ops_cost_began"
CAME_TO: Final = "celery_ops_cost"
#: What the peak of memory is told in, in bytes: Linux says KiB.
UNIT: Final = 1 if sys.platform == "darwin" else 1024
KIB: Final = 1024
#: Separates a time from what was spent until then, in the fact of an attempt's end.
SEPARATOR: Final = "/"


class Cost(NamedTuple):
    """Seconds of CPU, None where nobody knows, and bytes; both of one attempt."""

    cpu_seconds: float | None
    peak_memory: int | None


UNKNOWN: Final = Cost(None, None)
#: Makes one of a tuple, without a call of Python's: each attempt pays for it.
_cost: Final = partial(tuple.__new__, Cost)


class _Process:
    """How this process runs tasks."""

    whose: int | None = None  # the argument of getrusage, None while nobody can say
    knows_cpu = True


if "resource" in globals():
    _Process.whose = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)
    _Process.knows_cpu = hasattr(resource, "RUSAGE_THREAD")


def one_at_a_time() -> None:
    """Take all that this process uses for its task's from now on."""
    if _Process.whose is not None:
        _Process.whose, _Process.knows_cpu = resource.RUSAGE_SELF, True


def side_by_side() -> None:
    """Tell no CPU from now on: tasks share a thread."""
    _Process.knows_cpu = False


def begin(details: dict[str, Any]) -> None:
    """Note what an attempt begins with; ``details`` are its request's."""
    if (whose := _Process.whose) is not None:
        details[BEGAN] = resource.getrusage(whose)


def of(details: dict[str, Any]) -> Cost:
    """Return what an attempt of this process came to; that is at its end, where it is asked first."""
    if (cost := details.get(CAME_TO)) is not None:
        return cost
    began, whose = details.get(BEGAN), _Process.whose
    if began is None or whose is None:
        cost = UNKNOWN
    else:
        now = resource.getrusage(whose)  # its user's and its system's time, and its peak of memory come first
        cpu = now[0] + now[1] - began[0] - began[1] if _Process.knows_cpu else None
        cost = _cost((cpu, (now[2] - began[2]) * UNIT))
    details[CAME_TO] = cost
    return cost


def text_of(cost: Cost) -> str:
    """Return a cost as the fact of an end has it behind its time: milliseconds, and KiB where there are any."""
    cpu, memory = cost
    if cpu is None:
        return f"{SEPARATOR}{SEPARATOR}{memory // KIB}" if memory else ""
    text = _milliseconds(round(cpu * 1000))
    return f"{text}{SEPARATOR}{memory // KIB}" if memory else text


@lru_cache(maxsize=1024)
def _milliseconds(number: int) -> str:
    return f"{SEPARATOR}{number}"


def cost_in(fact: str | None) -> Cost:
    """Return the cost that the fact of an attempt's end says."""
    _time, separator, rest = (fact or "").partition(SEPARATOR)
    if not separator:
        return UNKNOWN
    cpu, _separator, memory = rest.partition(SEPARATOR)
    milliseconds, kib = _number(cpu), _number(memory or "0")
    return Cost(None if milliseconds is None else milliseconds / 1000, None if kib is None else kib * KIB)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
