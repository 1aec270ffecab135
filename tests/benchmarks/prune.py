"""``manage.py celery_ops prune`` over many results while others write, killed again and again, and with nothing to do.

The figure to reach is ``TEST_DATABASE=postgresql BENCHMARK_ROWS=5000000``, the whole fault test ``BENCHMARK_KILLS=50``.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from django.db import connection
from django_celery_results.models import TaskResult

from . import results
from .figures import Figure, at_most, exactly
from .registry import COMMANDS, benchmark
from .timing import sized

TABLE = TaskResult._meta.db_table
KILLS = int(os.environ.get("BENCHMARK_KILLS", sized(5, quick=1)))
ROWS_TO_KILL = sized(40_000, quick=4_000)
STARTS = sized(7, quick=1)
PRUNE = ["-m", "django", "celery_ops", "prune", "--results", "--verbosity", "0"]
ALL = [*PRUNE, "--older-than", "1h"]
NOTHING = [*PRUNE, "--older-than", "5000d"]
#: A site that listens, so that what is deleted has to be loaded.
LISTENING = """
import django
django.setup()
from django.core.management import call_command
from django.db.models.signals import post_delete
from django.utils import timezone
from django_celery_results.models import TaskResult
post_delete.connect(lambda **_: None, sender=TaskResult, weak=False)
"""
OURS_HEARD = LISTENING + "call_command('celery_ops', 'prune', '--results', '--older-than', '1h', '--verbosity', '0')"
DJANGOS_HEARD = LISTENING + "TaskResult.objects.filter(date_done__lt=timezone.now()).delete()"


@dataclass(frozen=True)
class Ended:
    """A process of the site: how long it took, and the most memory that it had, in MiB."""

    seconds: float
    peak: float


def site(*arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "TEST_DATABASE_NAME": str(connection.settings_dict["NAME"])}
    return subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL)


def ended(*arguments: str) -> Ended:
    began = time.perf_counter()
    process = site(*arguments)
    _pid, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    return Ended(time.perf_counter() - began, used.ru_maxrss / 1024)


@dataclass
class Writer:
    """Somebody else, who inserts and updates results of their own, and how long each statement took, in ms."""

    waits: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Writer":
        self._thread = threading.Thread(target=self._write)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        row = next(results.rows(1))
        columns, places = ", ".join(results.COLUMNS), ", ".join(["%s"] * len(results.COLUMNS))
        mine, now = connection.copy(), adapted(datetime.now(timezone.utc))
        with mine.cursor() as cursor:
            for number in itertools.count():
                if self._stop.wait(0.005):
                    break
                key = f"writer-{id(self)}-{number}"
                values = [key, *row[1:9], now, now, now, *row[12:]]
                self._time(cursor, f"INSERT INTO {TABLE} ({columns}) VALUES ({places})", values)
                self._time(cursor, f"UPDATE {TABLE} SET status = 'FAILURE' WHERE task_id = %s", [key])
        mine.close()

    def _time(self, cursor: object, statement: str, values: list) -> None:
        began = time.perf_counter()
        cursor.execute(statement, values)
        self.waits.append((time.perf_counter() - began) * 1000)

    @property
    def percentile_99(self) -> float:
        return sorted(self.waits)[len(self.waits) * 99 // 100]


def adapted(value: object) -> object:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


def fill(number: int) -> None:
    """Store so many results a year old and younger, with keys that an index takes quickly."""
    TaskResult.objects.all()._raw_delete("default")
    rows = (tuple(map(adapted, (f"{index:032x}", *row[1:]))) for index, row in enumerate(results.rows(number)))
    columns, places = ", ".join(results.COLUMNS), ", ".join(["%s"] * len(results.COLUMNS))
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {TABLE} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"VACUUM ANALYZE {TABLE}")
            cursor.execute("CHECKPOINT")
        else:
            cursor.execute("BEGIN")
            cursor.executemany(f"INSERT INTO {TABLE} ({columns}) VALUES ({places})", rows)
            cursor.execute("COMMIT")


@benchmark("prune", COMMANDS)
def pruning() -> Iterator[Figure]:
    """Old results deleted while others write, killed again and again, and with nothing to do."""
    yield from beside_a_writer(results.ROWS)
    yield from heard(min(results.ROWS, 200_000))
    yield from killed()
    yield from nothing_to_do()


def beside_a_writer(number: int) -> Iterator[Figure]:
    idle = ended(*NOTHING)
    fill(number)
    with Writer() as alone:
        time.sleep(sized(5, quick=1))
    with Writer() as beside:
        pruned = ended(*ALL)
    target = at_most(60 * number / 5_000_000) if connection.vendor == "postgresql" else None
    yield Figure.of(f"{connection.vendor}: prune of {number:,} results", pruned.seconds, "s", target=target)
    yield Figure.of("… memory over an idle command", pruned.peak - idle.peak, "MB", target=at_most(50))
    for whose, writer, reach in (("beside it", beside, at_most(100)), ("alone", alone, None)):
        yield Figure.of(f"… a writer {whose}, 99th percentile", writer.percentile_99, "ms", target=reach)
        yield Figure.of(f"… a writer {whose}, worst", max(writer.waits), "ms", target=reach)


def heard(number: int) -> Iterator[Figure]:
    idle, took = ended(*NOTHING), []
    for code in (OURS_HEARD, DJANGOS_HEARD):
        fill(number)
        took.append(ended("-c", code))
    ours, theirs = took
    beside = {"peer": ".delete()", "unit": "s", "theirs": theirs.seconds}
    yield Figure.of(f"prune of {number:,} results to which a site listens", ours.seconds, **beside)
    yield Figure.of("… memory", ours.peak - idle.peak, **beside | {"unit": "MB", "theirs": theirs.peak - idle.peak})


def killed() -> Iterator[Figure]:
    """Kill it at random; each time it has deleted something, and the last run takes exactly the rest."""
    fill(ROWS_TO_KILL)
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    old = TaskResult.objects.filter(status__in=("SUCCESS", "FAILURE"), date_done__lt=hour_ago)
    young = TaskResult.objects.exclude(pk__in=old.values("pk")).count()
    went, left = [], old.count()
    for _ in range(KILLS):
        process = site(*ALL, "--batch-size", "10")
        while old.count() == left and process.poll() is None:
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        assert process.wait() == -signal.SIGKILL
        went.append(left - old.count())
        left -= went[-1]
    ended(*ALL)
    is_exact = all(went) and not old.exists() and TaskResult.objects.count() == young
    yield Figure.of(f"{KILLS} kills, rows gone before them", sum(went))
    yield Figure.of("… and in the rerun", left)
    yield Figure.of("… runs that left too many rows or too few", int(not is_exact), target=exactly(0))


def nothing_to_do() -> Iterator[Figure]:
    taken: dict[str, list[float]] = {"prune": [], "check": []}
    for _ in range(STARTS):  # in turn, so that a drift of the machine meets both
        taken["prune"].append(ended(*NOTHING).seconds)
        taken["check"].append(ended("-m", "django", "check").seconds)
    prune, check = taken.values()
    what = "nothing to prune, beside a command of Django's"
    yield Figure.of(what, prune, "s", peer="manage.py check", theirs=check, ratio_target=at_most(1.2))
