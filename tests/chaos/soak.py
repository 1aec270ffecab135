"""A site under load whose parts fail at random, and afterwards whether all that it shows is true.

``CHAOS_MINUTES`` says for how long (10), ``CHAOS_SEED`` which faults come, ``CHAOS_KEEP`` a directory that is kept.
"""

import json
import logging
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .parts import Beat, Postgres, Redis, Web, Worker, postgres_binaries

#: Tasks a second that people publish; chains, groups and retries make more of them.
RATE = float(os.environ.get("CHAOS_RATE", "3"))
#: Seconds until all that was sent has ended.
DRAINS_WITHIN = 600.0
#: The part of the time after which the store loses all that it has.
EMPTIED_AFTER = 0.15


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds after which a message that its worker held is delivered again; and after which a task without its worker
    is lost, and every process has asked a store again that was away, and has flushed. ``longest`` is a fault's part."""

    visible_after: float
    quiet_for: float
    longest: float = 1.0
    #: Our constants that are shorter than they are elsewhere.
    hurry: Mapping[str, float] = field(default_factory=dict)


#: As on any site; and for a short soak, where what would take a minute takes ten seconds.
REAL = Pace(20, 75)
SHORT = Pace(
    8,
    13,
    0.3,
    {
        "celery_ops.tracking.recording.breaker.COOL_DOWN_MAX": 4,
        "celery_ops.tracking.heartbeat.BEAT_EVERY": 1,
        "celery_ops.tracking.redis.store.BEAT_COUNTS": 8,
        "celery_ops.tracking.histories.BEAT_COUNTS": 8,
        "celery_ops.tracking.executions.BEAT_COUNTS": 8,
    },
)


class Soak:
    def __init__(self, directory: Path, seconds: float, seed: int, pace: Pace) -> None:
        from tests.servers import free_port

        self.directory, self.seconds, self.seed, self.pace = directory, seconds, seed, pace
        self.store = Redis("store", free_port(), directory)
        self.broker = Redis("broker", free_port(), directory)
        binaries = postgres_binaries()
        self.database = Postgres(binaries, directory) if binaries else None
        os.environ.update(
            CHAOS_DIRECTORY=str(directory),
            CHAOS_STORE=self.store.url,
            CHAOS_BROKER=self.broker.url,
            CHAOS_VISIBLE_AFTER=str(pace.visible_after),
            CHAOS_HURRY=json.dumps(pace.hurry),
            **(self.database.environment if self.database else {}),
            DJANGO_SETTINGS_MODULE="tests.chaos.settings",
            CELERY_SKIP_CHECKS="1",
        )
        self.workers = [Worker(f"worker{number}", directory, {}) for number in (1, 2)]
        self.beat = Beat(directory, {})
        self.web = Web(free_port(), directory, {})
        servers = [self.store, self.broker, *([self.database] if self.database else [])]
        self.parts = [*servers, *self.workers, self.beat, self.web]

    def run(self) -> int:
        began = time.monotonic()
        try:
            for part in self.parts[: -len(self.workers) - 2]:
                part.start()
            self.set_up()
            for part in self.parts[-len(self.workers) - 2 :]:
                part.start()
            self.say(f"{len(self.parts)} parts are up after {time.monotonic() - began:.0f} s; seed {self.seed}")
            return self.soak()
        finally:
            for part in reversed(self.parts):
                if part.process is not None and part.process.poll() is None:
                    part.thaw()
                    part.kill()

    def set_up(self) -> None:
        import django
        from django.core.management import call_command

        django.setup()
        logging.basicConfig(filename=self.directory / "soak.log", force=True)
        call_command("migrate", run_syncdb=True, verbosity=0)
        from django.contrib.auth.models import User
        from django.test import Client

        root = User.objects.create_superuser("root", "root@example.com", "secret")
        browser = Client()
        browser.force_login(root)
        self.session = browser.cookies["sessionid"].value
        from tests.chaos.site import app

        app.set_default()

    def soak(self) -> int:
        from django.db import connections

        from celery_ops.metrics.flushing import flusher

        from .comparing import Comparison
        from .load import Load
        from .model import Truth
        from .truth import notes
        from .weather import Weather

        names = os.environ.get("CHAOS_PARTS", "").split()
        exposed = [part for part in self.parts if not names or part.name in names]
        load, weather = (
            Load(self.seed, RATE, self.web.url, self.session),
            Weather(self.parts, exposed, self.seed, self.pace.longest),
        )
        load.start()
        emptying = threading.Timer(self.seconds * EMPTIED_AFTER, self.empty_store, [weather])
        emptying.start()
        supervising = threading.Thread(target=weather.supervise)
        supervising.start()
        watching = threading.Thread(target=weather.watch)
        watching.start()
        try:
            weather.blow(self.seconds)
        finally:
            load.stop()
            emptying.join()
        self.say("the faults are over; what was sent ends")
        connections.close_all()
        weather.leave_alone(self.beat)
        self.beat.end()
        self.drain()
        weather.over()
        supervising.join()
        watching.join()
        flusher().flush()
        truth = Truth.of(notes())
        findings = Comparison(truth, load.orders).all()
        self.report(weather, load, truth, findings)
        return 1 if findings.mismatches or weather.troubles else 0

    def empty_store(self, weather) -> None:
        """Once, as soon as it is there: what was before is no longer to be shown, what is under way is."""
        with weather.sparing(self.store):
            self.store.empty()
            weather.count[self.store.name, "emptied"] += 1

    def drain(self) -> None:
        """Wait until the broker has had nothing for so long that nothing changes any more."""
        import redis

        client = redis.Redis(port=self.broker.port)

        def is_empty() -> bool:
            return not client.llen("celery") and not client.hlen("unacked")

        quiet = time.monotonic()
        until = quiet + DRAINS_WITHIN
        while time.monotonic() - quiet < self.pace.quiet_for:
            if not is_empty():
                quiet = time.monotonic()
            if time.monotonic() > until:
                self.say(
                    f"still waiting: {client.llen('celery')} in the queue, {client.hlen('unacked')} unacknowledged"
                )
                break
            time.sleep(0.5)

    def report(self, weather, load, truth, findings) -> None:
        self.say(f"faults: {sum(weather.count.values())}")
        for (part, kind), number in sorted(weather.count.items()):
            self.say(f"  {part:10} {kind:20} {number}")
        self.say(f"tasks: {len(truth.of_tasks):,}, told of by {len(truth.notes):,} notes")
        self.say(f"refused, since broker or database were away: {dict(load.refused)}")
        for what, number in sorted(findings.compared.items()):
            self.say(f"  compared {what}: {number:,}")
        for what, number in sorted(findings.documented.items()):
            self.say(f"  lost as documented, {what}: {number:,}")
        for trouble in weather.troubles:
            self.say(f"TROUBLE {trouble}")
        for mismatch in findings.mismatches:
            self.say(f"MISMATCH {mismatch}")
            for line in truth.about(mismatch):
                self.say(f"  {line}")
        self.say(f"{len(findings.mismatches)} mismatches")

    def say(self, words: str) -> None:
        print(f"{time.strftime('%H:%M:%S', time.gmtime())} {words}", flush=True)


def main() -> int:
    minutes = float(os.environ.get("CHAOS_MINUTES", "10"))
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
    kept = os.environ.get("CHAOS_KEEP")
    directory = Path(tempfile.mkdtemp(prefix="celery-ops-chaos-", dir=kept))
    try:
        return Soak(directory, minutes * 60, seed, REAL if minutes >= 1 else SHORT).run()
    finally:
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
