"""Real beat processes of the tests' site, and what is told of them."""

import contextlib
import json
import os
import signal
import subprocess
import uuid

from celery_ops.schedules.report import completed, report
from tests import nursery
from tests.servers import FILES, wait_for

NOOP = "tests.shop.tasks.untracked_noop"
OFTEN = {"often": {"task": NOOP, "every": 1, "args": [1]}}
NIGHTLY = {"nightly": {"task": NOOP, "cron": "30 2 * * *", "args": [1]}}
SHORT = {
    "celery_ops.schedules.beat.LOOK_EVERY": 0.2,
    "celery_ops.schedules.noting.LOOK_EVERY": 0.2,
    "celery_ops.schedules.board.SIGN_EVERY": 0.3,
    "celery_ops.schedules.signing.SIGN_EVERY": 0.3,
    "celery_ops.schedules.loop.LOOK_EVERY": 0.2,
}


class Beat:
    """``celery -A tests.beating beat`` with a schedule of its own."""

    def __init__(self, env, entries=None, *options, app="tests.beating"):
        name = uuid.uuid4().hex[:8]
        self.log = FILES / f"beat-{name}.log"
        arguments = ["-A", app, "beat", "-l", "INFO", "--pidfile="]
        if not any(option.startswith("-S") for option in options):
            arguments += ["-s", str(FILES / f"beat-{name}")]
        environment = {**os.environ, "CELERY_SKIP_CHECKS": "1", **env}
        environment["TEST_BEAT_SCHEDULE"] = json.dumps(entries or {})
        self.process = nursery.celery([*arguments, *options], environment, self.log)

    def text(self):
        return self.log.read_text(errors="replace")

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def stop(self):
        """End it as an operator does."""
        self.signal(signal.SIGCONT)
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)


def entry_of(name):
    return next((one for one in completed(report(asks_around=False).schedules) if one.entry.name == name), None)


def occurred(name, times=1):
    """Wait until an entry was sent so often, and return it."""

    def seen():
        one = entry_of(name)
        sent = [occurrence for occurrence in one.occurrences if occurrence.sent] if one else ()
        return one if len(sent) >= times else None

    return wait_for(seen, f"{times} occurrences of {name}")


def codes():
    return [problem.code for problem in report(asks_around=False).problems]
