"""Whether what is shown is true: workers whose tasks are noted by receivers of Celery's signals that are not ours."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from celery_ops.conf import DEFAULTS
from celery_ops.metrics import insight
from celery_ops.metrics.cells import Cell
from celery_ops.metrics.flushing import FLUSH_EVERY, flusher
from celery_ops.metrics.reading import Numbers
from celery_ops.metrics.windows import WINDOWS
from tests.servers import PORT, RedisServer, wait_for
from tests.shop import tasks

from .figures import Figure, at_most, exactly
from .registry import INSIGHT, benchmark
from .setup import client, new_server, use_store
from .timing import sized

TASKS = sized(20_000, quick=300)
WORKERS = 3
#: What becomes of a task, and how often.
FATES = (("succeeds", 85), ("fails", 8), ("retries", 5), ("rejects", 2))
#: Seconds that the store may take to answer: a busy machine is no outage.
STORE_TIMEOUT = 5
#: What each number counts, as ``tests.signals_app`` calls it.
NOTED = {
    Cell.STARTED: "started",
    Cell.SUCCESS: "succeeded",
    Cell.FAILURE: "failed",
    Cell.RETRY: "retried",
    Cell.REJECTED: "rejected",
}
#: Tasks amid which children are killed, how often one of each worker is, and how many seconds apart.
AMID = sized(3_000, quick=100)
KILLS = sized(4, quick=1)
APART = sized(2.0, quick=0.2)
#: Seconds that the store is away, and those before and after in which tasks are published, too; tasks a second.
OUTAGE = sized(60, quick=3)
AROUND = sized(8, quick=1)
RATE = 10
#: Seconds that numbers may take to come: who asks a store in vain, also one that is only slow, asks again after 30 at
#: the latest.
PATIENCE = 90
#: Seconds before its end that a process which is killed may lose.
MOST_LOST = 5.0


@dataclass(frozen=True, slots=True)
class Note:
    """What Celery told of a task in a process: times in seconds, the length None where nobody can tell."""

    pid: int
    at: float
    fate: str
    seconds: float | None


@dataclass
class Field:
    """Three workers with two children each, the tasks they are given, and what Celery told of these."""

    directory: Path
    store: str
    store_timeout: float
    workers: list[subprocess.Popen] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    sent: int = 0
    ends: int = 0

    def start(self) -> None:
        environment = {
            **os.environ,
            "TEST_BROKER_URL": f"redis://127.0.0.1:{PORT}/0",
            "TEST_STORE_URL": self.store,
            "TEST_STORE_TIMEOUT": str(self.store_timeout),
            "TEST_RESULT_BACKEND": "disabled://",
            "TEST_DATABASE_NAME": os.environ["TEST_SQLITE_FILE"],
            "TEST_SIGNALS": str(self.directory),
        }
        command = [sys.executable, "-m", "celery", "-A", "tests.signals_app", "worker", "-c", "2", "-l", "CRITICAL"]
        self.workers += [
            subprocess.Popen(
                [*command, "-n", f"w{number}@truth", "--without-gossip"], env=environment, stdout=subprocess.DEVNULL
            )
            for number in range(WORKERS)
        ]

    def stop(self) -> None:
        for process in self.workers:
            process.terminate()
        for process in self.workers:
            process.wait(60)

    def publish(self) -> None:
        """Publish a task whose fate is known; a retry is one more, published by its worker."""
        (fate,) = self.chance.choices([fate for fate, _ in FATES], [weight for _, weight in FATES])
        tasks.measured.delay(self.chance.lognormvariate(-3.9, 0.8), fate, time.time())
        self.sent += 1
        self.ends += 2 if fate == "retries" else 1

    def notes(self) -> list[Note]:
        return [_note(int(path.name), line) for path in self.directory.iterdir() for line in _lines(path)]

    def wait(self) -> list[Note]:
        """Wait until all that was published has ended, and return what Celery told."""
        redis = client(0)
        wait_for(lambda: not redis.llen("celery") and not redis.hlen("unacked"), "an empty queue", 1200)
        return self.notes()

    def children(self) -> list[int]:
        """Return a child of each worker."""
        pids = [Path(f"/proc/{one.pid}/task/{one.pid}/children").read_text().split() for one in self.workers]
        return [int(children[-1]) for children in pids if children]


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _note(pid: int, line: str) -> Note:
    at, fate, seconds = line.split()
    return Note(pid, float(at), fate, None if seconds == "-" else float(seconds))


@contextmanager
def field_of(store: str, store_timeout: float = DEFAULTS["STORE_TIMEOUT"]) -> Iterator[Field]:
    use_store(store, STORE_TIMEOUT=store_timeout)
    client(0).flushdb()
    with tempfile.TemporaryDirectory() as directory:
        one = Field(Path(directory), store, store_timeout)
        one.start()
        try:
            yield one
        finally:
            one.stop()


def counted() -> Numbers:
    flusher().flush()
    return insight.insight(WINDOWS["1h"], task=tasks.measured.name)


def expected(notes: Iterable[Note], sent: int) -> dict[Cell, int]:
    """Return what is to be shown: a retry is published by its worker, so it is one more."""
    told = Counter(note.fate for note in notes)
    return {Cell.SENT: sent + told["retried"], **{cell: told[fate] for cell, fate in NOTED.items()}}


def off_by(wanted: dict[Cell, int]) -> dict[Cell, int]:
    """Return how many more are shown than there were, once that is right or nobody can wait any longer."""
    until = time.monotonic() + PATIENCE
    while True:
        numbers = counted()
        off = {cell: numbers.count(cell) - number for cell, number in wanted.items()}
        if not any(off.values()) or time.monotonic() > until:
            return off
        time.sleep(1)


def exact(what: str, wanted: dict[Cell, int]) -> Iterator[Figure]:
    for cell, off in off_by(wanted).items():
        yield Figure.of(f"{what}: {cell.name} of {wanted[cell]:,}", off, target=exactly(0))


@benchmark("truth", INSIGHT)
def truth() -> Iterator[Figure]:
    """Three workers, waits, failures, retries and kills: what is shown against what Celery told of each task."""
    with field_of(f"redis://127.0.0.1:{PORT}/1", STORE_TIMEOUT) as site:
        for _ in range(TASKS):
            site.publish()
        notes = site.wait()
        yield Figure.of("ends that Celery told of, of those published", _ended(notes) - site.ends, target=exactly(0))
        yield from exact(f"{TASKS:,} tasks", expected(notes, site.sent))
        yield from percentiles(notes)
        yield from killed_at_rest(site)
        yield from killed_amid(site)


def _ended(notes: Iterable[Note]) -> int:
    return sum(note.fate != "started" for note in notes)


def percentiles(notes: list[Note]) -> Iterator[Figure]:
    """Yield by how much each is off. A run is from Celery's signal that it starts to the one that it has ended."""
    numbers = counted()
    waits = sorted(note.seconds for note in notes if note.fate == "started")
    runs = sorted(note.seconds for note in notes if note.fate in ("succeeded", "failed"))
    for what, shown, durations in (("wait", numbers.wait, waits), ("run", numbers.run, runs)):
        for percent in (50, 95, 99):
            is_so = durations[-(-len(durations) * percent // 100) - 1]
            off = abs((shown.percentile(percent) or 0) - is_so) / is_so
            yield Figure.of(f"{what} p{percent}, off by", 100 * off, "%", target=at_most(5))


def killed_at_rest(site: Field) -> Iterator[Figure]:
    """A child that has flushed, and has nothing to do, takes nothing with it."""
    for pid in site.children():
        os.kill(pid, signal.SIGKILL)
    for _ in range(AMID // 10):
        site.publish()
    yield from exact(f"{WORKERS} children killed at rest", expected(site.wait(), site.sent))


def killed_amid(site: Field) -> Iterator[Figure]:
    """A child that is killed at work loses what it counted since its last flush, and nothing older."""
    before, known = counted(), set(site.notes())
    for _ in range(AMID):
        site.publish()
    wait_for(lambda: len(site.notes()) > len(known) + AMID // 10, "work", 60)
    killed: dict[int, float] = {}
    for _ in range(KILLS):
        time.sleep(APART)
        for pid in site.children():
            os.kill(pid, signal.SIGKILL)
            killed[pid] = time.time()
    notes = [note for note in site.wait() if note not in known]
    time.sleep(2 * FLUSH_EVERY)
    numbers = counted()
    yield Figure.of("children killed at work", len(killed))
    for cell, fate in NOTED.items():
        of_it = [note for note in notes if note.fate == fate]
        at_risk = [note for note in of_it if note.at > killed.get(note.pid, float("inf")) - MOST_LOST]
        missing = len(of_it) - (numbers.count(cell) - before.count(cell))
        what = f"… {cell.name} of {len(of_it):,}, {len(at_risk):,} of them by these in their last {MOST_LOST:.0f} s"
        yield Figure.of(f"{what}: missing", missing, target=at_most(len(at_risk)))
        yield Figure.of("… counted twice", max(0, -missing), target=exactly(0))


@benchmark("outages", INSIGHT)
def outages() -> Iterator[Figure]:
    """The store frozen and killed for a minute while tasks are published and run: what is shown afterwards."""
    keeps = ("--appendonly", "yes", "--appendfsync", "always")
    server = new_server(*keeps, "--appenddirname", "outages")
    with field_of(f"{server.url}/0") as site:
        _through(site, server.freeze, server.thaw)
        yield from exact(f"{OUTAGE} s frozen", expected(site.wait(), site.sent))
        _through(site, server.kill, server.start)
        yield from exact(f"{OUTAGE} s dead, its data kept", expected(site.wait(), site.sent))
    yield from data_lost(new_server())


def data_lost(server: RedisServer) -> Iterator[Figure]:
    """What was flushed is gone with the store's data. What was not is there afterwards, and nothing of it twice."""
    with field_of(f"{server.url}/0") as site:
        died = _through(site, server.kill, server.start)
        notes = site.wait()
        since = expected((note for note in notes if note.at > died), 0)
        waiting = expected((note for note in notes if note.at > died - 2 * FLUSH_EVERY), 0)
        wait_for(lambda: _reaches(since), "numbers after the outage", PATIENCE)
        numbers = counted()
        for cell, number in since.items():
            if cell is not Cell.SENT:
                missing, more = number - numbers.count(cell), numbers.count(cell) - waiting[cell]
                yield Figure.of(
                    f"{OUTAGE} s dead, its data lost: {cell.name} of {number:,} since, missing",
                    max(0, missing),
                    target=exactly(0),
                )
                yield Figure.of("… counted twice", max(0, more), target=exactly(0))


def _reaches(wanted: dict[Cell, int]) -> bool:
    numbers = counted()
    return all(numbers.count(cell) >= number for cell, number in wanted.items() if cell is not Cell.SENT)


def _through(site: Field, away, back) -> float:
    """Publish at an even rate while the store goes and comes back. Return when it went."""
    _publish_for(site, AROUND)
    away()
    went = time.time()
    _publish_for(site, OUTAGE)
    back()
    _publish_for(site, AROUND)
    return went


def _publish_for(site: Field, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        site.publish()
        time.sleep(1 / RATE)
