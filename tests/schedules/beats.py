"""Real beat processes of the tests' site."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid

from tests.servers import FILES


class Beat:
    """``celery -A tests.beating beat`` with a schedule of its own."""

    def __init__(self, env, entries=None, *options, app="tests.beating"):
        name = uuid.uuid4().hex[:8]
        self.log = FILES / f"beat-{name}.log"
        command = [sys.executable, "-m", "celery", "-A", app, "beat", "-l", "INFO", "--pidfile="]
        if not any(option.startswith("-S") for option in options):
            command += ["-s", str(FILES / f"beat-{name}")]
        environment = {**os.environ, "CELERY_SKIP_CHECKS": "1", **env}
        environment["TEST_BEAT_SCHEDULE"] = json.dumps(entries or {})
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, *options], env=environment, stdout=log, stderr=log)

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
