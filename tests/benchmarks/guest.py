"""What a process of a site pays for the app that shows none of its pages: a worker, a shell, a command."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from .figures import Figure, at_most, median
from .registry import COMMANDS, benchmark
from .timing import sized

ROUNDS = sized(5, quick=1)
LOAD = ("-m", "tests.sites.guest")
CHECK = ("-m", "django", "check")
IMPORT = """
import time
begin = time.process_time()
import celery_ops
print((time.process_time() - begin) * 1000)
"""
FORMS = ("crispy_forms", "crispy_bootstrap5")
#: What a site may have for pages of its own.
LISTS = ("django_tables2", "django_filters")
#: By what they are called here: a site's own apps, and these with ours and what ours cannot do without.
SITES = {
    "a site without": ((), (*FORMS, "celery_ops")),
    "a site that has their libraries": ((*FORMS, *LISTS), (*FORMS, *LISTS, "celery_ops")),
}


@benchmark("guest", COMMANDS)
def guest() -> Iterator[Figure]:
    """Processes that load a site and its tasks, with the app and without, as workers, shells and commands do."""
    for site, (without, including) in SITES.items():
        before, after = _in_turn(lambda apps: json.loads(_python(apps, *LOAD).stdout), without, including)
        yield Figure.of(f"{site}: modules loaded with the app", median([len(each["modules"]) for each in after]))
        more = [len(late["modules"]) - len(early["modules"]) for early, late in zip(before, after, strict=True)]
        yield Figure.of("… of these for the app", more, target=at_most(70))
        for size in ("rss", "pss"):
            grown = [(late[size] - early[size]) / 1024 for early, late in zip(before, after, strict=True)]
            yield Figure.of(f"… memory for the app ({size.upper()})", grown, "MB", target=at_most(5))
        before, after = _in_turn(lambda apps: _seconds(apps, *CHECK), without, including)
        for index, clock in enumerate(("by the clock", "of a processor")):
            yield Figure.of(
                f"… manage.py check with the app, {clock}",
                [times[index] for times in after],
                "s",
                peer="without it",
                theirs=[times[index] for times in before],
                ratio_target=at_most(1.3),
            )
    took = [float(_python((), "-c", IMPORT).stdout) for _ in range(ROUNDS)]
    yield Figure.of("import celery_ops, of a processor", took, "ms")


def _in_turn(measure: Callable, *subjects: Sequence[str] | str) -> list[list]:
    """Return what is measured of each subject: round by round, so that a drift of the machine meets all."""
    rounds = [[measure(subject) for subject in subjects] for _ in range(ROUNDS + 1)]
    return [list(measured) for measured in zip(*rounds[1:], strict=True)]


def _python(apps: Sequence[str], *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.sites.guest.settings", "GUEST_APPS": " ".join(apps)}
    environment["PYTHONDONTWRITEBYTECODE"] = ""  # compiling at each start would be measured as ours
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True, env=environment)


def _seconds(apps: Sequence[str], *words: str) -> tuple[float, float]:
    """Return how long a process took, by the clock and of a processor."""
    begin, spent = time.perf_counter(), _spent()
    _python(apps, *words)
    return time.perf_counter() - begin, _spent() - spent


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
