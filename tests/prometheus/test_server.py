"""A real Prometheus scrapes a real site: both boards and the alerts of celery-mixin find what they ask for."""

import contextlib
import json
import shutil
import subprocess
import uuid
from string import Template
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from celery.result import AsyncResult

from celery_ops.metrics.flushing import flusher
from tests.conftest import visiting
from tests.ops.backends import HOSTILE
from tests.servers import FILES, Site, Worker, free_port, wait_for
from tests.shop import tasks

from . import boards
from .conftest import METRICS, TOKEN

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not here")

HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2})
CONFIG = {
    "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
    "scrape_configs": [
        {
            "job_name": "celery",
            "metrics_path": METRICS,
            "authorization": {"credentials": TOKEN},
            "static_configs": [{"targets": [], "labels": {"cluster": "here", "namespace": "shop"}}],
        }
    ],
}
VARIABLES = {
    "cluster": "here",
    "namespace": "shop",
    "job": "celery",
    "queue_name": ".*",
    "task": ".*",
    "__rate_interval": "20s",
    "__range": "1h",
}
#: Patience for what takes several scrapes.
LONG = 60


class Prometheus:
    """A server with a directory and a port of its own."""

    def __init__(self, target: str) -> None:
        self.port, directory = free_port(), FILES / f"prometheus-{uuid.uuid4().hex[:6]}"
        directory.mkdir()
        CONFIG["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
        config = directory / "prometheus.yml"
        config.write_text(json.dumps(CONFIG))  # which is YAML, too
        options = [f"--config.file={config}", f"--storage.tsdb.path={directory}/data", "--log.level=error"]
        command = ["prometheus", *options, f"--web.listen-address=127.0.0.1:{self.port}"]
        self.process = subprocess.Popen(command, cwd=directory)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(parameters)}"
        with build_opener(ProxyHandler({})).open(url, timeout=5) as response:
            return json.load(response)["data"]

    def target(self):
        with contextlib.suppress(OSError):
            return next(iter(self.ask("targets")["activeTargets"]), None)
        return None

    def query(self, expression):
        """Return the series that a query finds, without those that are no number."""
        found = self.ask("query", query=Template(expression).substitute(VARIABLES))["result"]
        return [series for series in found if series["value"][1] != "NaN"]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def site(redis_server, settings, live_server):
    site = Site(f"{redis_server.url}/26", store=f"{redis_server.url}/1", results=f"{redis_server.url}/3")
    with visiting(site, settings):
        settings.CELERY_OPS = {**settings.CELERY_OPS, "METRICS_TOKEN": TOKEN}
        yield site


@pytest.fixture
def worker(site):
    """A worker that works; another one, on a host of its own, has ended."""
    environment = {**site.environment, "TEST_HURRY": HURRY}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
    Worker(f"w{uuid.uuid4().hex[:6]}@elsewhere", environment, "-c", "1", "-Q", "none", app="tests.quick_app").stop()
    yield worker
    worker.stop()


@pytest.fixture
def prometheus(site, live_server):
    server = Prometheus(live_server.url.removeprefix("http://"))
    yield server
    server.stop()


def publish():
    """Have something of everything happen, and flush what this process has counted."""
    for number in range(5):
        tasks.untracked_noop.delay(number)
    tasks.fails.delay(1)
    tasks.rejects.delay(1)
    tasks.retries.delay(1, times=1)
    AsyncResult(tasks.by_number.apply_async((1,), countdown=1).id).revoke()
    flusher().flush()


def test_every_query_of_the_boards_and_each_alert_finds_something(worker, prometheus):
    for name in HOSTILE:
        tasks.untracked_noop.apply_async((1,), queue=name.encode("utf-8", "replace").decode())
    for _ in range(101):
        tasks.untracked_noop.apply_async((1,), queue="crowded")
    wanted = {
        f"{board.__name__}: {name}": expression
        for board in (boards.overview, boards.by_task, boards.alerts)
        for name, expression in board()
    }
    assert len(wanted) == 37 + 30 + 3

    def left():
        """Return what has found nothing yet: a percentile is of what ended between the last two scrapes."""
        publish()
        target = prometheus.target() or {"lastError": "not scraped yet"}
        if not target["lastError"]:
            for name in [name for name, expression in wanted.items() if prometheus.query(expression)]:
                del wanted[name]
        return target["lastError"], [*wanted]

    with contextlib.suppress(pytest.fail.Exception):
        wait_for(lambda: not left()[1], "every query to find something", LONG)
    assert not wanted, left()
    for label, metric in boards.VARIABLES.items():
        assert prometheus.ask(f"label/{label}/values", **{"match[]": metric}), label
