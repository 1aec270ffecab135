"""One Chromium, one site and one prefork worker for all the tests here; a person is a context of their own."""

import itertools
import json
import os
import shutil
import uuid
from datetime import datetime, timezone

import pytest
from django.core.signals import request_finished, request_started
from django.test import Client

from celery_ops import tasks_for
from celery_ops.backends.remote.known_workers import known_workers
from tests.conftest import visiting
from tests.servers import PATIENCE, Site, Worker, unavailable, wait_for
from tests.shop.models import Order

from .screen import Screen

numbers = itertools.count(1000)
HURRY = json.dumps({"celery_ops.metrics.flushing.FLUSH_EVERY": 0.2})
#: The first is all of it but the frame, and needs half as much of a processor.
BINARIES = ("chromium-headless-shell", "chromium", "chromium-browser")
#: Of Chromium's own frame, which nobody sees: two pages of its address bar cost each window a second of a processor.
#: The last such option counts alone, so that what Playwright turns off is turned off again.
UNSEEN = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "AimEnabled",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "SpareRendererForSitePerProcess",
    "Translate",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(UNSEEN)}",
)


@pytest.fixture(scope="package")
def chromium():
    binary = next(filter(None, map(shutil.which, BINARIES)), None)
    if binary is None:
        unavailable("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("playwright")
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright runs an event loop in this thread
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=binary, args=list(ARGUMENTS))
        yield launched
        launched.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="package")
def shared(redis_server, loaded_tasks):
    site = Site(f"{redis_server.url}/9", store=f"{redis_server.url}/10", results=f"{redis_server.url}/11")
    environment = {**site.environment, "TEST_HURRY": HURRY}
    worker = Worker(f"w{uuid.uuid4().hex[:6]}@test", environment, "-c", "2", app="tests.quick_app")
    yield site, worker
    worker.stop()


@pytest.fixture
def site(shared, settings):
    with visiting(shared[0], settings) as site:
        settings.CELERY_OPS = {**settings.CELERY_OPS, "CONTROL_TIMEOUT": 5}  # waited for in full by who asks first
        known_workers().forget()
        yield site


@pytest.fixture
def worker(shared, site):
    return shared[1]


@pytest.fixture
def order(chromium, transactional_db):
    """An order of this test's own: the store is everybody's."""
    return Order.objects.create(pk=next(numbers), reference="A-1")


@pytest.fixture
def visit(chromium, live_server, site):
    """Open a page as ``user`` (None: an anonymous visitor) in a browser of their own."""
    contexts, troubles, begun, ended = [], [], [], []

    def begin(**_):
        begun.append(1)

    def end(**_):
        ended.append(1)

    request_started.connect(begin)
    request_finished.connect(end)

    def open_page(path, user=None, *, fake_time=False, **options):
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE * 1000)
        if user is not None:
            client = Client()
            client.force_login(user)
            context.add_cookies(
                [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
            )
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: said.type in ("error", "warning") and troubles.append(said.text))
        page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        if fake_time:
            page.clock.install(time=datetime.now(timezone.utc))
        page.goto(path)
        return page

    open_page.troubles = troubles
    yield open_page
    for context in contexts:
        for page in context.pages:
            page.close()  # contexts go with the browser: to close one hung for ever, once in some runs
    wait_for(lambda: len(ended) >= len(begun), "the last poll's answer")  # it must not meet the next test's database
    request_started.disconnect(begin)
    request_finished.disconnect(end)


def told(obj, condition, what):
    """Wait until a task of ``obj`` is as ``condition`` says."""
    return wait_for(lambda: next((task for task in tasks_for(obj) if condition(task)), None), what)


@pytest.fixture
def expect(chromium):
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE * 1000)
    return expect


def choose(page, task):
    page.get_by_text("Run a task").click()
    page.get_by_role("radio", name=task, exact=True).check()


def launch(page, task):
    choose(page, task)
    page.get_by_role("button", name="Run", exact=True).click()


def state(page):
    return page.locator("tr[data-key] .celery-ops-state").first


def is_poll(response):
    return "/panel/" in response.url and response.request.method == "GET"


@pytest.fixture(scope="module")
def screen(chromium):
    """What shows a page without a server."""
    return Screen(chromium.new_context())
