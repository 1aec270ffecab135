"""Flower, a process of its own, and its list of tasks beside ours."""

import contextlib
import http.client
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from urllib.parse import urlencode

from celery import Celery
from django.urls import reverse
from kombu import Connection

from tests.celery import app
from tests.servers import free_port, wait_for

from .beside import FLOWER, browser, page, side_by_side
from .figures import Figure
from .registry import LISTS, benchmark
from .results import is_reachable, rows, table
from .timing import sized

IS_INSTALLED = find_spec("flower") is not None
ROUNDS = sized(7, quick=1)
CURVE = sized((1_000, 10_000, 100_000), quick=(500, 1_000))


class Flower:
    """``celery flower`` on this broker, as its README starts it; no tasks are forgotten under ``tasks`` of them."""

    def __init__(self, broker: str, tasks: int = 100_000) -> None:
        self.port = free_port()
        options = [f"--port={self.port}", "--address=127.0.0.1", f"--max_tasks={tasks}", "--logging=error"]
        environment = {**os.environ, "TEST_BROKER_URL": broker, "FLOWER_UNAUTHENTICATED_API": "true"}
        command = [sys.executable, "-m", "celery", "-A", "tests.celery", "flower", *options]
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=environment, **silent)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        wait_for(self._answers, "Flower to answer")

    def __enter__(self) -> "Flower":
        return self

    def __exit__(self, *_error: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, address: str) -> bytes:
        self.connection.request("GET", address)
        response = self.connection.getresponse()
        content = response.read()
        assert response.status == 200, (address, response.status, content[:500])
        return content

    def first_page(self, rows: int = 50) -> dict:
        """Return what its list asks for when it is opened, newest first."""
        asked = {"draw": 1, "start": 0, "length": rows, "order[0][column]": 0, "order[0][dir]": "desc"}
        return json.loads(self.get(f"/tasks/datatable?{urlencode({**asked, 'columns[0][data]': 'received'})}"))

    def knows(self, worker: str) -> bool:
        return worker.encode() in self.get("/workers?json=true")

    @property
    def megabytes(self) -> float:
        """What of its memory is in RAM; Linux says."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def _answers(self) -> bool:
        assert self.process.poll() is None, "Flower has ended"
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get("/healthcheck") == b"OK"
        self.connection.close()
        return False


def tell(broker: str, flower: Flower, told: int, number: int) -> None:
    """Send the events of more tasks, as workers with ``-E`` do, until Flower knows ``number`` instead of ``told``."""
    events = Celery(set_as_current=False).events
    with Connection(broker) as connection, events.Dispatcher(connection, hostname="celery@web-0") as dispatcher:
        wait_for(lambda: dispatcher.send("worker-heartbeat") or flower.knows("celery@web-0"), "Flower to listen")
        for index, row in enumerate(itertools.islice(rows(number), told, None), told + 1):
            created: datetime = row[9]
            known = {"uuid": row[0], "timestamp": created.timestamp()}
            dispatcher.send("task-received", name=row[1], args=row[2], kwargs=row[3], retries=0, **known)
            dispatcher.send("task-succeeded", result=row[8], runtime=2.0, **known)
            if index % 500 == 0:  # no faster than it hears: Redis cuts off who lags behind
                wait_for(lambda: flower.first_page(1)["recordsTotal"] >= index - 500, "Flower to hear")  # noqa: B023 - called at once
    wait_for(lambda: flower.first_page(1)["recordsTotal"] >= number, "Flower to have heard all")


@benchmark("flower", LISTS)
def lists() -> Iterator[Figure]:
    """Flower's first 50 rows as its page asks for them, beside our whole page over as many results; and its memory."""
    if not IS_INSTALLED:
        return
    vendor, broker, told = next(filter(is_reachable, ("postgresql", "sqlite"))), app.conf.broker_url, 0
    with Flower(broker) as flower:
        empty = flower.megabytes
        for number in CURVE:
            tell(broker, flower, told, number)
            told = number
            with table(vendor, number):
                ours = page(browser(), f"{reverse('celery_ops:task-list')}?page_size=50")
                yield from side_by_side(f"{number:,} tasks", ours, {FLOWER: flower.first_page}, rounds=ROUNDS)
            yield Figure.of("… memory of a process of its own", 0, "MB", peer=FLOWER, theirs=flower.megabytes)
        yield Figure.of("… of that with no task at all", 0, "MB", peer=FLOWER, theirs=empty)
