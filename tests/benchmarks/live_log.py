"""How soon a line is on the page, and what it takes a task to log a million."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec

from celery.utils import uuid
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from celery_ops import tasks_for
from celery_ops.task_logs.reading import read_log
from tests.conftest import results_at
from tests.servers import PORT, Site, Worker, wait_for
from tests.shop import tasks
from tests.shop.models import Order

from . import web
from .figures import Figure, at_most
from .registry import TRACKING, benchmark
from .setup import client, use_store
from .timing import sized

LINES = sized(40, quick=3)
MILLION = sized(1_000_000, quick=1_000)
ROUNDS = sized(7, quick=1)
MIB = 1024 * 1024
#: Notes of each line of the page when the browser has put it there, in milliseconds since the epoch.
WATCH = """() => {
  window.seen = [];
  const log = document.querySelector("celery-ops-log");
  const noted = new Set();
  new MutationObserver(() => {
    const now = Date.now();
    for (const line of log.querySelectorAll("li code"))
      if (!noted.has(line.textContent)) { noted.add(line.textContent); window.seen.push([line.textContent, now]); }
  }).observe(log, { childList: true, subtree: true });
  return Date.now();
}"""


@benchmark("live_log", TRACKING)
def live() -> Iterator[Figure]:
    """A running task's lines, each from when it was logged to when a browser has it on the task's page."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if not (web.IS_INSTALLED and binary and find_spec("playwright")):
        return
    user = User.objects.create_superuser(f"live-{uuid()[:8]}")
    viewer, name = Client(), settings.SESSION_COOKIE_NAME
    viewer.force_login(user)
    cookie = viewer.cookies[name].value
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    from playwright.sync_api import sync_playwright

    application = "tests.benchmarks.site.with_files"
    with working() as order, web.WebServer(f"{name}={cookie}", application) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(base_url=f"http://127.0.0.1:{server.port}")
        context.add_cookies([{"name": name, "value": cookie, "url": f"http://127.0.0.1:{server.port}"}])
        result = tasks.says.delay(order.pk, "in_time", number=LINES)
        wait_for(lambda: tasks_for(order) and tasks_for(order)[0].state == "STARTED", "the task to run")
        page = context.new_page()
        page.goto(reverse("celery_ops:task-detail", args=[result.id]))
        since = page.evaluate(WATCH) / 1000
        wait_for(lambda: tasks_for(order)[0].state == "SUCCESS", "the task to end", 10 * LINES)
        page.locator("celery-ops-log[data-final]").wait_for(state="attached", timeout=60_000)
        moments = [
            (float(re.search(r"at ([\d.]+)", text)[1]), seen / 1000) for text, seen in page.evaluate("window.seen")
        ]
        browser.close()
    late = sorted(seen - logged for logged, seen in moments if logged > since)  # the others came with the page
    yield Figure.of(f"{len(late)} lines of a running task, until they are on the page", late, "s", target=at_most(2))
    yield Figure.of("… the 95th percentile", late[int(len(late) * 0.95)], "s", target=at_most(2))
    yield Figure.of("… the latest", late[-1], "s")


@benchmark("million_lines", TRACKING)
def million() -> Iterator[Figure]:
    """A task that logs a million lines to nobody else, kept over not, in one process in turn."""
    ratios, grown, sizes = [], [], []
    with working() as order:
        for number in range(ROUNDS):
            spent = {}
            for task in (tasks.says, tasks.untracked_says) if number % 2 else (tasks.untracked_says, tasks.says):
                result = task.delay(order.pk, "many", number=MILLION)
                spent[task.name] = wait_for(lambda result=result: result.get(timeout=600), "a million lines")
            ratios.append(spent[tasks.says.name] / spent[tasks.untracked_says.name])
            of_task = wait_for(lambda: next((t for t in tasks_for(order) if t.state == "SUCCESS"), None), "its end")
            grown.append((of_task.peak_memory or 0) / MIB)
            assert read_log(of_task.id).next == MILLION
            sizes.append(client().memory_usage(f"celery_ops:{{~log:{of_task.id}}}", samples=0))
    yield Figure.of(f"time of a task that logs {MILLION:,} lines, kept / not", ratios, "x")
    yield Figure.of("… by how much its process grew", max(grown), "MiB", target=at_most(8))
    yield Figure.of("… bytes that the store has of it", max(sizes), target=at_most(40_000))


@contextlib.contextmanager
def working() -> Iterator[Order]:
    """Have a worker of one process meanwhile, and an order whose tasks it runs."""
    site = Site(
        f"redis://127.0.0.1:{PORT}/0", f"redis://127.0.0.1:{PORT}/1", f"redis://127.0.0.1:{PORT}/2", prefix="celery_ops"
    )
    use_store(site.store, STORE_TIMEOUT=20)
    worker = Worker("logs@bench", {**os.environ, **site.environment}, "-c", "1")
    try:
        with results_at(site.results):
            yield Order.objects.create()
    finally:
        worker.stop()
